package tasks

import (
	"context"
	"fmt"

	"farmwall/rules"
	"farmwall/transport"
)

// shotsOfHost are those at one target; nil where nothing is probed.
type shotsOfHost struct {
	*probing
	i int
}

// at are the shots at a target; p may be nil.
func (p *probing) at(i int) *shotsOfHost {
	if p == nil {
		return nil
	}
	return &shotsOfHost{p, i}
}

func (s *shotsOfHost) judge(d rules.Dialect, st *rules.State, heard *rules.ListenReport) []Probed {
	if s == nil {
		return nil
	}
	return s.probing.judge(s.i, d, st, heard)
}

func (s *shotsOfHost) hear(ctx context.Context, d rules.Dialect, conn transport.Conn) *rules.ListenReport {
	if s == nil || len(s.byTarget[s.i]) == 0 {
		return nil
	}
	return s.probing.hear(ctx, s.i, d, conn)
}

// indices are 0 to n-1.
func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// summary is what was opened from where; p may be nil.
func (p *probing) summary() *ProbeSummary {
	if p == nil {
		return nil
	}
	for _, h := range p.sources {
		source := ProbeSource{Host: "controller", Made: len(p.bySource[h])}
		if h != nil {
			source.Host = h.Name
			source.Cannot = p.bySource[h][0].failed
			if report := p.tools[h]; report != nil {
				source.Tool, source.Cannot = report.Tool, report.Cannot
			}
		}
		if source.Cannot != "" {
			source.Made = 0
			p.note(fmt.Sprintf("%s opened no flow: %s", source.Host, source.Cannot))
		}
		p.sum.Sources = append(p.sum.Sources, source)
	}
	if p.contested > 0 {
		p.note(fmt.Sprintf("this machine is let in by rules of %s and so is no outsider for them; a host with farmwall_probe_outsider is", hosts(p.contested)))
	}
	return &p.sum
}

// failedProbes are those that prove something wrong; with strict, those that prove nothing
// count too.
func failedProbes(list []Probed, strict bool) []*Probed {
	var out []*Probed
	for i := range list {
		if list[i].wrong() || strict && list[i].Right == nil {
			out = append(out, &list[i])
		}
	}
	return out
}

// text says what is wrong.
func (p *Probed) text() string {
	what := p.Protocol
	if p.Port != 0 {
		what = fmt.Sprintf("%s %d", p.Protocol, p.Port)
	}
	switch {
	case p.Right == nil:
		return fmt.Sprintf("%s from %s (%s): nobody can say whether it arrives: %s", what, p.From, p.Rule, p.Detail)
	case p.Wanted && p.PathBlocks:
		return fmt.Sprintf("%s from %s (%s) does not arrive (%s), and the host lets it in: the path blocks it", what, p.From, p.Rule, p.Answer)
	case p.Wanted:
		s := fmt.Sprintf("%s from %s (%s) does not arrive (%s)", what, p.From, p.Rule, p.Answer)
		if p.By != "" {
			s += ", closed by " + p.By
		}
		return s
	}
	s := fmt.Sprintf("%s can be reached from %s, for whom it is not meant (%s)", what, p.From, p.Rule)
	if p.By != "" {
		s += ", let in by " + p.By
	}
	return s
}

const probeHint = "`farmwall explain` names what decides on the host; where the host lets it in, look at what lies between"

// heldAgainst makes of failed probes what the verb says of the host, unless something
// worse is to be said already.
func (o *Outcome) heldAgainst(strict bool) {
	wrong := failedProbes(o.Probes, strict)
	if len(wrong) == 0 || o.Status != OK {
		return
	}
	o.Status, o.Step, o.Error, o.Hint = NotOpen, "probe", wrong[0].text(), probeHint
	if len(wrong) > 1 {
		o.Error += fmt.Sprintf(", and %d more", len(wrong)-1)
	}
	o.Err = fmt.Errorf("%s: %s", o.Host, o.Error)
}

// probe holds changed hosts against real flows.
func (g *gate) probe(ctx context.Context, changed []*change, note func(*change, *failing)) {
	if g.how.Probe == nil || g.w == nil || len(changed) == 0 || ctx.Err() != nil {
		return
	}
	found, err := g.r.probe(ctx, g.run.progress, g.w, g.targets(changed), *g.how.Probe)
	for _, c := range changed {
		if err != nil {
			note(c, &failing{status: NotOpen, step: "probe", text: "the probes could not be made: " + err.Error(), hint: probeHint})
			continue
		}
		c.out.Probes = found[c.host.Name]
		if wrong := failedProbes(c.out.Probes, g.run.strict); len(wrong) > 0 {
			f := &failing{status: NotOpen, step: "probe", text: wrong[0].text(), hint: probeHint, probes: c.out.Probes}
			if len(wrong) > 1 {
				f.text += fmt.Sprintf(", and %d more", len(wrong)-1)
			}
			note(c, f)
		}
	}
}
