package iptables

import (
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Places reads what is ours from the host, in the order of the saves. What is there but
// holds nothing is left out: an empty chain opens and closes nothing.
func (Manager) Places(r *linux.Reading) []rules.Place {
	if r == nil {
		return nil
	}
	all, _, err := tables(r)
	if err != nil { // Check refuses the host
		return nil
	}
	return found(all)
}

func found(all []live) []rules.Place {
	var out []rules.Place
	for i := range all {
		l := &all[i]
		p := rules.Place{Name: l.name()}
		for _, c := range l.table.Chains {
			if ourChain(c.Name) && !listChain.MatchString(c.Name) {
				p.Owned = append(p.Owned, owned(l.table, c)...)
				p.Defects = append(p.Defects, orderDefects(c)...)
			}
		}
		p.Defects = append(p.Defects, jumpDefects(l.table)...)
		if len(p.Owned) > 0 || len(p.Defects) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// jumpDefects are the rules of ours in foreign chains of the table that are no jump
// of ours, stand there twice, or not at the top. Whether a jump is needed depends on
// what is wanted; missing says that.
func jumpDefects(t *linux.SaveTable) []string {
	var out []string
	for _, c := range t.Chains {
		if ourChain(c.Name) {
			continue
		}
		count := 0
		for i, n := range c.Rules {
			if !ours(n) {
				continue
			}
			count++
			switch {
			case !ourChain(n.Target()):
				out = append(out, fmt.Sprintf("a rule with our mark stands in chain %s", c.Name))
			case !hooks(c.Name, n.Target()):
				out = append(out, fmt.Sprintf("a rule of chain %s leads to %s", c.Name, n.Target()))
			case count > 1:
				out = append(out, fmt.Sprintf("the jump stands in chain %s more than once", c.Name))
			case i != 0:
				out = append(out, fmt.Sprintf("the jump is not the first rule of chain %s", c.Name))
			}
		}
	}
	return out
}

// hooks says whether a jump of ours may lead from the one to the other.
func hooks(chain, target string) bool {
	return chain == input && target == chainIn || chain == output && target == chainOut
}

// orderDefects finds a rule that closes something before one that opens: the order is
// what lets the second be true.
func orderDefects(c *linux.SaveChain) []string {
	dropped := false
	for _, n := range c.Rules {
		switch n.Target() {
		case "DROP":
			dropped = true
		default:
			if dropped {
				return []string{fmt.Sprintf("in chain %s a rule that closes something stands before one that opens", c.Name)}
			}
		}
	}
	return nil
}

// owned decodes the rules of a chain of ours. Rules that differ by nothing but their
// ports are one that was cut.
func owned(t *linux.SaveTable, c *linux.SaveChain) []rules.Rule {
	var out []rules.Rule
	for _, n := range c.Rules {
		d := rules.In
		if c.Name == chainOut {
			d = rules.Out
		}
		w, ok := decode(t, d, n)
		switch {
		case c.Name != chainIn && c.Name != chainOut:
			w = rules.Rule{Direction: d, Opaque: "chain " + c.Name + ": " + n.Text}
		case !ok:
			w = rules.Rule{Direction: d, Opaque: n.Text}
		}
		w.Farm, w.ID, w.Hash, _ = rules.ParseMark(n.Comment())
		if !join(out, &w) {
			out = append(out, w)
		}
	}
	return out
}

// join adds the ports to the rule's other part.
func join(list []rules.Rule, w *rules.Rule) bool {
	if len(list) == 0 || w.ID == "" || w.Opaque != "" || len(w.Ports) == 0 {
		return false
	}
	h := &list[len(list)-1]
	if h.Opaque != "" || len(h.Ports) == 0 || h.Hash != w.Hash || overlap(h.Ports, w.Ports) {
		return false
	}
	same := *h
	same.Ports = w.Ports
	if !same.Same(w) {
		return false
	}
	h.Ports = rules.MergePorts(append(append([]rules.PortRange(nil), h.Ports...), w.Ports...))
	return true
}

func overlap(a, b []rules.PortRange) bool {
	for _, x := range a {
		for _, y := range b {
			if x.First <= y.Last && y.First <= x.Last {
				return true
			}
		}
	}
	return false
}
