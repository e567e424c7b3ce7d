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

// shoot opens flows towards the targets: all of a source in one exchange, unless listeners
// are wanted on more hosts than can have them at a time.
func (r *Runner) shoot(ctx context.Context, run *progress, w *wanting, targets []wanted, opt ProbeOptions) (*probing, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	p := r.shotsAt(run, w, targets, opt)
	at := len(targets)
	if opt.Listen {
		at = listeningAtOnce
	}
	for first := 0; first < len(targets); first += max(at, 1) {
		last := min(first+at, len(targets))
		var closing func(context.Context)
		if opt.Listen {
			closing = p.listen(ctx, first, last)
		}
		each(ctx, r.Forks, p.sources, func(ctx context.Context, h *inventory.Host) struct{} {
			p.ask(ctx, h, within(p.bySource[h], first, last))
			return struct{}{}
		}, func(h *inventory.Host) struct{} {
			fail(within(p.bySource[h], first, last), "interrupted")
			return struct{}{}
		})
		if closing != nil {
			closing(context.WithoutCancel(ctx))
		}
	}
	return p, nil
}

// within are the shots at some of the targets.
func within(shots []*shot, first, last int) []*shot {
	var out []*shot
	for _, s := range shots {
		if first <= s.target && s.target < last {
			out = append(out, s)
		}
	}
	return out
}

func fail(shots []*shot, why string) {
	for _, s := range shots {
		s.failed = why
	}
}

// request is the shots as a source gets them.
func (p *probing) request(shots []*shot) rules.ProbeRequest {
	q := rules.ProbeRequest{Nonce: p.nonce, Wait: p.opt.wait(), AtOnce: probesAtOnce, Tool: p.opt.Tool,
		Ends: make([]rules.FlowEnd, len(shots)), Listener: make([]bool, len(shots))}
	for i, s := range shots {
		q.Ends[i], q.Listener[i] = s.end, s.hears
	}
	return q
}

// ask has one source open its flows.
func (p *probing) ask(ctx context.Context, h *inventory.Host, shots []*shot) {
	if len(shots) == 0 {
		return
	}
	q := p.request(shots)
	if h == nil {
		for i, reply := range p.r.open(ctx, q) {
			shots[i].reply = reply
		}
		return
	}
	p.run.step(h.Name, "probe")
	report, err := p.askHost(ctx, h, q)
	if err != nil && ctx.Err() == nil && lineBroke(err) {
		report, err = p.askHost(ctx, h, q)
	}
	if err != nil {
		fail(shots, h.Name+" could not be asked: "+problem(err).Text)
		return
	}
	for i := range shots {
		shots[i].reply = report.Replies[i]
	}
	p.told(h, report)
}

func (p *probing) askHost(ctx context.Context, h *inventory.Host, q rules.ProbeRequest) (*rules.ProbeReport, error) {
	d, err := p.r.Dialect(h)
	if err != nil {
		return nil, err
	}
	prober, can := d.(rules.Prober)
	if !can {
		return nil, fmt.Errorf("farmwall cannot open flows from such a host")
	}
	// Each round waits twice at most: for the connection, and for what a listener says.
	rounds := time.Duration(len(q.Ends)/100 + 1)
	ctx, cancel := context.WithTimeout(ctx, probeSlack+3*q.Wait*rounds)
	defer cancel()
	conn, err := p.r.Dialer.Dial(ctx, h)
	if err != nil {
		return nil, &stepError{"dial", err}
	}
	defer conn.Close()
	out, err := conn.Run(ctx, prober.Probe(q))
	if err != nil {
		return nil, &stepError{"probe", err}
	}
	report, err := prober.ReadProbe(q, out)
	if err != nil {
		return nil, &unreadable{err}
	}
	return report, nil
}

// told keeps what a source used.
func (p *probing) told(h *inventory.Host, report *rules.ProbeReport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tools[h] = report
}

// hear asks a target what it waits on, where its answers need that: nil where it is not
// known.
func (p *probing) hear(ctx context.Context, i int, d rules.Dialect, conn transport.Conn) *rules.ListenReport {
	if p.heard[i] != nil {
		return p.heard[i]
	}
	prober, can := d.(rules.Prober)
	if !can {
		return nil
	}
	out, err := conn.Run(ctx, prober.Listen(rules.ListenRequest{Nonce: p.nonce}))
	if err != nil {
		return nil
	}
	report, err := prober.ReadListen(rules.ListenRequest{}, out)
	if err != nil {
		return nil
	}
	return report
}

// source is the address that a source's flow came from: the one that its tool tells, else
// the one that the inventory names.
func (s *shot) source() netip.Addr {
	if s.reply.Local.IsValid() {
		return s.reply.Local
	}
	if s.from == nil {
		return netip.Addr{}
	}
	for _, a := range s.from.Addresses.Value {
		if a.Unmap().Is4() == s.end.Address.Is4() {
			return a.Unmap()
		}
	}
	return netip.Addr{}
}
