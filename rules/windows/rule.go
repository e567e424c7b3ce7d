package windows

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// action is what a rule does with what it matches.
type action int

// The actions. bypass lets authenticated traffic pass even block rules.
const (
	noAction action = iota
	allow
	block
	bypass
)

// store is where a rule comes from.
type store string

// The stores.
const (
	local store = "local"
	gpo   store = "Group Policy"
)

// The profiles as bits; allProfiles is what a rule without any Profile= has.
const (
	domain      = 1
	private     = 2
	public      = 4
	allProfiles = domain | private | public
)

// anyProtocol is the number that COM and the service use for no condition.
const anyProtocol = 256

// rule is a firewall rule as the registry holds it. Its fields are kept as they came;
// what is decoded beside them is what a packet can notice.
type rule struct {
	id    string // the value's name
	store store
	text  string
	major int
	minor int
	// fields are all of the string's, in order.
	fields []field

	action        action
	active        bool
	direction     rules.Direction
	protocol      int
	profiles      int
	localPorts    portSet
	remotePorts   portSet
	localAddress  addressSet
	remoteAddress addressSet
	interfaces    []string // GUIDs in lower case
	ifTypes       []string // "lan", "wireless", "remoteaccess"
	program       string
	service       string
	icmp          []string // types and codes; none: all
	// secured: only authenticated traffic, or traffic of certain users or machines.
	secured bool
	// packaged: only one package's (AppPkgId) or user's (LUOwn) programs.
	packaged bool
	name     string
	desc     string
	group    string
	platform []platform
	skip     string // SkipVer
	// doubts are what may be a condition and is not evaluated: fields and values that are
	// not known, or whose truth the observation does not tell.
	doubts []string
	// elsewhere: it is for other versions of Windows.
	elsewhere bool
	// wrong is why the string is no rule at all; then Windows ignores it or nobody knows.
	wrong string
}

// field is one KEY=VALUE; one that is not valued has no equals sign.
type field struct {
	key, value string
	valued     bool
}

// platform is one Platform= condition, or the operator of the last one.
type platform struct {
	kind, major, minor int
	atLeast            bool
}

// addressSet is a condition on addresses: spans or keywords, of which either is
// enough. One without both is no condition.
type addressSet struct {
	spans   rules.Spans
	words4  []string // keywords of RA4= and RA42=
	words6  []string
	entries int // other than keywords
}

func (a *addressSet) any() bool {
	return a.entries == 0 && len(a.words4) == 0 && len(a.words6) == 0
}

// String is the rule in the words of a verdict: its name, and its ID where it has
// another one.
func (r *rule) String() string {
	name := r.name
	if name == "" || strings.HasPrefix(name, "@") {
		name = strings.TrimSpace(r.id + " " + r.name)
	}
	what := "rule"
	if r.action == block {
		what = "block rule"
	}
	return fmt.Sprintf("%s %s (%s)", what, brief(name), r.store)
}

// ours says whether the rule counts as ours: it is in the local store and its name
// begins with our prefix.
func (r *rule) ours() bool { return r.store == local && strings.HasPrefix(r.name, rules.Prefix) }

// brief makes a host's text fit for a message: no control characters, and not long.
func brief(s string) string {
	const most = 200
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x2028 || c == 0x2029 || c == 0xfeff || c >= 0x200b && c <= 0x200f || c >= 0x202a && c <= 0x202e {
			return '?'
		}
		return c
	}, s)
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
