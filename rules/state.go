package rules

import (
	"net/netip"
	"time"
)

// State is what a host was seen to be in one reading.
type State struct {
	System  string // for people: "Debian GNU/Linux 12"
	Manager string // who rules the host: "nftables", "ufw" ...
	// Places are where our rules stand or have to stand, in a fixed order.
	Places []Place
	// BlocksOutbound: traffic that the host starts is dropped unless a rule allows it.
	BlocksOutbound bool

	// Ours and Rest are the two fingerprints, SHA-256 in hex.
	Ours, Rest string

	Lease  Lease
	Token  Token
	Record Record

	// Client and Local are the two ends of the very connection that read this;
	// invalid where the host could not tell.
	Client, Local netip.AddrPort
	// Addresses are the host's own.
	Addresses []netip.Addr
	// Persistence names what loads our copy at boot: "systemd", "openrc",
	// "sysvinit"; empty: nothing can.
	Persistence string
	// Farms are the farms whose marks the host carries.
	Farms []string

	// Clock is the host's own time as it was read; zero where the host did not say.
	Clock time.Time
	// About is what else the host says of itself, for people, in a fixed order:
	// "profile", "privilege", "PowerShell".
	About []Fact

	Findings []Finding
	// Native is what the dialect itself keeps for judging and writing.
	Native any
}

// Place is one part of the host's ruleset that holds our rules.
type Place struct {
	Name string // "table inet farmwall"
	// Owned is what carries our mark there, twins included, so an ID may occur twice.
	Owned []Rule
	// Defects are what is wrong with how our rules hang there, each a Repair.
	Defects []string
}

// Lease is who may change the host. Number only grows.
type Lease struct {
	Number uint64        `json:"number"`
	Holder string        `json:"holder,omitempty"` // "user@controller run RUN", empty where none was ever taken
	Run    string        `json:"run,omitempty"`
	Since  time.Duration `json:"since_ns,omitempty"` // how long ago it was taken, on the host's clock; 0 after a reboot
}

// Token is the state of a change on the host: "", "armed", "confirming",
// "undoing" or "done".
type Token struct {
	State string        `json:"state,omitempty"`
	Left  time.Duration `json:"left_ns,omitempty"` // until the switch fires, where armed
}

// Record is what was last confirmed on the host.
type Record struct {
	Run        string    `json:"run,omitempty"`
	Controller string    `json:"controller,omitempty"`
	Digest     string    `json:"digest,omitempty"`
	Time       time.Time `json:"time,omitzero"`
}

// Fact is something that a host says of itself.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Finding is something about a host that a person should know.
type Finding struct {
	Kind string `json:"kind"` // "nat", "persistence", "legacy-tables" ...
	Text string `json:"text"`
}
