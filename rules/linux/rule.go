package linux

import (
	"slices"

	"farmwall/rules"
)

// rule takes one part through one rule: what ended, what goes on to the next rule,
// what returns from the chain.
func (w *walk) rule(r *rule, p part, depth int) (ended []outcome, next, returned []part) {
	// Of some parts it is certain that all steps so far were true, of others not.
	certain, perhaps := []part{p}, []part(nil)
	why := ""
	for i := range r.steps {
		s := &r.steps[i]
		if len(certain)+len(perhaps) == 0 {
			return ended, next, returned
		}
		switch s.kind {
		case matches:
			certain, perhaps, next, why = w.narrow(r, s, certain, perhaps, next, why)
		case doubts:
			perhaps = append(perhaps, certain...)
			certain, why = nil, s.why
		case marks:
			if s.mark.strict {
				certain, perhaps, next, why = w.connected(certain, perhaps, next, why)
			}
			for j := range certain {
				certain[j].marks = w.marked(certain[j], s.mark)
			}
			for j := range perhaps {
				perhaps[j].marks = perhaps[j].marks.or(w.marked(perhaps[j], s.mark))
			}
		case zones:
			for _, ps := range [][]part{certain, perhaps} {
				for j := range ps {
					ps[j].noZone = true
				}
			}
		case untracks:
			// What is tracked already stays so: too late, or seen before on its way over
			// loopback.
			for j := range certain {
				switch w.scene.tracking(&certain[j]) {
				case trackedNot:
					certain[j].noTrack = true
				case trackedMaybe:
					perhaps, why = append(perhaps, certain[j]), "connection tracking does not reach this chain for certain"
					certain[j].remote = nil
				}
			}
			certain = slices.DeleteFunc(certain, part.empty)
			late := slices.DeleteFunc(slices.Clone(perhaps), func(p part) bool { t := w.scene.tracking(&p); return t == trackedNot || t == trackedMaybe })
			if len(late) < len(perhaps) {
				ended = append(ended, w.stop(r, perhaps, "a packet that may be untracked cannot be followed")...)
				perhaps = nil
			}
		case fills:
			for _, ps := range [][]part{certain, perhaps} {
				for j := range ps {
					ps[j].filled = append(ps[j].filled[:len(ps[j].filled):len(ps[j].filled)], s.set)
				}
			}
		case renames:
			for _, q := range append(certain, perhaps...) {
				q.renamed = true
				doubt := ""
				if len(perhaps) > 0 {
					doubt = why
				}
				e, n, back := w.decide(r, verdict{name: "accept"}, q, doubt, depth)
				ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
			}
			return ended, next, returned
		case rewrites:
			return append(append(ended, w.stop(r, certain, s.why)...), w.stop(r, perhaps, s.why)...), next, returned
		case gone:
			return ended, append(append(next, certain...), perhaps...), returned
		case decides:
			for _, q := range certain {
				e, n, back := w.decide(r, s.verdict, q, "", depth)
				ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
			}
			for _, q := range perhaps {
				e, n, back := w.decide(r, s.verdict, q, why, depth)
				ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
			}
			return ended, next, returned
		case branches:
			var on []looking
			for _, q := range certain {
				e, n, back, more := w.branch(r, s, q, "", depth)
				ended, next, returned, on = append(ended, e...), append(next, n...), append(returned, back...), append(on, more...)
			}
			for _, q := range perhaps {
				e, n, back, more := w.branch(r, s, q, why, depth)
				ended, next, returned, on = append(ended, e...), append(next, n...), append(returned, back...), append(on, more...)
			}
			certain, perhaps = nil, nil
			for _, l := range on {
				if l.why == "" {
					certain = append(certain, l.part)
				} else {
					perhaps, why = append(perhaps, l.part), l.why
				}
			}
		}
	}
	return ended, append(append(next, certain...), perhaps...), returned
}

// narrow applies a match to the parts that are still in the rule.
func (w *walk) narrow(r *rule, s *step, certain, perhaps, next []part, why string) (c, m, n []part, reason string) {
	for _, q := range certain {
		sh := w.test(q, r.chain.table, s.match)
		c, m, next = append(c, sh.yes...), append(m, sh.unsure...), append(next, sh.no...)
		if sh.why != "" {
			why = sh.why
		}
	}
	for _, q := range perhaps {
		sh := w.test(q, r.chain.table, s.match)
		m = append(append(m, sh.yes...), sh.unsure...)
		next = append(next, sh.no...)
	}
	return c, m, next, why
}

func (w *walk) stop(r *rule, ps []part, why string) (out []outcome) {
	for _, p := range ps {
		out = append(out, outcome{p, rules.Unknown, cause{r.said, why}, false})
	}
	return out
}
