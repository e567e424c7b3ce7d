package linux

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"

	"farmwall/rules"
)

// program is a ruleset made ready for walking: read from JSON once, walked for many flows.
type program struct {
	tables []*ruleTable
	bases  []*ruleChain // base chains of tables that are not dormant, by priority

	legacy map[string]bool   // legacy tables that are followed, "ip filter"
	unread map[string]string // why a save could not be read, by "ip legacy"
}

type ruleTable struct {
	*Table
	chains map[string]*ruleChain
	sets   map[string]*values
	maps   map[string][]branch
	legacy bool // of the legacy back end, which nft does not show
}

// Place is the table's name, as Table has it.
func (t *ruleTable) Place() string {
	if t.legacy {
		return "legacy iptables table " + t.Family + " " + t.Name
	}
	return t.Table.Place()
}

type ruleChain struct {
	*Chain
	table *ruleTable
	rules []*rule

	disputed dispute
	lists    map[int]*blocklist // by the index of their first rule
	at       string             // its place in words
	policy   string             // its policy in words
}

// place is the chain in words.
func (c *ruleChain) place() string { return c.at }

func newChain(t *ruleTable, c *Chain) *ruleChain {
	rc := &ruleChain{Chain: c, table: t, at: t.Place() + " chain " + c.Name}
	t.chains[c.Name] = rc
	return rc
}

// rule is one rule as steps.
type rule struct {
	*NftRule
	chain *ruleChain
	index int
	steps []step
	gate  gate
	said  string // the rule in words
}

func (r *rule) own() bool { return strings.HasPrefix(r.Comment, rules.Prefix) }

// kind is what a step does.
type kind int

const (
	matches  kind = iota // goes on where the match is true
	decides              // ends the rule with a verdict
	branches             // a verdict map
	doubts               // goes on for some packets, nobody can say which
	rewrites             // what becomes of the packet cannot be followed
	marks                // sets the packet's or the connection's mark
	zones                // puts the packet into another zone of connection tracking
	renames              // gives the packet another source address, and accepts it
	untracks             // takes the packet out of connection tracking
	fills                // puts the packet's key into a named set
	gone                 // the rest of the rule is not looked at: continue
)

// step is one statement of a rule.
type step struct {
	kind    kind
	match   *match
	verdict verdict
	cases   []branch
	key     []selector
	why     string // doubts, rewrites
	mark    *remark
	set     string
}

// verdict is accept, drop, return, jump, goto or continue.
type verdict struct {
	name   string
	target string
}

// branch is one element of a verdict map.
type branch struct {
	value   values
	verdict verdict
}

// match compares.
type match struct {
	op    string
	left  []selector // more than one for a concatenation
	right values

	any [][]match // instead of the above: alternatives, each of several comparisons
	not bool      // true of what none of any is true of
}

// selector names one property of a packet.
type selector struct {
	object string // "meta", "ct", "fib", "payload" or "" for what is not known
	name   string // the key, or PROTOCOL.FIELD
	mask   *rules.Number
	text   string // for messages
}

// walkable makes the program of what was read, once. Ruleset must not be nil.
func (r *Reading) walkable() *program {
	r.Ruleset.once.Do(func() { r.Ruleset.compiled = compile(r.Ruleset, r.Saves) })
	return r.Ruleset.compiled
}

func compile(r *Ruleset, saves []Save) *program {
	p := &program{legacy: map[string]bool{}, unread: map[string]string{}}
	shown := map[string]*SaveTables{} // by family, of the nft back end
	for i := range saves {
		s, err := ParseSave(saves[i].Text)
		switch {
		case err != nil:
			p.unread[saves[i].Family+" "+saves[i].Backend] = err.Error()
		case saves[i].Backend == "legacy":
			p.addLegacy(saves[i].Family, s)
		default:
			shown[saves[i].Family] = s
		}
	}
	for _, t := range r.Tables {
		p.addTable(t, shown[t.Family].Table(t.Name))
	}
	// Of one priority the chain that was made last comes first.
	slices.Reverse(p.bases)
	sort.SliceStable(p.bases, func(i, j int) bool { return p.bases[i].Priority < p.bases[j].Priority })
	p.settle()
	return p
}

// addTable adds a table of nft's listing; saved is iptables' view of it, or nil.
func (p *program) addTable(t *Table, saved *SaveTable) {
	rt := &ruleTable{Table: t, chains: map[string]*ruleChain{}, sets: map[string]*values{}, maps: map[string][]branch{}}
	p.tables = append(p.tables, rt)
	for name, s := range t.Sets {
		if s.Kind == "map" {
			rt.maps[name] = readBranches(s.Elem)
			continue
		}
		v := parseSet(s.Elem)
		rt.sets[name] = &v
	}
	names := map[string]bool{}
	for _, c := range t.Chains {
		names[c.Name] = true
	}
	for _, c := range t.Chains {
		rc := newChain(rt, c)
		list := savedRules(saved, c)
		for i, n := range c.Rules {
			if list == nil {
				rc.rules = append(rc.rules, newRule(n, rc, i, readSteps(n.Expr)))
				continue
			}
			said := *n
			said.Text = list[i].Text
			if comment := list[i].Comment(); comment != "" {
				said.Comment = comment
			}
			steps := readSteps(n.Expr)
			if n.onlySaved() {
				steps = saveSteps(list[i], t.Family == "ip", false, names)
			}
			rc.rules = append(rc.rules, newRule(&said, rc, i, steps))
		}
		if c.Hook != "" && !t.Dormant {
			p.add(rc)
		}
	}
}

// add adds a base chain.
func (p *program) add(c *ruleChain) {
	c.policy = c.at + " policy " + c.Policy
	p.bases = append(p.bases, c)
}

func newRule(n *NftRule, c *ruleChain, index int, steps []step) *rule {
	r := &rule{NftRule: n, chain: c, index: index, steps: steps, gate: gateOf(steps)}
	r.said = r.words()
	return r
}

// parseSet reads the elements of a named set.
func parseSet(elements []json.RawMessage) values {
	var v values
	var list []rules.Span
	for _, e := range elements {
		v.read(e, &list, 0)
	}
	v.bits = false
	v.nums = rules.NewSpans(list)
	return v
}

// readBranches reads the elements of a verdict map; what is not one is left out, and
// looking such a map up is in doubt.
func readBranches(elements []json.RawMessage) []branch {
	var out, last []branch
	for _, e := range elements {
		var pair []json.RawMessage
		if json.Unmarshal(e, &pair) != nil || len(pair) != 2 {
			out = append(out, branch{value: values{odd: true, all: true}, verdict: verdict{name: "?"}})
			continue
		}
		b := branch{value: parseValue(pair[0]), verdict: readVerdict(pair[1])}
		if b.value.all {
			last = append(last, b)
		} else {
			out = append(out, b)
		}
	}
	return append(out, last...)
}

// readVerdict reads {"accept": null}, {"jump": {"target": "c"}} ...; "?" is none.
func readVerdict(raw json.RawMessage) verdict {
	name, inner := statement(raw)
	switch name {
	case "accept", "drop", "return", "continue":
		return verdict{name: name}
	case "jump", "goto":
		var to struct{ Target string }
		if json.Unmarshal(inner, &to) == nil && to.Target != "" {
			return verdict{name: name, target: to.Target}
		}
	}
	return verdict{name: "?"}
}
