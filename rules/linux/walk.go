package linux

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"farmwall/rules"
)

// Limits of one walk: jumps within jumps (the kernel's own limit), and rules looked at.
const (
	deepest = 16
	longest = 400_000
)

// walk takes parts through chains.
type walk struct {
	program *program
	scene   *scene
	skipOwn bool // leaves out our own rules in foreign chains
	steps   int
}

// base takes parts through one base chain. Those that pass live on; the others have
// an outcome.
func (w *walk) base(c *ruleChain, in []part) (live []part, done []outcome) {
	w.scene.hook, w.scene.family, w.scene.priority = c.Hook, c.table.Family, c.Priority
	start := make([]part, len(in))
	for i, p := range in {
		p.mayAccept = nil
		p.way = &trail{c.place(), p.way}
		start[i] = p
	}
	ended, returned := w.chain(c, 0, start, 0)
	for _, p := range returned {
		answer := rules.Allowed
		if c.Policy == "drop" {
			answer = rules.Denied
		}
		ended = append(ended, outcome{p, answer, cause{by: c.place() + " policy " + c.Policy}, true})
	}
	for _, o := range ended {
		switch {
		case o.answer == rules.Allowed:
			if o.part.passed.by == "" || !o.policy {
				o.part.passed = o.cause
			}
			live = append(live, o.part)
		case o.answer == rules.Denied && o.part.mayAccept != nil:
			o.part.doubt = o.part.mayAccept
			live = append(live, o.part)
		default:
			done = append(done, o)
		}
	}
	return live, done
}

// chain takes parts through a chain from a rule on: what ended, and what came back.
func (w *walk) chain(c *ruleChain, from int, in []part, depth int) (ended []outcome, returned []part) {
	live := in
	if depth > deepest {
		return w.giveUp(live, c, "jumps go deeper than the kernel allows"), nil
	}
	for i := from; i < len(c.rules) && len(live) > 0; i++ {
		r := c.rules[i]
		if w.skipOwn && r.own() {
			continue
		}
		if w.steps += len(live); w.steps > longest {
			return append(ended, w.giveUp(live, c, "the ruleset is too large to be walked")...), returned
		}
		var next []part
		for _, p := range live {
			e, n, back := w.rule(r, p, depth)
			ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
		}
		live = next
	}
	return ended, append(returned, live...)
}

func (w *walk) giveUp(ps []part, c *ruleChain, why string) (out []outcome) {
	for _, p := range ps {
		out = append(out, outcome{p, rules.Unknown, cause{c.place(), why}, false})
	}
	return out
}

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
			for j := range certain {
				if s.mark == nil {
					certain[j].noMark = true
				} else {
					certain[j].mark, certain[j].noMark = *s.mark, false
				}
			}
			for j := range perhaps {
				perhaps[j].noMark = true
			}
		case untracks:
			for j := range certain {
				certain[j].noTrack = true
			}
			if len(perhaps) > 0 {
				ended = append(ended, w.stop(r, perhaps, "a packet that may be untracked cannot be followed")...)
				perhaps = nil
			}
		case fills:
			for _, ps := range [][]part{certain, perhaps} {
				for j := range ps {
					ps[j].filled = append(ps[j].filled[:len(ps[j].filled):len(ps[j].filled)], s.set)
				}
			}
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
			for _, q := range certain {
				e, n, back := w.branch(r, s, q, "", depth)
				ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
			}
			for _, q := range perhaps {
				e, n, back := w.branch(r, s, q, why, depth)
				ended, next, returned = append(ended, e...), append(next, n...), append(returned, back...)
			}
			return ended, next, returned
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
		out = append(out, outcome{p, rules.Unknown, cause{r.words(), why}, false})
	}
	return out
}

// decide applies a verdict to a part; where why is not empty nobody knows whether the
// rule was true of it.
func (w *walk) decide(r *rule, v verdict, p part, why string, depth int) (ended []outcome, next, returned []part) {
	said := cause{r.words(), why}
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
		q.way = &trail{to.place(), p.way}
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
		q.noMark = q.noMark || p.noMark || q.mark != p.mark
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
		q.noMark = q.noMark || p.noMark || q.mark != p.mark
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
			p.mayAccept = said
		}
	} else if p.doubt == nil {
		p.doubt = said
	}
	return p
}

// branch looks the part up in a verdict map.
func (w *walk) branch(r *rule, s *step, p part, why string, depth int) (ended []outcome, next, returned []part) {
	cases := s.cases
	if s.set != "" {
		known, ok := r.chain.table.maps[s.set]
		if !ok {
			return w.stop(r, []part{p}, "the map "+brief([]byte(s.set))+" is not in "+r.chain.table.Place()), nil, nil
		}
		cases = known
	}
	type looking struct {
		part part
		why  string
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
	return ended, next, returned
}

// words names the rule: where it stands, and its comment or what it says.
func (r *rule) words() string {
	where := fmt.Sprintf("%s rule %d", r.chain.place(), r.index+1)
	if r.Comment != "" {
		return where + ": " + strings.Trim(brief([]byte(r.Comment)), `"`)
	}
	var b bytes.Buffer
	for i, e := range r.Expr {
		if i > 0 {
			b.WriteByte(' ')
		}
		if json.Compact(&b, e) != nil {
			return where
		}
	}
	const most = 200
	text, more := b.Bytes(), ""
	if len(text) > most {
		text, more = text[:most], "..."
	}
	return where + ": " + string(bytes.ToValidUTF8(text, nil)) + more
}
