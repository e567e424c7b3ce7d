package tasks

import (
	"context"
	"errors"
	"io"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// DriftOptions say what drift does about what it finds.
type DriftOptions struct {
	// Fix restores what was last applied and confirmed.
	Fix bool
	// ToInventory makes Fix apply what the inventory wants now instead.
	ToInventory bool
	Rollout     Rollout
}

// VerifyOptions are verify's choices.
type VerifyOptions struct {
	// Strict counts an exposed or unknown flow as not right (NotOpen).
	Strict bool
}

// Pong is what ping learned about one host.
type Pong struct {
	Outcome
	System      string        `json:"system,omitempty"`
	Manager     string        `json:"manager,omitempty"`
	Persistence string        `json:"persistence,omitempty"` // what loads our rules at boot; empty: nothing can
	Lease       rules.Lease   `json:"lease"`
	Token       rules.Token   `json:"token"`
	Record      rules.Record  `json:"record"`
	Farms       []string      `json:"farms,omitempty"` // whose marks the host carries
	Client      string        `json:"client,omitempty"`
	Local       string        `json:"local,omitempty"`
	Took        time.Duration `json:"took_ns"` // dialling, logging in and reading
}

var errNotYet = errors.New("this verb is being built")

// PlanRollback says what taking back a run would do; nil hosts means all of the run.
func (r *Runner) PlanRollback(ctx context.Context, inv *inventory.Inventory, run string, hosts []*inventory.Host, opt PlanOptions) (*Plan, *Summary, error) {
	return nil, nil, errNotYet
}

// Rollback takes back a run, the newest host first: PlanRollback and Apply.
func (r *Runner) Rollback(ctx context.Context, inv *inventory.Inventory, run string, hosts []*inventory.Host, how Rollout) (*Summary, error) {
	return nil, errNotYet
}

// Drift compares the hosts with what was last applied and confirmed on each.
func (r *Runner) Drift(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt DriftOptions) (*Summary, error) {
	return nil, errNotYet
}

// Verify judges every wanted flow on the hosts.
func (r *Runner) Verify(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt VerifyOptions) (*Summary, error) {
	return nil, errNotYet
}

// Confirm dials every armed host of the run afresh, checks it and confirms it.
func (r *Runner) Confirm(ctx context.Context, inv *inventory.Inventory, run string) (*Summary, error) {
	return nil, errNotYet
}

// Recover finds out what became of hosts that a run left unfinished, by reading
// them, and completes the journal. Nil hosts means all.
func (r *Runner) Recover(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host) (*Summary, error) {
	return nil, errNotYet
}

// Ping logs in to the hosts and reads them.
func (r *Runner) Ping(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host) ([]Pong, *Summary, error) {
	return nil, nil, errNotYet
}

// Write writes the plan file. The caller opens it with mode 0600.
func (p *Plan) Write(w io.Writer) error { return errNotYet }

// ReadPlan reads a plan file and refuses one that was altered or is newer than
// PlanFormat.
func ReadPlan(src io.Reader) (*Plan, error) { return nil, errNotYet }
