package linux

import (
	"slices"
	"strings"

	"farmwall/rules"
)

// walk follows the addresses through all base chains on the way.
func (j *judge) walk(s *scene, remote rules.Spans) (out []fate) {
	w := &walk{program: j.program, scene: s, skipOwn: j.only != nil, steps: j.steps}
	ports := clients()
	if !s.ported() {
		ports = rules.Spans{{}}
	}
	live := []part{{remote: remote, sports: ports}}
	if j.only == nil {
		live = j.blind(s, live)
	}
	live, done, met := j.pass(w, s, live)
	if j.only == nil {
		live = j.beneath(w, s, live)
		var lost []outcome
		live, lost = j.replies(w, s, live)
		done = append(done, lost...)
	} else if !met {
		return nil
	}
	j.steps = w.steps
	for _, o := range done {
		out = append(out, fate{v4: s.v4, remote: o.part.remote, answer: o.answer, cause: o.cause, way: o.part.way})
	}
	for _, p := range live {
		res := fate{v4: s.v4, remote: p.remote, answer: rules.Allowed, way: p.way, cause: p.passed}
		if p.doubt != nil {
			res.answer, res.cause = rules.Unknown, *p.doubt
		}
		out = append(out, res)
	}
	for i := range out {
		if out[i].dev = s.dev; s.askedLocal {
			out[i].local = s.local
		}
	}
	return out
}

// pass takes parts through the base chains of all hooks on the way; met says that
// there were any.
func (j *judge) pass(w *walk, s *scene, live []part) (through []part, done []outcome, met bool) {
	for _, hook := range s.hooks() {
		for _, c := range j.program.bases {
			if c.Hook != hook || !s.sees(c) || j.only != nil && c.Chain != j.only {
				continue
			}
			if s.loopback && c.Type == "nat" && c.Hook == "prerouting" {
				continue // the output hook has settled it for what the host sends to itself
			}
			if s.later() && c.Type == "nat" {
				continue // only the first packet of a connection is asked about
			}
			if c.Hook == "ingress" || c.Hook == "egress" {
				s.askedDev = true
				if s.dev == nil || !slices.Contains(c.Devices, s.dev.Name) {
					continue
				}
			}
			met = true
			var d []outcome
			live, d = w.base(c, live)
			done = append(done, d...)
		}
	}
	return live, done, met
}

// hooks are those that the packet passes, in order.
func (s *scene) hooks() []string {
	switch {
	case s.loopback && !s.self:
		return []string{"output", "postrouting", "egress", "ingress", "prerouting", "input"}
	case s.in:
		return []string{"ingress", "prerouting", "input"}
	}
	return []string{"output", "postrouting", "egress"}
}

// sees says whether packets of the family come to chains of this table.
func (s *scene) sees(c *ruleChain) bool {
	switch c.table.Family {
	case "inet", "netdev":
		return true
	case "ip":
		return s.v4
	case "ip6":
		return !s.v4
	}
	return false
}

// blind notes what may drop the packet where nft shows nothing: legacy tables, and
// bridges with rules of their own.
func (j *judge) blind(s *scene, live []part) []part {
	var why *cause
	for _, name := range j.reading.Legacy {
		family, _, _ := strings.Cut(name, " ")
		if family == "ip" != s.v4 || j.program.legacy[name] {
			continue
		}
		why = &cause{"legacy iptables table " + name, "nft cannot show what is in legacy iptables tables"}
		if unread := j.program.unread[family+" legacy"]; unread != "" {
			why.why = "what iptables-legacy-save printed cannot be read: " + unread
		}
	}
	if s.dev != nil && slices.ContainsFunc(j.reading.Interfaces, func(i Interface) bool { return i.Master == s.dev.Name }) {
		for _, c := range j.program.bases {
			if c.table.Family == "bridge" && slices.Contains(s.hooks(), c.Hook) && (c.Policy == "drop" || len(c.rules) > 0) {
				s.askedDev = true
				why = &cause{c.place(), "rules of a bridge are not followed"}
			}
		}
	}
	if why == nil {
		return live
	}
	for i := range live {
		live[i].doubt = why
	}
	return live
}

// beneath walks the ingress and egress chains of the devices that the packet's
// interface is made of: it passes one of them, and nobody can say which or how.
func (j *judge) beneath(w *walk, s *scene, live []part) []part {
	if s.dev == nil || s.loopback {
		return live
	}
	for _, i := range j.reading.Interfaces {
		if i.Master != s.dev.Name && (s.dev.Parent == "" || i.Name != s.dev.Parent) {
			continue
		}
		for _, c := range j.program.bases {
			if c.Hook != "ingress" && c.Hook != "egress" || !slices.Contains(s.hooks(), c.Hook) || !slices.Contains(c.Devices, i.Name) {
				continue
			}
			s.askedDev = true
			_, done := w.base(c, live)
			if len(done) == 0 {
				continue
			}
			why := &cause{c.place(), "its device is one of those that " + s.dev.Name + " is made of"}
			for k := range live {
				live[k] = live[k].perhaps("drop", why)
			}
		}
	}
	return live
}
