package linux

import (
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
	w.scene.hook, w.scene.family, w.scene.priority, w.scene.disputed = c.Hook, c.table.Family, c.Priority, c.disputed
	start := make([]part, len(in))
	for i, p := range in {
		p.mayAccept, p.mixedTrack = nil, false
		p.way = &trail{place: c.place(), prev: p.way}
		start[i] = p
	}
	ended, returned := w.chain(c, 0, start, 0)
	for _, p := range returned {
		answer := rules.Allowed
		if c.Policy == "drop" {
			answer = rules.Denied
		}
		ended = append(ended, outcome{p, answer, cause{by: c.policy}, true})
	}
	for _, o := range ended {
		may := o.part.mayAccept
		switch {
		case may != nil && (o.part.mixedTrack || o.answer == rules.Allowed && o.part.unlikeTrack != o.part.noTrack):
			done = append(done, outcome{o.part, rules.Unknown, *may, false})
		case o.answer == rules.Allowed:
			if may != nil {
				o.part.marks = o.part.marks.or(o.part.accepted)
			}
			if !w.scene.later() && (o.part.passed.by == "" || !o.policy) {
				o.part.passed = o.cause
			}
			o.part.way = &trail{place: c.place(), said: o.cause.by, left: true, prev: o.part.way}
			live = append(live, o.part)
		case o.answer == rules.Denied && may != nil:
			// It lives only where it was accepted, with the marks that it had there.
			o.part.doubt = may
			o.part.marks, o.part.noTrack = o.part.accepted, o.part.unlikeTrack
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
		if list := c.lists[i]; list != nil {
			e, rest, ok := list.decide(w.scene, live)
			if w.steps += len(live); ok {
				ended, live = append(ended, e...), rest
				i += len(list.rules) - 1
				continue
			}
		}
		r := c.rules[i]
		if w.skipOwn && r.own() {
			continue
		}
		first := 0
		for first < len(live) && !r.gate.open(w.scene, &live[first]) {
			first++
		}
		if first == len(live) {
			continue
		}
		if w.steps += len(live); w.steps > longest {
			return append(ended, w.giveUp(live, c, "the ruleset is too large to be walked")...), returned
		}
		next := append([]part(nil), live[:first]...)
		for i := first; i < len(live); i++ {
			if !r.gate.open(w.scene, &live[i]) {
				next = append(next, live[i])
				continue
			}
			e, n, back := w.rule(r, live[i], depth)
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

// words names the rule: where it stands, and its comment or what it says.
func (r *rule) words() string {
	where := fmt.Sprintf("%s rule %d", r.chain.place(), r.index+1)
	text := r.Text
	if text == "" || r.own() {
		text = r.Comment
	}
	if text == "" { // a chain without a name, whose text stands in another rule
		return where
	}
	const most = 200
	more := ""
	if len(text) > most {
		text, more = text[:most], "..."
	}
	return where + ": " + strings.ToValidUTF8(text, "") + more
}
