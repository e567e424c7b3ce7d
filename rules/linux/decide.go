package linux

import "farmwall/rules"

// decide applies a verdict to a part; where why is not empty nobody knows whether the
// rule was true of it.
func (w *walk) decide(r *rule, v verdict, p part, why string, depth int) (ended []outcome, next, returned []part) {
	said := cause{r.said, why}
	switch v.name {
	case "continue":
		return nil, []part{p}, nil
	case "accept", "drop":
		if why == "" {
			answer := rules.Allowed
			if v.name == "drop" {
				answer = rules.Denied
			}
			return []outcome{{p, answer, said, false}}, nil, nil
		}
		return nil, []part{p.perhaps(v.name, &said)}, nil
	case "return":
		if why == "" {
			return nil, nil, []part{p}
		}
		return w.perhapsReturn(r, p, said, depth)
	case "jump", "goto":
		to := r.chain.table.chains[v.target]
		if to == nil {
			return w.stop(r, []part{p}, "it goes to the chain "+brief([]byte(v.target))+", which is not there"), nil, nil
		}
		q := p
		q.way = &trail{place: to.place(), said: r.said, prev: p.way}
		e, back := w.chain(to, 0, []part{q}, depth+1)
		if why == "" {
			if v.name == "goto" {
				return e, nil, back
			}
			return e, back, nil
		}
		if v.name == "jump" {
			ended, next = p.hearsay(e, back, &said)
			return ended, next, nil
		}
		ended, next = p.hearsay(e, nil, &said)
		for _, q := range back { // perhaps it came back to whoever called this chain
			e, _, b := w.perhapsReturn(r, q, said, depth)
			ended, returned = append(ended, e...), append(returned, b...)
		}
		return ended, next, returned
	}
	return w.stop(r, []part{p}, "its verdict is not known"), nil, nil
}

// perhapsReturn is for a part that may have left the chain at this rule: it returns,
// remembering what the rest of the chain would have made of it.
func (w *walk) perhapsReturn(r *rule, p part, said cause, depth int) (ended []outcome, next, returned []part) {
	e, back := w.chain(r.chain, r.index+1, []part{p}, depth)
	ended, returned = p.hearsay(e, back, &said)
	return ended, nil, returned
}

// hearsay makes of what would have happened to p what may have happened: verdicts
// become doubts, and so do the marks that were set on the way.
func (p part) hearsay(e []outcome, back []part, said *cause) (ended []outcome, on []part) {
	for _, o := range e {
		q := o.part
		q.marks = q.marks.or(p.marks)
		switch {
		case q.noTrack != p.noTrack:
			ended = append(ended, outcome{q, rules.Unknown, *said, false})
		case o.answer == rules.Allowed:
			on = append(on, q.perhaps("accept", said))
		case o.answer == rules.Denied:
			on = append(on, q.perhaps("drop", said))
		default:
			ended = append(ended, o)
		}
	}
	for _, q := range back {
		q.marks = q.marks.or(p.marks)
		if q.noTrack != p.noTrack {
			ended = append(ended, outcome{q, rules.Unknown, *said, false})
			continue
		}
		on = append(on, q)
	}
	return ended, on
}

// perhaps notes a verdict that may have been given.
func (p part) perhaps(name string, said *cause) part {
	if name == "accept" {
		if p.mayAccept == nil {
			p.mayAccept, p.accepted, p.unlikeTrack = said, p.marks, p.noTrack
		}
		p.mixedTrack = p.mixedTrack || p.noTrack != p.unlikeTrack
		p.accepted = p.accepted.or(p.marks)
	} else if p.doubt == nil {
		p.doubt = said
	}
	return p
}

// looking is a part that is looked up; where why is not empty nobody knows whether it
// came so far.
type looking struct {
	part part
	why  string
}

// branch looks the part up in a verdict map. What it finds "continue" for goes on with
// the statement after the map, in on; what it does not find goes to the next rule.
func (w *walk) branch(r *rule, s *step, p part, why string, depth int) (ended []outcome, next, returned []part, on []looking) {
	cases := s.cases
	if s.set != "" {
		known, ok := r.chain.table.maps[s.set]
		if !ok {
			return w.stop(r, []part{p}, "the map "+brief([]byte(s.set))+" is not in "+r.chain.table.Place()), nil, nil, nil
		}
		cases = known
	}
	rest := []looking{{p, why}}
	for i := range cases {
		b := &cases[i]
		var left []looking
		for _, l := range rest {
			w.steps++
			if b.verdict.name == "?" {
				ended = append(ended, w.stop(r, []part{l.part}, "the map holds what is no verdict")...)
				continue
			}
			sh := w.compare(l.part, "==", s.key, &b.value)
			for _, q := range sh.no {
				left = append(left, looking{q, l.why})
			}
			if b.verdict.name == "continue" {
				for _, q := range sh.yes {
					on = append(on, looking{q, l.why})
				}
				for _, q := range sh.unsure { // it goes on, or is looked for in the rest
					on, left = append(on, looking{q, sh.why}), append(left, looking{q, sh.why})
				}
				continue
			}
			for _, q := range sh.yes {
				e, n, back := w.decide(r, b.verdict, q, l.why, depth)
				ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
			}
			for _, q := range sh.unsure {
				e, n, back := w.decide(r, b.verdict, q, sh.why, depth)
				ended, returned = append(ended, e...), append(returned, back...)
				for _, m := range n {
					left = append(left, looking{m, sh.why})
				}
			}
		}
		rest = left
	}
	for _, l := range rest {
		next = append(next, l.part)
	}
	return ended, next, returned, on
}
