package linux

import (
	"fmt"

	"farmwall/rules"
)

// Refusing gathers why the rules of a wanted set cannot be written. What no manager can
// say is asked here; a manager asks it rule by rule, between what it cannot say itself, so
// that all reasons of a rule stand together.
type Refusing struct{ All rules.Refusals }

// Add refuses a rule.
func (r *Refusing) Add(w *rules.Rule, hint, format string, a ...any) {
	r.All = append(r.All, rules.Refusal{Rule: w.ID, Text: fmt.Sprintf(format, a...), Hint: hint})
}

// Rule refuses what no manager can write, and a rule of another farm than the set's.
func (r *Refusing) Rule(w *rules.Rule, farm string) {
	if _, _, _, ok := rules.ParseMark(w.Mark()); !ok {
		r.Add(w, "", "farm %q and rule %q do not make a mark", w.Farm, w.ID)
	}
	if w.Farm != farm {
		r.Add(w, "", "belongs to farm %q and others of the set to %q", w.Farm, farm)
	}
	if w.Direction != rules.In && w.Direction != rules.Out {
		r.Add(w, "", "direction %q", w.Direction)
	}
	if w.Opaque != "" {
		r.Add(w, "", "is no rule of farmwall: %s", w.Opaque)
	}
	if w.Remotes.Empty() {
		r.Add(w, "", "has nobody to open to")
	}
}

// Protocol refuses a rule without protocol, and ports of one whose ports the manager has no
// word for.
func (r *Refusing) Protocol(w *rules.Rule, manager string, portWords map[rules.Protocol]string) {
	if w.Protocol == 0 {
		r.Add(w, "", "has no protocol")
	}
	if len(w.Ports) > 0 && portWords[w.Protocol] == "" {
		r.Add(w, "", "%s knows no ports of protocol %d", manager, w.Protocol)
	}
}

// Ports refuses ranges that hold no port, or one that nobody can listen on.
func (r *Refusing) Ports(w *rules.Rule) {
	for _, p := range w.Ports {
		if p.First == 0 || p.First > p.Last {
			r.Add(w, "", "ports %d-%d", p.First, p.Last)
		}
	}
}

// RefuseRules refuses what nft and iptables cannot say: they can say all that farmwall can
// want, but for the ports of some protocols.
func RefuseRules(want rules.Set, manager string, portWords map[rules.Protocol]string) rules.Refusals {
	var no Refusing
	for i := range want {
		w := &want[i]
		no.Rule(w, want[0].Farm)
		if w.Block && (w.Direction != rules.In || w.Remotes != nil || w.Loopback) {
			no.Add(w, "", "blocks more or less than everybody else who comes in")
		}
		no.Protocol(w, manager, portWords)
		no.Ports(w)
	}
	return no.All
}

// RefuseNoWayBack refuses a host whose present state the manager could not write again.
func RefuseNoWayBack(err error) rules.Refusal {
	return rules.Refusal{
		Text: "what is there now could not be put back: " + err.Error(),
		Hint: "remove by hand what farmwall cannot write back, then plan again",
	}
}
