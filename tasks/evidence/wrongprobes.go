package evidence

import (
	"fmt"
	"strings"

	"farmwall/tasks"
)

// wrongProbe is one end of a flow, and those whose probes of it got the same wrong
// answer.
type wrongProbe struct {
	To, Opens, From, Should, Answer, Why, Rule string
}

// wrongProbes are the probes that prove something wrong, those that differ in their
// source only as one. What proved nothing is counted and not listed.
func (r *Report) wrongProbes() []wrongProbe {
	var order []wrongProbe
	from := map[wrongProbe][]string{}
	for i := range r.Hosts {
		for j := range r.Hosts[i].Probes {
			p := &r.Hosts[i].Probes[j]
			if p.Right == nil || *p.Right {
				continue
			}
			one := wrongProbe{To: printable(p.To), Opens: probed(p), Should: should(p), Answer: string(p.Answer), Why: probeWhy(p), Rule: printable(p.Rule)}
			if p.Address.IsValid() {
				one.To += " " + p.Address.String()
			}
			if from[one] == nil {
				order = append(order, one)
			}
			name := p.From
			if p.Source.IsValid() {
				name += " (" + p.Source.String() + ")"
			}
			from[one] = append(from[one], printable(name))
		}
	}
	for i, one := range order {
		order[i].From = strings.Join(from[one], ", ")
	}
	return order
}

// probed is what a probe tried: "tcp 443", or a protocol alone.
func probed(p *tasks.Probed) string {
	if p.Port == 0 {
		return p.Protocol
	}
	return fmt.Sprintf("%s %d", p.Protocol, p.Port)
}

// should is what a probe was to find.
func should(p *tasks.Probed) string {
	if p.Wanted {
		return "open"
	}
	return "closed"
}

// probeWhy is what is known of the reason for an answer.
func probeWhy(p *tasks.Probed) string {
	var parts []string
	switch {
	case p.PathBlocks:
		parts = append(parts, "the host allows it, something on the path does not")
	case p.Verdict != "":
		s := "the host's own verdict: " + string(p.Verdict)
		if p.By != "" {
			s += " by " + p.By
		}
		parts = append(parts, s)
	}
	if p.Ours {
		parts = append(parts, "a temporary listener of farmwall's answered")
	}
	if p.Detail != "" {
		parts = append(parts, p.Detail)
	}
	return printable(strings.Join(parts, "; "))
}
