// Package notify tells people and programs when the condition of a farm changes:
// webhooks, mail, chats, commands. It keeps what was told to whom, so that nothing is
// said twice, and never holds up a cycle for longer than its patience.
package notify

import (
	"context"
	"time"

	"farmwall/tasks"
)

// Condition is how a farm is after a cycle: that of its worst host.
type Condition string

// The conditions, the best first.
const (
	OK          Condition = "ok"          // nothing differs; what only the inventory wants does not count
	Fixed       Condition = "fixed"       // something had differed, and was put right
	Foreign     Condition = "foreign"     // another controller has changed hosts
	Drifted     Condition = "drifted"     // hosts differ from what was applied
	OverBudget  Condition = "over-budget" // more hosts have drifted than --max-fix may put right
	Busy        Condition = "busy"        // another controller holds the lease of hosts
	Stale       Condition = "stale"       // hosts moved while they were changed
	Unreachable Condition = "unreachable" // hosts could not be reached
	Failed      Condition = "failed"      // hosts failed or were refused, and are as before
	NotOpen     Condition = "not-open"    // rules are in place, and a wanted flow is not open
	Doubtful    Condition = "doubtful"    // nobody knows how a host is: a person must look
	Broken      Condition = "broken"      // the cycle itself could not run
)

// AllFarms is the name under which a cycle that could not run is told.
const AllFarms = "*"

// Report is how one farm is.
type Report struct {
	Farm      string
	Condition Condition
	Counts    map[tasks.Status]int
	Hosts     []HostReport // those that are not well
	Text      string       // why a cycle could not run
}

// HostReport is a host that is not well.
type HostReport struct {
	Host    string       `json:"host"`
	Status  tasks.Status `json:"status"`
	Cause   string       `json:"cause,omitempty"`
	Step    string       `json:"step,omitempty"`
	Error   string       `json:"error,omitempty"`
	Hint    string       `json:"hint,omitempty"`
	Changes int          `json:"changes,omitempty"` // how many differences
}

// Event is why something is told.
type Event string

// The events.
const (
	Changed   Event = "changed"   // the condition is another one than was last told
	Recovered Event = "recovered" // it is ok again
	Reminder  Event = "reminder"  // it has not been ok for another day
)

// Message is what a receiver is told about one farm, as webhooks and commands get it.
type Message struct {
	Format     int                  `json:"format"` // 1
	Delivery   string               `json:"delivery"`
	Event      Event                `json:"event"`
	Farm       string               `json:"farm"`
	Scope      string               `json:"scope,omitempty"` // the pattern of --limit
	Condition  Condition            `json:"condition"`
	Before     Condition            `json:"before"` // what this receiver was told last
	Since      time.Time            `json:"since"`
	Time       time.Time            `json:"time"`
	Controller string               `json:"controller"`
	Run        string               `json:"run,omitempty"`
	Exit       int                  `json:"exit"`
	Text       string               `json:"text"` // one line for people
	Counts     map[tasks.Status]int `json:"counts,omitempty"`
	Hosts      []HostReport         `json:"hosts,omitempty"`
	More       int                  `json:"more,omitempty"` // hosts beyond those listed
	Chain      string               `json:"chain,omitempty"`
}

// Receiver is somebody who is told.
type Receiver interface {
	// Name names the receiver without any secret.
	Name() string
	// Wants says whether the receiver hears of a farm.
	Wants(farm string) bool
	// Send tells it once. It ends with ctx. An error that will not go away is Final.
	Send(ctx context.Context, m *Message) error
}

// Final is an error that no second try will mend.
type Final struct{ Err error }

func (f Final) Error() string { return f.Err.Error() }

// Unwrap gives back the error.
func (f Final) Unwrap() error { return f.Err }
