package linux

// dispute is what base chains of other tables with the same hook and priority do that
// matters to this one: whether they do it before or after depends on when each chain was
// made, and no listing says that.
type dispute struct{ marks, tracks bool }

// settle finds the disputes of all base chains and the blocklists of all chains.
func (p *program) settle() {
	for _, t := range p.tables {
		for _, c := range t.chains {
			c.listBlocks()
		}
	}
	does := make([]dispute, len(p.bases))
	for i, c := range p.bases {
		c.writes(&does[i], map[*ruleChain]bool{})
	}
	for _, c := range p.bases {
		for k, other := range p.bases {
			if c.table != other.table && c.Hook == other.Hook && c.Priority == other.Priority && overlap(c.table.Family, other.table.Family) {
				c.disputed.marks = c.disputed.marks || does[k].marks
				c.disputed.tracks = c.disputed.tracks || does[k].tracks
			}
		}
	}
}

// overlap says whether a packet may come to tables of both families.
func overlap(a, b string) bool {
	return a == b || (a == "inet" || b == "inet") && a != "netdev" && b != "netdev"
}

// writes notes what the chain does, and what it calls.
func (c *ruleChain) writes(d *dispute, seen map[*ruleChain]bool) {
	if seen[c] {
		return
	}
	seen[c] = true
	follow := func(v verdict) {
		if to := c.table.chains[v.target]; v.target != "" && to != nil {
			to.writes(d, seen)
		}
	}
	for _, r := range c.rules {
		for i := range r.steps {
			s := &r.steps[i]
			switch s.kind {
			case marks:
				d.marks = true
			case untracks:
				d.tracks = true
			case decides:
				follow(s.verdict)
			case branches:
				cases := s.cases
				if s.set != "" {
					cases = c.table.maps[s.set]
				}
				for k := range cases {
					follow(cases[k].verdict)
				}
			}
		}
	}
}
