package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// Pong is what ping learned about one host.
type Pong struct {
	Outcome
	System      string       `json:"system,omitempty"`
	Manager     string       `json:"manager,omitempty"`
	Persistence string       `json:"persistence,omitempty"` // what loads our rules at boot; empty: nothing can
	Lease       rules.Lease  `json:"lease"`
	Token       rules.Token  `json:"token"`
	Record      rules.Record `json:"record"`
	Farms       []string     `json:"farms,omitempty"` // whose marks the host carries
	// Client and Local are the two ends of the connection, as the host sees them.
	Client string `json:"client,omitempty"`
	Local  string `json:"local,omitempty"`
	// Line is how the connection was made and what answered.
	Line transport.Identity `json:"line,omitzero"`
	// ClockOffset is how far the host's clock is ahead of ours; nil where the host
	// does not tell its time. It is right to half of the reading's duration.
	ClockOffset *time.Duration `json:"clock_offset_ns,omitempty"`
	About       []rules.Fact   `json:"about,omitempty"`
	Took        time.Duration  `json:"took_ns"` // dialling, logging in and reading
}

// Ping logs in to the hosts, all that are given, and reads them with the right
// that a change needs. It writes nothing.
func (r *Runner) Ping(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host) ([]Pong, *Summary, error) {
	run := r.progress("", len(hosts))
	pongs := each(ctx, r.Forks, hosts, func(ctx context.Context, h *inventory.Host) Pong {
		run.started(h.Name)
		p := r.pingHost(ctx, run, h)
		run.finished(p.Outcome)
		return p
	}, func(h *inventory.Host) Pong { return Pong{Outcome: problem(context.Canceled).outcome(h.Name, h.Farm)} })
	outcomes := make([]Outcome, len(pongs))
	for i := range pongs {
		outcomes[i] = pongs[i].Outcome
	}
	return pongs, r.told(r.summary(ctx, inv, "ping", "", outcomes)), nil
}

func (r *Runner) pingHost(ctx context.Context, run *progress, h *inventory.Host) Pong {
	begun := r.Now()
	s, line, read, err := r.meet(ctx, run, h)
	took := r.Now().Sub(begun)
	if err != nil {
		p := problem(err)
		o := p.outcome(h.Name, h.Farm)
		o.Elapsed = took
		return Pong{Outcome: o, Took: took}
	}
	pong := Pong{Outcome: Outcome{Host: h.Name, Farm: h.Farm, Status: OK, Findings: s.Findings, Warnings: disowned(h, s), Elapsed: took},
		Line: line, About: s.About,
		System: s.System, Manager: s.Manager, Persistence: s.Persistence, Lease: s.Lease, Token: s.Token, Record: s.Record,
		Farms: s.Farms, Client: end(s.Client), Local: end(s.Local), Took: took}
	if !s.Clock.IsZero() {
		offset := s.Clock.Sub(read).Round(time.Millisecond)
		pong.ClockOffset = &offset
		if offset.Abs() > clockTolerance {
			pong.Warnings = append(pong.Warnings, fmt.Sprintf("the host's clock is off by %s; Kerberos allows %s", offset.Round(time.Second), clockTolerance))
		}
	}
	return pong
}

// clockTolerance is how much Kerberos lets two clocks differ, unless told otherwise.
const clockTolerance = 5 * time.Minute

// meet reads the host and asks the line what it is. read is about when the host
// was read, by our clock: the middle of the reading.
func (r *Runner) meet(ctx context.Context, run *progress, h *inventory.Host) (s *rules.State, line transport.Identity, read time.Time, err error) {
	d, err := r.Dialect(h)
	if err != nil {
		return nil, line, read, &stepError{"plan", err}
	}
	asked := r.Now()
	conn, s, err := r.observe(ctx, h, d, func(step string) {
		asked = r.Now() // the last step is the reading
		run.step(h.Name, step)
	})
	if err != nil {
		return nil, line, read, err
	}
	defer conn.Close()
	read = asked.Add(r.Now().Sub(asked) / 2)
	if i, ok := conn.(transport.Identifier); ok {
		if line, err = i.Identify(ctx); err != nil {
			return nil, line, read, &stepError{"identify", err}
		}
	}
	return s, line, read, nil
}

func end(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
