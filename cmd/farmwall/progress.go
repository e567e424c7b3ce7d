package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"farmwall/tasks"
)

// progress tells what is going on: on a terminal one line that is written over,
// elsewhere one line for each host that is done.
type progress struct {
	w       io.Writer
	colours colours
	verbose int
	live    bool

	mu      sync.Mutex
	started time.Time
	done    int
	total   int
	now     string    // what happened last
	until   time.Time // when a wait ends; zero: nobody waits
	drawn   bool
	end     chan struct{}
}

func newProgress(w io.Writer, c colours, verbose int) *progress {
	return &progress{w: w, colours: c, verbose: verbose, live: rewrites(w)}
}

func (p *progress) event(e tasks.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind != tasks.RunDone {
		p.begin()
	}
	if e.Total > 0 {
		p.total = e.Total
		p.done = max(p.done, e.Done) // a batch that begins has no count of its own
	}
	if p.until = (time.Time{}); e.Until != nil {
		p.until = *e.Until
	}
	switch e.Kind {
	case tasks.HostStep:
		p.now = plain(e.Host) + ": " + plain(e.Step)
		if p.verbose > 1 {
			p.line(p.colours.faint(fmt.Sprintf("%s: %s %s", plain(e.Host), plain(e.Step), plain(e.Text))))
		}
	case tasks.HostDone:
		p.now = plain(e.Host)
		if o := e.Outcome; o != nil && (!p.live || p.verbose > 0 || outcomeProblem(o) != "") {
			p.line(hostLine(o, p.colours))
		}
	case tasks.Waiting:
		p.now = plain(e.Text)
		if !p.live {
			p.line(about(e))
		}
	case tasks.BatchStarted, tasks.Notice, tasks.OverBudget:
		if e.Text != "" {
			p.line(about(e))
		}
	case tasks.RunDone:
		p.finish()
	}
	p.draw()
}

func about(e tasks.Event) string {
	if e.Host == "" {
		return plain(e.Text)
	}
	return plain(e.Host) + ": " + plain(e.Text)
}

// hostLine is "changed: gw01 (1.2s)", in Ansible's manner.
func hostLine(o *tasks.Outcome, c colours) string {
	s := paintStatus(c, o.Status, string(o.Status)) + ": " + plain(o.Host)
	if n := len(o.Changes); n > 0 {
		s += ": " + count(n, "change")
	}
	if problem := outcomeProblem(o); problem != "" {
		s += ": " + problem
	}
	return s + c.faint(fmt.Sprintf(" (%s)", short(o.Elapsed)))
}

// begin lets the clock on the line run while nothing happens.
func (p *progress) begin() {
	if !p.live || p.end != nil {
		return
	}
	end := make(chan struct{})
	p.end, p.started, p.now, p.done, p.total = end, time.Now(), "", 0, 0
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				p.mu.Lock()
				p.draw()
				p.mu.Unlock()
			}
		}
	}()
}

// line writes a line that stays.
func (p *progress) line(s string) {
	p.wipe()
	fmt.Fprintln(p.w, s)
}

func (p *progress) wipe() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// draw writes the line that is written over: count, time, time to come, what happened last.
func (p *progress) draw() {
	if !p.live || p.end == nil {
		return
	}
	elapsed := time.Since(p.started)
	s := fmt.Sprintf("[%d/%d] %s", p.done, p.total, short(elapsed))
	if left := time.Until(p.until); left > 0 {
		s += ", goes on in " + short(left)
	} else if p.done > 0 && p.done < p.total {
		s += ", about " + short(elapsed/time.Duration(p.done)*time.Duration(p.total-p.done)) + " left"
	}
	s += "  " + p.now
	if letters := []rune(s); len(letters) >= p.width() {
		s = string(letters[:p.width()-1])
	}
	p.wipe()
	fmt.Fprint(p.w, s)
	p.drawn = true
}

func (p *progress) width() int {
	if f, ok := p.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			return w
		}
	}
	return 80
}

// finish takes the line away; a later run may begin again.
func (p *progress) finish() {
	if p.end != nil {
		close(p.end)
		p.end = nil
	}
	p.wipe()
}

// stop is finish from outside.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
}

// short is a duration as people say it: 0.3s, 12s, 2m05s.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
