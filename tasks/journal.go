package tasks

import (
	"context"
	"errors"
	"time"

	"farmwall/rules"
)

// ErrNoRun says that the journal knows no such run.
var ErrNoRun = errors.New("no such run")

// RunRecord is one run of a verb that writes.
type RunRecord struct {
	ID         string    `json:"run"`
	Verb       string    `json:"verb"`
	Controller string    `json:"controller"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`       // zero: unfinished
	PlanDigest string    `json:"plan_digest"` // of the plan that was applied; empty: none
	Exit       int       `json:"exit"`
	// OnFail is what a failure takes back, MaxFail the failures allowed, Batches the
	// hosts that are changed together, the first batch first.
	OnFail  OnFail     `json:"on_fail,omitempty"`
	MaxFail int        `json:"max_fail,omitempty"`
	Batches [][]string `json:"batches,omitempty"`
	// Of is the run that this one takes back, as that one's OnFail asks for.
	Of string `json:"of,omitempty"`
	// Hosts are the run's intents with their outcomes, filled by Run only.
	Hosts []HostRecord `json:"hosts,omitempty"`
}

// OpenRun is a run that came to no end, with its hosts, and the runs that were to
// take it back, the oldest first, without theirs.
type OpenRun struct {
	RunRecord
	Takes []RunRecord
}

// HostRecord is what a run meant to do to one host, written before it was done,
// and what came of it.
type HostRecord struct {
	Run    string    `json:"run"`
	Farm   string    `json:"farm"`
	Host   string    `json:"host"`
	Lease  uint64    `json:"lease"`  // the number the change takes
	Before rules.Set `json:"before"` // what was last confirmed, as far as known
	Target rules.Set `json:"target"`
	// Baseline is what drift compares the host with afterwards, where that is not Target:
	// it is without the differences that were accepted and left alone.
	Baseline rules.Set  `json:"baseline,omitempty"`
	Undo     rules.Copy `json:"-"` // our part of the host, in its own bytes, before
	// Drifted says that the host did not hold Before, so that only Undo leads back.
	Drifted bool   `json:"drifted,omitempty"`
	Ours    string `json:"ours"`
	// Changes are what the plan showed.
	Changes []rules.Change `json:"changes,omitempty"`
	Started time.Time      `json:"started"`
	// Status is empty while unfinished.
	Status   Status    `json:"status,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	OursThen string    `json:"ours_then,omitempty"` // fingerprint after the change
	Ended    time.Time `json:"ended"`
}

// Confirmed is the set that was last applied and confirmed on a host.
type Confirmed struct {
	Run    string
	Time   time.Time
	Set    rules.Set // HostRecord.Baseline, else its Target
	Digest string    // of the Target
	Ours   string    // fingerprint right after
}

// Keeper is what the verbs ask of the journal. Every write is on disk when it
// returns.
type Keeper interface {
	// Begin records a run before its first host. A plan digest that was already
	// applied is refused with ErrAppliedBefore.
	Begin(ctx context.Context, run RunRecord) error
	// Intend records a host's target and undo before the host changes.
	Intend(ctx context.Context, h HostRecord) error
	// Finish records what came of a host; it may be called again to complete a
	// host that was left unfinished.
	Finish(ctx context.Context, run, farm, host string, status Status, detail, ours string) error
	// End records the end of a run.
	End(ctx context.Context, run string, exit int) error
	// Cycle records a drift cycle in one row.
	Cycle(ctx context.Context, at time.Time, hosts, differing int) error
	// Witness keeps what was seen of hosts, for reports, all of it in one write.
	Witness(ctx context.Context, seen []Evidence) error
	// Summarise keeps how every host of a verb fared, in one row.
	Summarise(ctx context.Context, s SummaryRecord) error

	// Last returns what was last confirmed on a host, or nil: the target of the
	// newest host record that was finished as Changed.
	Last(ctx context.Context, farm, host string) (*Confirmed, error)
	// Known returns the hosts with a confirmed, non-empty last set: farm and name.
	Known(ctx context.Context) ([][2]string, error)
	// Unfinished returns the hosts that were begun and never finished. A host in
	// doubt is not finished, so that it is found here.
	Unfinished(ctx context.Context) ([]HostRecord, error)
	Runs(ctx context.Context) ([]RunRecord, error)
	Run(ctx context.Context, id string) (*RunRecord, error)
	// Open returns, the oldest first, the runs that came to no end: those that were
	// never ended, and those of which hosts are still to be taken back.
	Open(ctx context.Context) ([]OpenRun, error)
	// Going says whether a process on this machine is busy with the run.
	Going(ctx context.Context, run string) (bool, error)
	// Knows says whether the journal holds the run.
	Knows(ctx context.Context, run string) (bool, error)
	// Chain returns the last entry's hash, empty for an empty journal.
	Chain(ctx context.Context) (string, error)
}
