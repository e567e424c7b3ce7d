package tasks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
)

// exposed returns the ports that a settled set opens to some and that others reach
// too: the flow is of all those whom no rule names, and the verdict's Part says which
// of them get in, where it is not all.
func exposed(d rules.Reader, s *rules.State, set rules.Set) []JudgedFlow {
	return only(outsiders(d, s, set), rules.Allowed)
}

// notClosed returns of exposed flows those that farmwall_exposure: restrict says are to
// be closed: on Linux what a rule of the set blocks; on Windows, where no rule of ours
// can, whatever the inventory restricts.
func notClosed(h *inventory.Host, set rules.Set, exposed []JudgedFlow) []JudgedFlow {
	restricted := h.Windows() && h.Exposure.Value == inventory.ExposureRestrict
	var out []JudgedFlow
	for _, j := range exposed {
		if restricted || !set.Closes(j.Flow).Empty() {
			out = append(out, j)
		}
	}
	return out
}

// closedBy says which of the exposed flows the changes will close, and which not.
func closedBy(changes []rules.Change, exposed []JudgedFlow) (will, wont []JudgedFlow) {
	var blocks rules.Set
	repaired := false
	for i := range changes {
		repaired = repaired || changes[i].Verb == rules.Repair
		if w := changes[i].Want; w != nil && w.Block {
			blocks = append(blocks, *w)
		}
	}
	for _, j := range exposed {
		if repaired || !blocks.Closes(j.Flow).Empty() {
			will = append(will, j)
		} else {
			wont = append(wont, j)
		}
	}
	return will, wont
}

// exposureFindings say who reaches what, and by what: one finding for all ports that
// one rule or policy opens to the same addresses.
func exposureFindings(exposed []JudgedFlow, more string) []rules.Finding {
	type door struct{ by, who string }
	ports := map[door][]string{}
	byPort := slices.Clone(exposed)
	slices.SortStableFunc(byPort, func(a, b JudgedFlow) int {
		return cmp.Or(cmp.Compare(a.Flow.Protocol, b.Flow.Protocol), cmp.Compare(a.Flow.Port, b.Flow.Port))
	})
	for i := range byPort {
		j := &byPort[i]
		d := door{doorOf(j), whoElse(j)}
		ports[d] = append(ports[d], j.Flow.String())
	}
	order := slices.SortedFunc(maps.Keys(ports), func(a, b door) int {
		return strings.Compare(a.by+"\n"+a.who, b.by+"\n"+b.who)
	})
	var findings []rules.Finding
	for _, d := range order {
		list := ports[d]
		findings = append(findings, rules.Finding{Kind: "exposed",
			Text: fmt.Sprintf("%s: reachable from %s, allowed by %s%s", strings.Join(slices.Compact(list), ", "), d.who, d.by, more)})
	}
	return findings
}

// doorOf is the rule or policy that lets an exposed flow in.
func doorOf(j *JudgedFlow) string {
	if j.Verdict.By == "" {
		return "the lack of any table that filters it"
	}
	return j.Verdict.By
}

// whoElse is who reaches an exposed flow.
func whoElse(j *JudgedFlow) string {
	if len(j.Verdict.Part) == 0 {
		return "anywhere"
	}
	return rules.NewAddresses(j.Verdict.Part).String()
}

// wrongly says of the first of some flows what is wrong with it, and what to do.
func wrongly(flows []JudgedFlow) (text, hint string) {
	text, hint = findingText(flows[0]), "our rules are in place; what closes it is not ours to change"
	if flows[0].Outsider() {
		hint = "farmwall_exposure: restrict wants it closed, and what opens it is not ours to change: remove or narrow that"
	}
	return text, hint
}
