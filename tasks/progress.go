package tasks

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// progress tells how a verb goes on. Its total is the number of hosts.
type progress struct {
	r     *Runner
	run   string
	total int
	done  atomic.Int64
}

func (r *Runner) progress(run string, total int) *progress {
	return &progress{r: r, run: run, total: total}
}

func (p *progress) tell(e Event) {
	e.Time, e.Run, e.Total = p.r.Now(), p.run, p.total
	p.r.Report(e)
}

func (p *progress) started(host string) {
	p.tell(Event{Kind: HostStarted, Host: host, Done: int(p.done.Load())})
}

func (p *progress) step(host, step string) {
	p.tell(Event{Kind: HostStep, Host: host, Step: step, Done: int(p.done.Load())})
}

func (p *progress) finished(o Outcome) {
	p.tell(Event{Kind: HostDone, Host: o.Host, Step: o.Step, Done: int(p.done.Add(1)), Outcome: &o})
}

func (p *progress) notice(host, text string) {
	p.tell(Event{Kind: Notice, Host: host, Text: text, Done: int(p.done.Load())})
}

// hosts is a number of hosts in words.
func hosts(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// pause waits, or returns the context's error.
func (r *Runner) pause(ctx context.Context, d time.Duration) error {
	if r.sleep != nil {
		return r.sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
