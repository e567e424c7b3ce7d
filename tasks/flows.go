package tasks

import "farmwall/rules"

func flowOf(r *rules.Rule) rules.Flow {
	return rules.Flow{Direction: r.Direction, Protocol: r.Protocol, Remotes: r.Remotes, Loopback: r.Loopback}
}

// judgeRule judges all flows of a rule and returns the worst verdict of each of
// its port ranges, with the first port that meets it.
func judgeRule(d rules.Reader, s *rules.State, c cuts, r *rules.Rule) []JudgedFlow {
	if r.Block { // it wants nothing open
		return nil
	}
	flow := flowOf(r)
	judged := make([]JudgedFlow, 0, len(r.Ports))
	for _, p := range portsOf(r) {
		worst := JudgedFlow{Rule: r.ID}
		for _, part := range c.parts(p) {
			flow.Port = part.First
			v := d.Judge(s, flow)
			if part.First == p.First || badness(v.Answer) > badness(worst.Verdict.Answer) {
				worst.Flow, worst.Verdict = flow, v
			}
			if worst.Verdict.Answer == rules.Denied {
				break
			}
		}
		judged = append(judged, worst)
	}
	return judged
}

// judgeSet judges every rule of a set.
func judgeSet(d rules.Reader, s *rules.State, set rules.Set) []JudgedFlow {
	var judged []JudgedFlow
	c := cutsOf(d, s, set)
	for i := range set {
		judged = append(judged, judgeRule(d, s, c, &set[i])...)
	}
	return judged
}

func badness(a rules.Answer) int {
	switch a {
	case rules.Allowed:
		return 0
	case rules.Unknown:
		return 1
	}
	return 2
}

// only returns the judged flows with the answer.
func only(judged []JudgedFlow, answer rules.Answer) []JudgedFlow {
	var out []JudgedFlow
	for _, j := range judged {
		if j.Verdict.Answer == answer {
			out = append(out, j)
		}
	}
	return out
}

// outsiders judges who else can reach the ports of a set: the most open verdict
// of each port range, with the first port that has it.
func outsiders(d rules.Reader, s *rules.State, set rules.Set) []JudgedFlow {
	var judged []JudgedFlow
	c := cutsOf(d, s, set)
	for i := range set.Allows() {
		r := &set[i]
		if r.Direction != rules.In || r.Loopback {
			continue
		}
		for _, p := range portsOf(r) {
			var open *JudgedFlow
			for _, part := range c.parts(p) {
				flow, ok := set.Outsider(rules.Flow{Direction: r.Direction, Protocol: r.Protocol, Port: part.First})
				if !ok {
					continue
				}
				v := rules.MostOpen(d, s, flow)
				if open == nil || badness(v.Answer) < badness(open.Verdict.Answer) {
					open = &JudgedFlow{Rule: r.ID, Flow: flow, Verdict: v}
				}
			}
			if open != nil {
				judged = append(judged, *open)
			}
		}
	}
	return judged
}

// guard is a flow that a change must not close, of every port from the flow's on.
type guard struct {
	rule string // empty: a kept flow
	flow rules.Flow
	last uint16
}

// protected are the flows that a change from one set to another must not close:
// those of kept, and those that both sets want, as far as they are allowed now.
func protected(d rules.Reader, s *rules.State, kept []rules.Flow, from, to rules.Set) []guard {
	var out []guard
	add := func(rule string, f rules.Flow, last uint16) {
		if v := d.Judge(s, f); v.Answer == rules.Allowed {
			out = append(out, guard{rule, f, last})
		}
	}
	for _, f := range kept {
		add("", f, f.Port)
	}
	c := cutsOf(d, s, from, to)
	for i := range to.Allows() {
		f := flowOf(&to[i])
		for _, p := range portsOf(&to[i]) {
			for _, part := range c.parts(p) {
				if f.Port = part.First; from.Admits(f) {
					add(to[i].ID, f, part.Last)
				}
			}
		}
	}
	return out
}

// closed returns the first of the guarded flows that is denied now, and by whom.
func closed(d rules.Reader, s *rules.State, guarded []guard) (g guard, by string, found bool) {
	c := cutsOf(d, s)
	for _, g := range guarded {
		for _, part := range c.parts(rules.PortRange{First: g.flow.Port, Last: g.last}) {
			g.flow.Port = part.First
			if v := d.Judge(s, g.flow); v.Answer == rules.Denied {
				return g, v.By, true
			}
		}
	}
	return guard{}, "", false
}
