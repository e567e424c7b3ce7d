package tasks

import (
	"fmt"

	"farmwall/rules"
)

// pack replaces every address list by its name.
func pack(p *Plan) *planBody {
	body := &planBody{Plan: *p, Lists: map[string]*rules.Addresses{}}
	name := func(a *rules.Addresses) string {
		if a != nil {
			body.Lists[a.Hash()] = a
		}
		return a.Hash()
	}
	rule := func(r *rules.Rule) *ruleBody {
		if r == nil {
			return nil
		}
		b := &ruleBody{Rule: *r, Remotes: name(r.Remotes)}
		b.Rule.Remotes = nil
		return b
	}
	for i := range p.Hosts {
		h := hostBody{HostPlan: p.Hosts[i]}
		for j := range h.HostPlan.Wanted {
			h.Wanted = append(h.Wanted, *rule(&h.HostPlan.Wanted[j]))
		}
		for _, c := range h.HostPlan.Changes {
			h.Changes = append(h.Changes, changeBody{Change: c, Have: rule(c.Have), Want: rule(c.Want)})
		}
		for _, f := range h.HostPlan.Flows {
			b := flowBody{JudgedFlow: f, Remotes: name(f.Flow.Remotes), Not: name(f.Flow.Not)}
			b.JudgedFlow.Flow.Remotes, b.JudgedFlow.Flow.Not = nil, nil
			h.Flows = append(h.Flows, b)
		}
		body.Hosts = append(body.Hosts, h)
	}
	return body
}

// unpack puts the address lists back, one value for all that share it.
func (body *planBody) unpack() (*Plan, error) {
	p := body.Plan
	p.Hosts = make([]HostPlan, 0, len(body.Hosts))
	var err error
	list := func(name string) *rules.Addresses {
		a := body.Lists[name]
		switch {
		case name == "":
			return nil
		case a == nil:
			err = fmt.Errorf("the address list %q is missing", name)
		case a.Hash() != name:
			err = fmt.Errorf("the address list %q is another one", name)
		}
		return a
	}
	rule := func(b *ruleBody) *rules.Rule {
		if b == nil {
			return nil
		}
		r := b.Rule
		r.Remotes = list(b.Remotes)
		return &r
	}
	for i := range body.Hosts {
		b := &body.Hosts[i]
		h := b.HostPlan
		h.Wanted, h.Changes, h.Flows = nil, nil, nil
		for j := range b.Wanted {
			h.Wanted = append(h.Wanted, *rule(&b.Wanted[j]))
		}
		for _, c := range b.Changes {
			c.Change.Have, c.Change.Want = rule(c.Have), rule(c.Want)
			h.Changes = append(h.Changes, c.Change)
		}
		for _, f := range b.Flows {
			f.JudgedFlow.Flow.Remotes, f.JudgedFlow.Flow.Not = list(f.Remotes), list(f.Not)
			h.Flows = append(h.Flows, f.JudgedFlow)
		}
		p.Hosts = append(p.Hosts, h)
	}
	return &p, err
}
