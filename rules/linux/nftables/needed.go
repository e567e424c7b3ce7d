package nftables

import (
	"encoding/json"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// needed lists the places that have to hold the wanted set, our own table first,
// then foreign ones in the host's order. An empty set needs none.
func needed(r *linux.Reading, want rules.Set) []place {
	if len(want) == 0 {
		return nil
	}
	own := place{family: ownFamily, table: ownTable}
	for i := range want {
		if want[i].Direction == rules.In {
			own.in = true
		} else {
			own.out = true
		}
	}
	own.in = true // the table is never without its input chain
	places := []place{own}
	if r == nil || r.Ruleset == nil {
		return places
	}
	flows := flowsOf(want)
	for _, t := range r.Ruleset.Tables {
		p := place{family: t.Family, table: t.Name}
		if p.own() || t.Dormant || r.Owner(t) != (Manager{}).Name() {
			continue
		}
		for _, c := range t.Chains {
			d, ok := decides(t, c)
			if !ok || !closesAny(r, t, c, d, flows) && !stays(r, t, c) {
				continue
			}
			p.hooks = append(p.hooks, hook{chain: c.Name, direction: d, local: c.Hook == "prerouting"})
			p.in = p.in || d == rules.In
			p.out = p.out || d == rules.Out
		}
		if len(p.hooks) > 0 {
			places = append(places, p)
		}
	}
	return places
}

// decides says whether a base chain can close flows of the direction. An accept in
// a chain of type nat or route would skip what that chain is for, so only filters get
// our jump.
func decides(t *linux.Table, c *linux.Chain) (rules.Direction, bool) {
	switch t.Family {
	case "inet", "ip", "ip6", "netdev":
	default:
		return "", false
	}
	if c.Type != "filter" {
		return "", false
	}
	switch c.Hook {
	case "ingress", "prerouting", "input":
		return rules.In, true
	case "output":
		return rules.Out, true
	}
	return "", false
}

// stays says that a chain with our jump still ends in a drop: the jump stays even
// while no flow can be seen to come this way, for example while an interface is down.
func stays(r *linux.Reading, t *linux.Table, c *linux.Chain) bool {
	for _, j := range r.Jumps {
		if j.Family == t.Family && j.Table == t.Name && j.Chain == c.Name && j.Target != "" {
			return c.Policy == "drop" || len(c.Rules) > 0 && drops(c.Rules[len(c.Rules)-1])
		}
	}
	return false
}

// drops says whether the rule closes everything that comes to it.
func drops(n *linux.NftRule) bool {
	for _, raw := range n.Expr {
		var e map[string]json.RawMessage
		if json.Unmarshal(raw, &e) != nil || len(e) != 1 {
			return false
		}
		for name := range e {
			switch name {
			case "drop", "reject":
				return true
			case "counter", "log":
			default:
				return false
			}
		}
	}
	return false
}

func closesAny(r *linux.Reading, t *linux.Table, c *linux.Chain, d rules.Direction, flows []rules.Flow) bool {
	for _, f := range flows {
		if f.Direction == d && linux.ClosesByDefault(r, t, c, f) {
			return true
		}
	}
	return false
}

// flowsOf makes the flows that stand for the set: of a port range its two ends.
func flowsOf(want rules.Set) []rules.Flow {
	var flows []rules.Flow
	for i := range want {
		w := &want[i]
		if w.Block { // nothing has to let it pass
			continue
		}
		f := rules.Flow{Direction: w.Direction, Protocol: w.Protocol, Remotes: w.Remotes, Loopback: w.Loopback}
		if len(w.Ports) == 0 {
			flows = append(flows, f)
		}
		for _, p := range w.Ports {
			f.Port = p.First
			flows = append(flows, f)
			if p.Last != p.First {
				f.Port = p.Last
				flows = append(flows, f)
			}
		}
	}
	return flows
}

// cut is the part of the set that a table of the family can hold.
func cut(want rules.Set, family string) rules.Set {
	if family != "ip" && family != "ip6" {
		return want
	}
	return want.Family(family == "ip")
}

// holds is what the place has to hold of the set. A drop is final wherever it stands,
// so rules that block stand in our own table only, behind all that it lets pass: in a
// foreign table they would come before rules of others.
func (p *place) holds(want rules.Set) rules.Set {
	if !p.own() {
		want = want.Allows()
	}
	var part rules.Set
	for _, w := range cut(want, p.family) {
		if w.Direction == rules.In && p.in || w.Direction == rules.Out && p.out {
			part = append(part, w)
		}
	}
	return part
}
