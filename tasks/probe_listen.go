package tasks

import (
	"context"
	"time"

	"farmwall/rules"
	"farmwall/transport"
)

// unlistenLimit is how long a target may take to end its listeners; it does so by itself,
// too, so nobody has to wait longer after an interrupt.
const unlistenLimit = 20 * time.Second

// waiter is a target that has listeners of ours.
type waiter struct {
	conn    transport.Conn
	prober  rules.Prober
	request rules.ListenRequest
	begun   time.Time // by our clock, before it was asked
	shots   []*shot   // those that its listeners answer
}

// listen has some targets wait on the ends of their shots that are free. What it returns
// ends all of it; a listener that nobody ends does so itself.
func (p *probing) listen(ctx context.Context, first, last int) func(context.Context) {
	list := make([]int, 0, last-first)
	for i := first; i < last; i++ {
		if len(p.byTarget[i]) > 0 {
			list = append(list, i)
		}
	}
	waiters := each(ctx, p.r.Forks, list, func(ctx context.Context, i int) *waiter { return p.waitAt(ctx, i) }, func(int) *waiter { return nil })
	return func(ctx context.Context) {
		each(ctx, p.r.Forks, waiters, func(ctx context.Context, w *waiter) struct{} {
			p.endWaiting(ctx, w)
			return struct{}{}
		}, func(*waiter) struct{} { return struct{}{} })
	}
}

// waitAt has one target wait, and keeps the line open: the session may take its children
// with it.
func (p *probing) waitAt(ctx context.Context, i int) *waiter {
	h := p.targets[i].host
	why := func(text string) *waiter {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.note(h.Name + " cannot wait for probes: " + text)
		return nil
	}
	d, err := p.r.Dialect(h)
	if err != nil {
		return why(err.Error())
	}
	prober, can := d.(rules.Prober)
	if !can {
		return why("farmwall cannot do that on such a host")
	}
	p.run.step(h.Name, "listen")
	w := &waiter{prober: prober, request: rules.ListenRequest{Nonce: p.nonce, Life: p.opt.life()}}
	index := map[rules.FlowEnd]int{}
	for _, s := range p.byTarget[i] {
		if _, there := index[s.end]; !there && s.end.Port != 0 {
			index[s.end] = len(w.request.Ends)
			w.request.Ends = append(w.request.Ends, s.end)
		}
	}
	limited, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	if w.conn, err = p.r.Dialer.Dial(limited, h); err != nil {
		return why(problem(&stepError{"dial", err}).Text)
	}
	w.begun = p.r.Now()
	out, err := w.conn.Run(limited, prober.Listen(w.request))
	if err != nil {
		w.conn.Close()
		return why(problem(err).Text)
	}
	report, err := prober.ReadListen(w.request, out)
	if err != nil {
		w.conn.Close()
		return why(err.Error())
	}
	if report.Cannot != "" {
		why(report.Cannot)
	}
	p.heard[i] = report
	for _, s := range p.byTarget[i] {
		if k, there := index[s.end]; there && report.Opened[k] {
			s.hears = true
			w.shots = append(w.shots, s)
		}
	}
	return w
}

// endWaiting ends a target's listeners. Where they had ended before, the silence of those
// who asked proves nothing.
func (p *probing) endWaiting(ctx context.Context, w *waiter) {
	if w == nil {
		return
	}
	defer w.conn.Close()
	lived := p.r.Now().Sub(w.begun) < w.request.Life
	if len(w.shots) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, unlistenLimit)
	defer cancel()
	out, err := w.conn.Run(ctx, w.prober.Unlisten(w.request))
	if err == nil {
		without := w.request
		without.Ends = nil
		var report *rules.ListenReport
		if report, err = w.prober.ReadListen(without, out); err == nil {
			lived = lived && report.Closed
		}
	}
	if err == nil && lived {
		return
	}
	for _, s := range w.shots {
		if s.reply.Answer == ProbeFiltered && s.end.Protocol == rules.UDP {
			s.reply.Answer = ProbeUnanswerable
			s.reply.Text = "the listener may have ended before"
		}
		s.hears = false
	}
}
