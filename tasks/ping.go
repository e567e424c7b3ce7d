package tasks

import (
	"context"
	"net/netip"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
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
	Client string        `json:"client,omitempty"`
	Local  string        `json:"local,omitempty"`
	Took   time.Duration `json:"took_ns"` // dialling, logging in and reading
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
	_, s, p := r.read(ctx, run, h)
	took := r.Now().Sub(begun)
	if p != nil {
		o := p.outcome(h.Name, h.Farm)
		o.Elapsed = took
		return Pong{Outcome: o, Took: took}
	}
	return Pong{Outcome: Outcome{Host: h.Name, Farm: h.Farm, Status: OK, Findings: s.Findings, Warnings: disowned(h, s), Elapsed: took},
		System: s.System, Manager: s.Manager, Persistence: s.Persistence, Lease: s.Lease, Token: s.Token, Record: s.Record,
		Farms: s.Farms, Client: end(s.Client), Local: end(s.Local), Took: took}
}

func end(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
