package windows

import (
	"fmt"

	"farmwall/rules"
)

// evaluate gives each address its fate in one scene.
func (j *judge) evaluate(s *scene, remote rules.Spans) []fate {
	in := j.flow.Direction != rules.Out
	simple := func(a rules.Answer, by string) []fate {
		return []fate{{remote: remote, answer: a, by: by, scene: s}}
	}
	def := s.profile.inbound
	if !in {
		def = s.profile.outbound
	}
	switch {
	case !s.profile.enabled:
		return simple(rules.Allowed, fmt.Sprintf("the firewall is off in the %s", s))
	case s.excluded:
		return simple(rules.Allowed, fmt.Sprintf("the firewall leaves the interface %s alone in the %s", brief(s.iface.name), s.profile))
	case in && s.profile.blockAll:
		return simple(rules.Denied, fmt.Sprintf("the %s blocks all inbound traffic, whatever rules allow", s))
	}
	e := &evaluation{judge: j, scene: s, left: remote}
	e.blocks()
	e.allows(def)
	return e.fates
}

// evaluation is one scene's walk.
type evaluation struct {
	*judge
	scene  *scene
	left   rules.Spans
	fates  []fate
	doubts []doubtful // block rules that may be about the flow
}

// doubtful is a rule that may be about some addresses.
type doubtful struct {
	m      *matcher
	remote rules.Spans
}

func (e *evaluation) give(remote rules.Spans, a rules.Answer, at stage, by, why string, ours bool) {
	if !remote.Empty() {
		e.fates = append(e.fates, fate{remote: remote, answer: a, by: by, why: why, stage: at, scene: e.scene, ours: ours})
	}
}

// blocks takes out what block rules are about.
func (e *evaluation) blocks() {
	for _, m := range e.scene.rules(e.flow.Direction).blocks {
		if e.left.Empty() {
			return
		}
		f := m.match(&e.flow)
		if f == no {
			continue
		}
		hit := m.hit(e.left)
		switch {
		case hit.Empty():
		case f == yes:
			e.give(hit, rules.Denied, atBlocks, m.rule.String(), "", false)
			e.left = e.left.Minus(hit)
		default:
			e.doubts = append(e.doubts, doubtful{m, hit})
		}
	}
}

// allows divides what no block rule takes: by the rule that allows it, else by the
// default. Rules that are not ours come first, so that ours is named only where no
// other one lets the flow in.
func (e *evaluation) allows(def action) {
	if def == allow {
		e.pass(e.left, e.byDefault("allowed"), false)
		return
	}
	list := e.scene.rules(e.flow.Direction).allows
	var unsure, mine []*matcher
	for _, m := range list {
		if e.left.Empty() {
			return
		}
		if m.rule.ours() && e.foreignOnly {
			continue
		}
		switch f := m.match(&e.flow); {
		case f == no:
		case f == maybe:
			unsure = append(unsure, m)
		case m.rule.ours():
			mine = append(mine, m)
		default:
			e.take(m, false)
		}
	}
	for _, m := range mine {
		e.take(m, true)
	}
	for _, m := range unsure {
		if hit := m.hit(e.left); !hit.Empty() {
			e.give(hit, rules.Unknown, atAllows, m.rule.String(), fmt.Sprintf("only %s may let it pass: %s", m.rule, m.why(&e.flow)), false)
			e.left = e.left.Minus(hit)
		}
	}
	if e.left.Empty() {
		return
	}
	if def == noAction {
		e.give(e.left, rules.Unknown, atDefault, "", fmt.Sprintf("the default action of the %s is not known", e.scene.profile), false)
		return
	}
	e.give(e.left, rules.Denied, atDefault, e.byDefault("blocked"), "", false)
}

func (e *evaluation) byDefault(what string) string {
	if e.flow.Direction == rules.Out {
		return fmt.Sprintf("the default of the %s: outbound traffic is %s", e.scene, what)
	}
	return fmt.Sprintf("the default of the %s: inbound traffic is %s", e.scene, what)
}

// take gives what is left of a rule's addresses to it.
func (e *evaluation) take(m *matcher, ours bool) {
	hit := m.hit(e.left)
	if hit.Empty() {
		return
	}
	e.pass(hit, m.rule.String(), ours)
	e.left = e.left.Minus(hit)
}

// pass allows addresses but for those that a block rule may be about.
func (e *evaluation) pass(remote rules.Spans, by string, ours bool) {
	for _, d := range e.doubts {
		if hit := remote.Intersect(d.remote); !hit.Empty() {
			e.give(hit, rules.Unknown, atBlocks, d.m.rule.String(), fmt.Sprintf("%s may close it: %s", d.m.rule, d.m.why(&e.flow)), false)
			remote = remote.Minus(hit)
		}
	}
	e.give(remote, rules.Allowed, atAllows, by, "", ours)
}
