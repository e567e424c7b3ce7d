// Package evidence makes reports of what the journal keeps: what each host was seen
// to be, what was changed, who may reach what and why, and how the farm drifted. It
// is pure: a Report is a value, and each writer turns it into one format.
package evidence

import (
	"net/netip"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// Format is the number of the report's form as JSON.
const Format = 1

// Report is everything that a report says.
type Report struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of farmwall
	Made    time.Time `json:"made"`
	Scope   Scope     `json:"scope"`
	Farms   []Farm    `json:"farms"`
	Runs    []Run     `json:"runs"` // the oldest first
	// Hosts are in order of farm, then of the inventory where it is known, else of names.
	Hosts    []Host              `json:"hosts"`
	Exposure Exposure            `json:"exposure"`
	Cycles   []tasks.CycleRecord `json:"cycles,omitempty"`
	Totals   Totals              `json:"totals"`
	Chain    Chain               `json:"chain"`
	// Notes are what the reader should know of the report itself.
	Notes []string `json:"notes,omitempty"`
}

// Scope is what a report is about: one run, or a time.
type Scope struct {
	Run   string    `json:"run,omitempty"`
	Verb  string    `json:"verb,omitempty"` // of the run
	Since time.Time `json:"since,omitzero"`
}

// Farm is a farm's name and size; Members is 0 where only the journal is known.
type Farm struct {
	Farm    string `json:"farm"`
	Members int    `json:"members"`
}

// Run is one run, or one verb that only looked.
type Run struct {
	Run        string               `json:"run"`
	Verb       string               `json:"verb"`
	Controller string               `json:"controller,omitempty"`
	Started    time.Time            `json:"started"`
	Ended      time.Time            `json:"ended,omitzero"` // zero: unfinished
	Exit       *int                 `json:"exit,omitempty"`
	Statuses   map[tasks.Status]int `json:"statuses,omitempty"` // hosts by what became of them
}

// Host is what is known of one host.
type Host struct {
	Host    string             `json:"host"`
	Farm    string             `json:"farm"`
	Roles   []inventory.Role   `json:"roles,omitempty"`
	At      inventory.Position `json:"at"` // in the inventory
	System  string             `json:"system,omitempty"`
	Manager string             `json:"manager,omitempty"`

	Run     string           `json:"run,omitempty"`   // that saw this; empty: nobody looked
	Verb    string           `json:"verb,omitempty"`  // of Run
	Seen    time.Time        `json:"seen,omitzero"`   // when
	Status  tasks.Status     `json:"status,omitzero"` // what became of it
	Step    string           `json:"step,omitempty"`
	Error   string           `json:"error,omitempty"`
	Hint    string           `json:"hint,omitempty"`
	Cause   string           `json:"cause,omitempty"`
	Started time.Time        `json:"started,omitzero"`
	Elapsed time.Duration    `json:"elapsed_ns,omitempty"`
	Steps   []tasks.StepTime `json:"steps,omitempty"`

	Openings []Opening        `json:"openings,omitempty"` // who may reach what, and why
	Before   *tasks.Pairs     `json:"before,omitempty"`   // exposure before the change
	After    *tasks.Pairs     `json:"after,omitempty"`    // exposure as last seen
	Changes  []rules.Change   `json:"changes,omitempty"`
	Pending  []rules.Change   `json:"pending,omitempty"`
	Accepted []tasks.Accepted `json:"accepted,omitempty"` // differences that farmwall_accept lets be
	Probes   []tasks.Probed   `json:"probes,omitempty"`
	Findings []rules.Finding  `json:"findings,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`

	addresses []netip.Addr
}

// Opening is one rule of a host: what it opens, to whom, why, and what its flows met.
type Opening struct {
	Rule      string              `json:"rule"`
	Direction rules.Direction     `json:"direction"`
	Protocol  string              `json:"protocol"` // "tcp", "udp", or a number
	Ports     string              `json:"ports,omitempty"`
	From      Sources             `json:"from"` // whither, where the direction is out
	Block     bool                `json:"block,omitempty"`
	Row       string              `json:"row,omitempty"` // of the port reference
	Role      inventory.Role      `json:"role,omitempty"`
	Why       string              `json:"why,omitempty"`
	Deciders  []string            `json:"deciders,omitempty"`
	At        *inventory.Position `json:"at,omitempty"` // that decided, where it is not the host
	Before    rules.Answer        `json:"before,omitempty"`
	Answer    rules.Answer        `json:"answer,omitempty"` // empty: nobody looked
	By        string              `json:"by,omitempty"`
	Reason    string              `json:"reason,omitempty"`
	// Others is what everybody else meets at these ports, whom no rule names.
	Others   rules.Answer `json:"others,omitempty"`
	OthersBy string       `json:"others_by,omitempty"`
	Probes   ProbeCount   `json:"probes,omitzero"`

	ports []inventory.PortRange
	key   string // equal for rules that show the same
}

// Sources is whom a rule names.
type Sources struct {
	Anywhere bool `json:"anywhere,omitempty"`
	Loopback bool `json:"loopback,omitempty"`
	// Groups are the members that are named, by their group of equal roles.
	Groups []GroupPart `json:"groups,omitempty"`
	// Every: all other members of the farm are named.
	Every bool `json:"every_member,omitempty"`
	// Networks are addresses of nobody in the farm, at most shownNetworks; More counts the rest.
	Networks []string `json:"networks,omitempty"`
	More     int      `json:"more,omitempty"`
	// Starters are the roles that start this flow by the port reference, where it says so.
	Starters []inventory.Role `json:"starters,omitempty"`
}

// GroupPart is how many of a group's hosts are named.
type GroupPart struct {
	Group string `json:"group"`
	Hosts int    `json:"hosts"`
	Of    int    `json:"of"`
}

// ProbeCount counts probes by what they proved.
type ProbeCount struct {
	Right      int `json:"right,omitempty"`
	Wrong      int `json:"wrong,omitempty"`
	Nothing    int `json:"nothing,omitempty"` // proved nothing
	PathBlocks int `json:"path_blocks,omitempty"`
}

// Exposure is the farm's (source, port) pairs, before what the report is about and
// after, over the hosts for which both are known (Hosts), else as last seen.
type Exposure struct {
	Hosts  int          `json:"hosts"`
	Before *tasks.Pairs `json:"before,omitempty"`
	After  *tasks.Pairs `json:"after,omitempty"`
	// Seen is over all hosts that were looked at, as last seen.
	Seen      *tasks.Pairs `json:"seen,omitempty"`
	SeenHosts int          `json:"seen_hosts"`
}

// Totals counts over all hosts.
type Totals struct {
	Statuses map[tasks.Status]int `json:"statuses"`
	Unseen   int                  `json:"unseen"` // hosts that nobody looked at
	// Flows are the wanted flows by what they met; Exposed are ports that also others reach.
	Flows   map[rules.Answer]int `json:"flows"`
	Exposed int                  `json:"exposed"`
	Probes  ProbeCount           `json:"probes"`
	Changes int                  `json:"changes"`
	Pending int                  `json:"pending"`
}

// Chain says whether the journal is what was written.
type Chain struct {
	Entries int64  `json:"entries"`
	Last    string `json:"last"`             // the last entry's hash
	Damage  string `json:"damage,omitempty"` // empty: every entry is as it was written
}
