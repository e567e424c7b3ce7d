// Package tasks carries out farmwall's verbs against a farm: plan, apply,
// verify, drift, rollback. Only change alters a host; every verb that writes
// goes through it.
package tasks

import (
	"context"
	"net"
	"net/netip"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// Runner holds what the verbs need. Its methods may run at the same time.
type Runner struct {
	Dialer  transport.Dialer
	Dialect func(h *inventory.Host) (rules.Dialect, error)
	Rows    []rules.Row // the catalogue
	Journal Keeper
	Report  func(Event) // called from many goroutines; never nil
	Lookup  func(ctx context.Context, name string) ([]netip.Addr, error)
	// Net opens a flow from this machine, as net.Dialer.DialContext does; nil: this machine
	// probes nothing.
	Net func(ctx context.Context, network, address string) (net.Conn, error)
	Now func() time.Time
	// Controller is user@machine, printable ASCII without blanks.
	Controller string
	Forks      int
	// KeepLines has a plan leave the lines open over which it was made, some and for a
	// while, because it is carried out at once.
	KeepLines bool
	// Exit is cmd's decision on the exit code, for the journal; never nil.
	Exit func(*Summary) int

	lines   lines
	witness witness
	// sleep replaces waiting in tests; nil means real time.
	sleep func(ctx context.Context, d time.Duration) error
}

// Status is what became of one host in one verb. The order is of no meaning;
// cmd maps them to exit codes.
type Status string

// The statuses.
const (
	OK          Status = "ok"          // nothing to do, or verified
	Changed     Status = "changed"     // applied, verified and confirmed
	Differs     Status = "differs"     // differences exist (plan, drift)
	PendingOnly Status = "pending"     // drift: only the inventory wants something new
	Refused     Status = "refused"     // refused while planning; unchanged
	Restored    Status = "restored"    // failed, proven back in its old state
	Failed      Status = "failed"      // failed before anything changed
	Unreachable Status = "unreachable" // nothing changed
	Doubtful    Status = "doubtful"    // unknown, or a switch still pending: a person must look
	Stale       Status = "stale"
	LeaseTaken  Status = "lease-taken"
	NotOpen     Status = "not-open" // rules in place, a wanted flow is not really open
	Foreign     Status = "foreign"  // drift: changed by a run of another controller
	Skipped     Status = "skipped"  // not started: an earlier failure, or interrupted
)

// Outcome is what became of one host.
type Outcome struct {
	Host    string         `json:"host"`
	Farm    string         `json:"farm,omitempty"`
	Status  Status         `json:"status"`
	Step    string         `json:"step,omitempty"` // where it ended, where it did not end well
	Error   string         `json:"error,omitempty"`
	Hint    string         `json:"hint,omitempty"`
	Until   *time.Time     `json:"until,omitempty"` // when a pending switch fires
	Changes []rules.Change `json:"changes,omitempty"`
	// Pending is what only the inventory wants (drift).
	Pending  []rules.Change  `json:"pending,omitempty"`
	Accepted []Accepted      `json:"accepted,omitempty"` // drift: differences that farmwall_accept lets be
	Cause    string          `json:"cause,omitempty"`    // drift: "host", "policy", "both", "foreign rule", "run R of C"
	Flows    []JudgedFlow    `json:"flows,omitempty"`    // verify, and plan's defeated flows
	Probes   []Probed        `json:"probes,omitempty"`   // of which this host is the target
	Findings []rules.Finding `json:"findings,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
	Elapsed  time.Duration   `json:"elapsed_ns"`
	Err      error           `json:"-"`
}

// JudgedFlow is a flow with the rule that wants it and its verdict.
type JudgedFlow struct {
	Rule    string        `json:"rule"`
	Flow    rules.Flow    `json:"flow"`
	Verdict rules.Verdict `json:"verdict"`
}

// Outsider says whether the flow is of those whom its rule does not name: the
// verdict to hope for is then denied.
func (j *JudgedFlow) Outsider() bool { return j.Flow.Not != nil }

// Summary is one verb's result, its outcomes in order of the inventory.
type Summary struct {
	Verb string `json:"verb"`
	Run  string `json:"run,omitempty"` // only for verbs that write
	// Look names in the journal what a verb saw that wrote to no host (verify, drift).
	Look     string    `json:"look,omitempty"`
	Farms    []Count   `json:"farms"`
	Outcomes []Outcome `json:"hosts"`
	// Interrupted says that a signal ended the run.
	Interrupted bool `json:"interrupted,omitempty"`
	// Gone names hosts that the journal knows and the inventory does not (drift); of a
	// farm that the inventory lacks, the farm and the number of its hosts, for one journal
	// may serve several inventories.
	Gone []string `json:"gone,omitempty"`
	// Runs are those that were broken off, with what became of them (recover).
	Runs []RunEnd `json:"runs,omitempty"`
	// OverBudget says that drift put nothing right, because --max-fix allows less.
	OverBudget *Budget `json:"over_budget,omitempty"`
	// Warnings are about the inventory and not one host: accepted differences that
	// nothing matches (drift).
	Warnings []string `json:"warnings,omitempty"`
	// Chain is the journal's last hash.
	Chain string `json:"chain,omitempty"`
	// Probing is what was opened for real (verify).
	Probing *ProbeSummary `json:"probing,omitempty"`
}

// Count is a farm's name and its number of members.
type Count struct {
	Farm    string `json:"farm"`
	Members int    `json:"members"`
}

// OnFail says what a failure takes back.
type OnFail string

// The values of --on-fail.
const (
	FailHost  OnFail = "host"
	FailBatch OnFail = "batch"
	FailRun   OnFail = "run"
)

// Rollout says how a change goes through the farm.
type Rollout struct {
	// Serial are batch sizes; the last repeats; none: as many as the farm can do
	// without for a while. A saved plan's own batches hold where there is none.
	Serial []Portion
	// Soak is how long each batch is left alone before all hosts of the run are looked
	// at again and the next batch starts.
	Soak    time.Duration
	Probe   *ProbeOptions // after each batch the flows of its hosts are opened for real; nil: they are judged only
	MaxFail Portion       // more failures than this start no new batch
	// CountEarlier counts hosts that failed before the first batch, while they were read
	// or planned, for MaxFail too: where the user says how many may fail. Without it one
	// host that is switched off would keep all others from being changed.
	CountEarlier   bool
	OnFail         OnFail
	ConfirmTimeout time.Duration // the window; 0: the transport's default
	Manual         bool          // --confirm manual
	// Confirmed is asked after step 7 when Manual; it returns when the user
	// confirms here, or with an error to undo.
	// The context ends when every host was confirmed elsewhere, or the window ran out.
	Confirmed func(ctx context.Context, run string, hosts []string) error
	Strict    bool
	TakeOver  string // a farm's name whose marks may be taken over
}

// Portion is a number of hosts or a percentage of the selected ones, rounded up.
type Portion struct {
	N       int
	Percent bool
}

// EventKind is what an event tells.
type EventKind string

// The kinds of events.
const (
	RunStarted   EventKind = "run-started"
	HostStarted  EventKind = "host-started"
	HostStep     EventKind = "host-step"
	HostDone     EventKind = "host-done"
	BatchStarted EventKind = "batch-started"
	Waiting      EventKind = "waiting"
	RunDone      EventKind = "run-done"
	Notice       EventKind = "notice"
	OverBudget   EventKind = "over-budget" // drift put nothing right; Text says why
)

// Event is one thing that happened; cmd prints it.
type Event struct {
	Kind  EventKind `json:"event"`
	Time  time.Time `json:"time"`
	Run   string    `json:"run,omitempty"`
	Host  string    `json:"host,omitempty"`
	Step  string    `json:"step,omitempty"` // "dial", "observe", "arm", "redial", "confirm" ...
	Text  string    `json:"text,omitempty"`
	Done  int       `json:"done,omitempty"`  // hosts finished
	Total int       `json:"total,omitempty"` // hosts in this verb
	// Until is when a wait ends.
	Until   *time.Time `json:"until,omitempty"`
	Outcome *Outcome   `json:"outcome,omitempty"`
}
