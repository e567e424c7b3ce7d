package tasks

import "farmwall/rules"

// flowsOf returns the flows that a rule opens, one for each port.
func flowsOf(r *rules.Rule) []rules.Flow {
	flow := rules.Flow{Direction: r.Direction, Protocol: r.Protocol, Remotes: r.Remotes, Loopback: r.Loopback}
	if len(r.Ports) == 0 {
		return []rules.Flow{flow}
	}
	var flows []rules.Flow
	for _, p := range r.Ports {
		for port := int(p.First); port <= int(p.Last); port++ {
			flow.Port = uint16(port)
			flows = append(flows, flow)
		}
	}
	return flows
}

// judgeRule judges all flows of a rule and returns the worst verdict of each of
// its port ranges, with the first port that meets it.
func judgeRule(d rules.Reader, s *rules.State, r *rules.Rule) []JudgedFlow {
	flow := rules.Flow{Direction: r.Direction, Protocol: r.Protocol, Remotes: r.Remotes, Loopback: r.Loopback}
	if len(r.Ports) == 0 {
		return []JudgedFlow{{Rule: r.ID, Flow: flow, Verdict: d.Judge(s, flow)}}
	}
	judged := make([]JudgedFlow, 0, len(r.Ports))
	for _, p := range r.Ports {
		worst := JudgedFlow{Rule: r.ID}
		for port := int(p.First); port <= int(p.Last); port++ {
			flow.Port = uint16(port)
			v := d.Judge(s, flow)
			if port == int(p.First) || badness(v.Answer) > badness(worst.Verdict.Answer) {
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
	for i := range set {
		judged = append(judged, judgeRule(d, s, &set[i])...)
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
	for i := range set {
		r := &set[i]
		if r.Direction != rules.In || r.Loopback {
			continue
		}
		ranges := r.Ports
		if len(ranges) == 0 {
			ranges = []rules.PortRange{{}}
		}
		for _, p := range ranges {
			var open *JudgedFlow
			for port := int(p.First); port <= int(p.Last); port++ {
				flow, ok := set.Outsider(rules.Flow{Direction: r.Direction, Protocol: r.Protocol, Port: uint16(port)})
				if !ok {
					continue
				}
				v := d.Judge(s, flow)
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

// protected are the flows that a change from one set to another must not close:
// those of kept, and those that both sets want, as far as they are allowed now.
func protected(d rules.Reader, s *rules.State, kept []rules.Flow, from, to rules.Set) []JudgedFlow {
	var out []JudgedFlow
	add := func(rule string, f rules.Flow) {
		if v := d.Judge(s, f); v.Answer == rules.Allowed {
			out = append(out, JudgedFlow{Rule: rule, Flow: f, Verdict: v})
		}
	}
	for _, f := range kept {
		add("", f)
	}
	for i := range to {
		for _, f := range flowsOf(&to[i]) {
			if from.Admits(f) {
				add(to[i].ID, f)
			}
		}
	}
	return out
}
