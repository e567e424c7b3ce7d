package tasks

import (
	"time"

	"farmwall/rules"
)

// PlanFormat is the number of the plan file's format. Older ones are read, newer
// ones refused.
const PlanFormat = 2

// Plan is what a verb that writes would do, as a value: it can be saved,
// reviewed, and applied once. It holds no connection and no secret.
type Plan struct {
	Format     int       `json:"format"`
	ID         string    `json:"id"`
	Verb       string    `json:"verb"` // "apply", "rollback", "remove", "drift"
	Made       time.Time `json:"made"`
	Controller string    `json:"controller"`
	Strict     bool      `json:"strict,omitempty"`
	TakeOver   string    `json:"take_over,omitempty"`
	// Farms are all farms of the inventory that the plan was made from.
	Farms []FarmPlan `json:"farms"`
	// Hosts stand in order of the inventory.
	Hosts []HostPlan `json:"hosts"`
	// Batches name the hosts that are changed together, the first batch first. Format 1
	// has none.
	Batches [][]string `json:"batches,omitempty"`

	// digest is the SHA-256 of the plan file; empty for a plan that was neither
	// written nor read.
	digest string
}

// FarmPlan says what a farm was when the plan was made: each member with a
// digest of its name, roles and addresses. A farm that is not the same any more
// is refused.
type FarmPlan struct {
	Farm    string            `json:"farm"`
	Members map[string]string `json:"members"`
	// Notes are what a person should know about the whole farm.
	Notes []string `json:"notes,omitempty"`
}

// HostPlan is what is to be done to one host.
type HostPlan struct {
	Host string `json:"host"`
	// Farm is the farm by which the journal knows the host; for a host that is no
	// member any more, its former one.
	Farm string `json:"farm"`
	// Entry is the digest of the host's inventory entry, without secrets.
	Entry string `json:"entry"`

	System  string `json:"system,omitempty"`
	Manager string `json:"manager,omitempty"`
	Ours    string `json:"ours,omitempty"` // the two fingerprints that were seen
	Rest    string `json:"rest,omitempty"`
	Lease   uint64 `json:"lease,omitempty"`

	// BlocksOutbound decides which of the wanted outbound rules the host needs.
	BlocksOutbound bool `json:"blocks_outbound,omitempty"`
	// Wanted is not settled: it holds outbound rules that the host may not need.
	Wanted  rules.Set      `json:"wanted,omitempty"`
	Changes []rules.Change `json:"changes,omitempty"`
	// Back is the fingerprint that a way back must end in (rollback). Exact is a
	// saved copy to load instead of one made from Wanted: the host's own bytes, where
	// these held something that no set says.
	Exact rules.Copy `json:"exact,omitempty"`
	Back  string     `json:"back,omitempty"`
	// baseline is what drift holds the host against from then on, where that is not
	// Wanted: the last confirmed set, while Wanted leaves an accepted difference alone.
	baseline rules.Set

	// Flows are wanted flows that are not open although their rules are in place.
	Flows    []JudgedFlow    `json:"flows,omitempty"`
	Findings []rules.Finding `json:"findings,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
	// Notes say which defaults decided, and where there is nobody to open to.
	Notes []string `json:"notes,omitempty"`
	// Problem is why nothing can be planned for the host, or nothing done.
	Problem *Problem `json:"problem,omitempty"`
}

// Problem is why a host was not planned.
type Problem struct {
	Status Status `json:"status"` // Refused, Unreachable, Failed, LeaseTaken or Skipped
	Step   string `json:"step,omitempty"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`

	later bool // a later run has changed the host, so this one has nothing to take back
}

// PlanOptions are the choices that a plan is made under.
type PlanOptions struct {
	// Strict refuses a host where a wanted flow is known to stay closed.
	Strict bool
	// TakeOver names a farm whose marks may be taken over.
	TakeOver string
	// Serial are the sizes of the batches that the plan shows, as in Rollout.
	Serial []Portion
}

// Pending says whether the plan would change anything.
func (p *Plan) Pending() bool {
	for i := range p.Hosts {
		if p.Hosts[i].Problem == nil && p.Hosts[i].changes() {
			return true
		}
	}
	return false
}

// changes says whether there is anything to do on the host.
func (hp *HostPlan) changes() bool {
	return len(hp.Changes) > 0 || hp.Back != "" && hp.Ours != hp.Back
}

// settled is what the host is to hold.
func (hp *HostPlan) settled() rules.Set {
	return hp.Wanted.Settle(&rules.State{BlocksOutbound: hp.BlocksOutbound})
}
