package linux

import (
	"encoding/json"
	"sort"
	"strings"

	"farmwall/rules"
)

// program is a ruleset made ready for walking: read from JSON once, walked for many flows.
type program struct {
	tables []*ruleTable
	bases  []*ruleChain // base chains of tables that are not dormant, by priority
}

type ruleTable struct {
	*Table
	chains map[string]*ruleChain
	sets   map[string]*values
	maps   map[string][]branch
}

type ruleChain struct {
	*Chain
	table *ruleTable
	rules []*rule
}

// place is the chain in words.
func (c *ruleChain) place() string { return c.table.Place() + " chain " + c.Name }

// rule is one rule as steps.
type rule struct {
	*NftRule
	chain *ruleChain
	index int
	steps []step
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
	marks                // sets the packet's mark
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
	mark    *number
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
}

// selector names one property of a packet.
type selector struct {
	object string // "meta", "ct", "fib", "payload" or "" for what is not known
	name   string // the key, or PROTOCOL.FIELD
	mask   *number
	text   string // for messages
}

// walkable makes the program of a ruleset, once.
func (r *Ruleset) walkable() *program {
	r.once.Do(func() { r.compiled = compile(r) })
	return r.compiled
}

func compile(r *Ruleset) *program {
	p := &program{}
	for _, t := range r.Tables {
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
		for _, c := range t.Chains {
			rc := &ruleChain{Chain: c, table: rt}
			rt.chains[c.Name] = rc
			for i, n := range c.Rules {
				rc.rules = append(rc.rules, &rule{NftRule: n, chain: rc, index: i, steps: readSteps(n.Expr)})
			}
			if c.Hook != "" && !t.Dormant {
				p.bases = append(p.bases, rc)
			}
		}
	}
	sort.SliceStable(p.bases, func(i, j int) bool { return p.bases[i].Priority < p.bases[j].Priority })
	return p
}

// parseSet reads the elements of a named set.
func parseSet(elements []json.RawMessage) values {
	var v values
	var list []interval
	for _, e := range elements {
		v.read(e, &list, 0)
	}
	v.bits = false
	v.nums = newNumbers(list)
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
