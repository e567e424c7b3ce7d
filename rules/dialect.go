package rules

import "time"

// Dialect is the language of one kind of host. Everything in it is pure: it
// makes scripts and reads what they printed.
type Dialect interface {
	Reader
	Writer
	Frame
}

// Reader reads a host: all of its tables together are its truth.
type Reader interface {
	// Observe is the one script that reads everything; it needs no input but the
	// request.
	Observe() Script
	// Decode reads what Observe printed.
	Decode(out []byte) (*State, error)
	// Judge says what a flow meets on the host; what it cannot evaluate exactly
	// makes the answer unknown.
	Judge(s *State, f Flow) Verdict
}

// PortBounder is what a Reader may offer so that a long range of ports is judged
// exactly without asking for every port of it.
type PortBounder interface {
	// PortBounds returns ports, in order: from each of them on, to the one before the
	// next, no rule of the host tells ports apart. ok is false where that cannot be
	// said of this host.
	PortBounds(s *State) (bounds []uint16, ok bool)
}

// FlowKeeper is what a Reader may offer: flows of its platform that no change may
// close, besides those that Kept knows.
type FlowKeeper interface {
	// KeptFlows returns them with exactly the sources that are let in now, so that
	// each is allowed as a whole; remote desktop on Windows, for one.
	KeptFlows(s *State) []Flow
}

// Writer says what must be written so that wanted rules are true.
type Writer interface {
	// Check refuses what cannot be said or done on this host exactly, all of it
	// at once, as Refusals.
	Check(s *State, want Set) error
	// Diff compares every place of the host with what it should hold; want must
	// be settled. While State.Token is armed or confirming it leaves the persistent
	// copy and its unit out: the confirm writes them.
	Diff(s *State, want Set) []Change
	// Target is the copy that makes want true of the host; an empty want takes
	// off all that is ours.
	Target(s *State, want Set) (Copy, error)
	// Undo is the copy that puts back exactly what is ours now, from the host's
	// own bytes.
	Undo(s *State) (Copy, error)
}

// Frame makes the scripts of a change: lease, lock, token, switch, confirm.
type Frame interface {
	// Change is steps 3 to 6 of the protocol.
	Change(r ChangeRequest) Script
	// Confirm is steps 8 to 10.
	Confirm(r ConfirmRequest) Script
	// Revert asks the switch to undo now, waits for it, and answers what it came to.
	Revert(r RevertRequest) Script
	// Recover finishes, under the lock, what a token found confirming or undoing began,
	// and answers the token's state.
	Recover() Script
	// Answer reads what one of these printed.
	Answer(out []byte) (*Report, error)
}

// Copy is a form of our rules that the host's own script can test and load: the
// apply, the undo, and the persistent copy are all copies. Its text belongs to
// the dialect.
type Copy []byte

// Shell is what runs a script.
type Shell string

// The shells.
const (
	Sh         Shell = "sh"
	PowerShell Shell = "powershell"
)

// Script is a fixed program and its data. Body is made of embedded files only;
// values travel in Input.
//
// The transport guarantees: the script gets Input on standard input to its end
// and nothing else; $1 is the connection as "CLIENT-ADDR CLIENT-PORT HOST-ADDR
// HOST-PORT", read before any sudo, or empty; it runs with the right that the
// access asks for; only what it prints comes back, and its exit status.
type Script struct {
	Name  string // "observe", "change" ...: for messages
	Shell Shell
	Body  string
	Input []byte
}

// ChangeRequest is what the host needs to make one change or to refuse it.
type ChangeRequest struct {
	Run        string // [a-zA-Z0-9-], at most 64
	Controller string // user@machine, printable ASCII without blanks
	Lease      uint64 // the number that was seen; the host takes Lease+1 or refuses
	Ours, Rest string // the fingerprints that were seen
	Window     time.Duration
	Target     Copy
	Undo       Copy
	Digest     string // SHA-256 of the target set, for the record
}

// ConfirmRequest confirms the armed change of a lease.
type ConfirmRequest struct {
	Run        string
	Controller string
	Lease      uint64 // our own, the one that the change took
	Time       time.Time
}

// RevertRequest asks for the undo of an armed change.
type RevertRequest struct {
	Run   string
	Lease uint64
}

// Result is what came of a script of the frame.
type Result string

// The results.
const (
	Applied   Result = "applied"   // change: loaded, the switch is armed
	Confirmed Result = "confirmed" // confirm: done, persistent, switch gone
	Undone    Result = "undone"    // back in the old state
	Idle      Result = "idle"      // recover: nothing was unfinished
	Pending   Result = "pending"   // a switch is armed and may still fire
	Taken     Result = "taken"     // another lease number, or a live token: nothing changed
	StaleOurs Result = "stale-ours"
	StaleRest Result = "stale-rest"
	Refused   Result = "refused" // a test failed before anything changed
	Failed    Result = "failed"  // the load failed; the switch was asked to undo
	TooLate   Result = "too-late"
)

// Report is the answer of a script of the frame.
type Report struct {
	Result Result
	Lease  uint64
	// Ours is the fingerprint of what is ours right after a confirm, the persistent
	// copy included; empty where the host did not say.
	Ours string
	// Left is how long the switch still waits, on the host's monotonic clock.
	Left time.Duration
	// Holder names who holds the lease where Result is Taken.
	Holder string
	// Message is the host's own words, where something failed.
	Message string
	// Unsaved says that the confirm could not make the rules persistent, and why.
	Unsaved string
}
