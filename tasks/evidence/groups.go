package evidence

import (
	"fmt"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// group is hosts of which the reader would see the same.
type group struct {
	farm, roles string
	hosts       []*Host
	several     bool // the report has several farms
}

func (g *group) names() []string { return hostNames(g.hosts) }

func hostNames(hosts []*Host) []string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Host
	}
	return names
}

func (g *group) title() string {
	s := g.roles + ": " + count(len(g.hosts), "host")
	if g.several {
		s = "farm " + g.farm + ", " + s
	}
	return s
}

// groups are the hosts by farm, roles, and what is open on them and why.
func (r *Report) groups() []*group {
	return r.grouped(func(h *Host) string {
		if len(h.Openings) == 0 {
			return ""
		}
		var key strings.Builder
		fmt.Fprint(&key, h.Farm, "\x00", GroupName(h.Roles))
		for i := range h.Openings {
			key.WriteString("\x00" + h.Openings[i].key)
		}
		return key.String()
	})
}

// changeGroups are the hosts by what was changed on them or differs.
func (r *Report) changeGroups() []*group {
	return r.grouped(func(h *Host) string {
		if len(h.Changes)+len(h.Pending)+len(h.Accepted) == 0 {
			return ""
		}
		var key strings.Builder
		fmt.Fprint(&key, h.Farm, "\x00", h.Status)
		for _, line := range changeLines(h) {
			key.WriteString("\x00" + strings.Join(line[:], "\x01"))
		}
		return key.String()
	})
}

func (r *Report) grouped(key func(h *Host) string) []*group {
	var out []*group
	known := map[string]*group{}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		k := key(h)
		if k == "" {
			continue
		}
		g := known[k]
		if g == nil {
			g = &group{farm: h.Farm, roles: GroupName(h.Roles), several: len(r.Farms) > 1}
			known[k] = g
			out = append(out, g)
		}
		g.hosts = append(g.hosts, h)
	}
	return out
}

func (g *group) lines() [][3]string { return changeLines(g.hosts[0]) }

func changeLines(h *Host) [][3]string {
	var out [][3]string
	add := func(changes []rules.Change, pending bool) {
		for i := range changes {
			sign, name, words := changeWords(&changes[i])
			if pending {
				words = "pending: " + words
			}
			out = append(out, [3]string{sign, name, words})
		}
	}
	add(h.Changes, false)
	add(h.Pending, true)
	for _, a := range h.Accepted {
		why := "accepted until " + printable(a.Until) + ": " + printable(a.Reason)
		switch {
		case a.Change != nil:
			_, name, words := changeWords(a.Change)
			out = append(out, [3]string{"=", name, words + " (" + why + ")"})
		case a.Flow != nil:
			out = append(out, [3]string{"=", printable(a.Flow.Rule), printable(a.Flow.Flow.String()) + " (" + why + ")"})
		}
	}
	return out
}

// fromWords says whom an opening is for.
func (o *Opening) fromWords() string {
	if o.Block {
		return "closed to everybody else"
	}
	s := o.From.Words()
	if o.Direction == rules.Out {
		s = "to " + s
	}
	return s
}

// verdictWords is what a wanted flow met.
func (o *Opening) verdictWords() string {
	if o.Block {
		return ""
	}
	switch o.Answer {
	case rules.Allowed:
		return "open"
	case rules.Denied:
		return "closed by " + o.By
	case rules.Unknown:
		return "unknown: " + o.Reason
	}
	return "nobody looked"
}

// place is the line of the inventory that decided.
func (o *Opening) place(h *Host) string {
	if o.At != nil {
		return o.At.String()
	}
	return h.At.String()
}

// summary is the report in a sentence or two.
func (r *Report) summary() string {
	t := &r.Totals
	var parts []string
	parts = append(parts, count(len(r.Hosts), "host"))
	good := t.Statuses[tasks.OK] + t.Statuses[tasks.Changed]
	if n := len(r.Hosts) - good - t.Unseen; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not as they should be", n))
	}
	if t.Unseen > 0 {
		parts = append(parts, fmt.Sprintf("%d that nobody looked at", t.Unseen))
	}
	s := strings.Join(parts, ", ")
	s += fmt.Sprintf(". Wanted flows: %d open, %d closed, %d unknown; %s open to others too.",
		t.Flows[rules.Allowed], t.Flows[rules.Denied], t.Flows[rules.Unknown], count(t.Exposed, "port"))
	if p := t.Probes; p.Right+p.Wrong+p.Nothing > 0 {
		s += " Probes: " + p.words() + "."
	}
	return s
}
