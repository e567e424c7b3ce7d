// Package watch starts a cycle again and again in one process, as a container has it:
// never two at a time, with its next start known, and shown to those who ask whether
// it lives.
package watch

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"farmwall/tasks"
)

// Cycle is what came of one cycle.
type Cycle struct {
	Number  int
	Started time.Time
	Took    time.Duration
	Exit    int
	Summary *tasks.Summary // nil where the cycle could not run
	Err     error          // why not, or what went wrong beside it
	// Fixing: the cycle was allowed to put things right.
	Fixing bool
	// Skipped: another process was in a cycle on the same journal.
	Skipped bool
	Next    time.Time // zero: there is none
}

// Watcher starts cycles.
type Watcher struct {
	Every  time.Duration
	Jitter time.Duration // at most so much later, at random
	// Cycle runs one cycle; it ends soon after ctx. It fills in all but Number,
	// Started, Took and Next.
	Cycle func(ctx context.Context) Cycle
	// Done hears of each cycle after its end; never nil.
	Done func(Cycle)
	// Limit is how many cycles to run; 0 means until ctx ends.
	Limit int

	// Now and Sleep replace real time in tests.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error

	mu    sync.Mutex
	state state
}

// state is what is shown of a watcher.
type state struct {
	begun   time.Time
	running bool
	due     time.Time // when the running cycle started, or the next one will
	last    Cycle     // the last that has ended
	results map[string]int
	fixed   int
}

// Run starts the first cycle at once and then one every Every, counted from planned
// starts, so that they do not drift. A start that is missed, because a cycle took too
// long or the machine slept, is left out. It returns the last cycle when ctx ends.
func (w *Watcher) Run(ctx context.Context) Cycle {
	now := w.clock()
	w.mu.Lock()
	w.state = state{begun: now, due: now, results: map[string]int{}}
	w.mu.Unlock()
	planned := now
	var last Cycle
	for number := 1; ; number++ {
		started := w.clock()
		w.mu.Lock()
		w.state.running, w.state.due = true, started
		w.mu.Unlock()
		c := w.Cycle(ctx)
		ended := w.clock()
		c.Number, c.Started, c.Took = number, started, ended.Sub(started)
		over := ctx.Err() != nil || number == w.Limit
		if !over {
			for planned = planned.Add(w.Every); !planned.After(ended); planned = planned.Add(w.Every) {
			}
			c.Next = planned.Add(w.late())
		}
		w.ended(c)
		w.Done(c)
		last = c
		if over || w.sleep(ctx, c.Next.Sub(w.clock())) != nil {
			return last
		}
	}
}

func (w *Watcher) late() time.Duration {
	if w.Jitter <= 0 {
		return 0
	}
	return rand.N(w.Jitter)
}

func (w *Watcher) ended(c Cycle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.running, w.state.due = false, c.Next
	w.state.results[result(c)]++
	if c.Skipped { // what the last real one saw stays true
		c.Summary, c.Exit = w.state.last.Summary, w.state.last.Exit
	}
	if c.Summary != nil && !c.Skipped {
		for i := range c.Summary.Outcomes {
			if c.Summary.Outcomes[i].Status == tasks.Changed {
				w.state.fixed++
			}
		}
		c.Summary = counted(c.Summary)
	}
	w.state.last = c
}

// counted keeps of a summary what is shown, and not every rule of every host.
func counted(s *tasks.Summary) *tasks.Summary {
	small := &tasks.Summary{Verb: s.Verb, Run: s.Run, Farms: s.Farms, Chain: s.Chain, Interrupted: s.Interrupted}
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		small.Outcomes = append(small.Outcomes, tasks.Outcome{Host: o.Host, Farm: o.Farm, Status: o.Status})
	}
	return small
}

// result is a cycle in one word.
func result(c Cycle) string {
	switch {
	case c.Skipped:
		return "skipped"
	case c.Summary == nil:
		return "broken"
	case c.Summary.Interrupted:
		return "interrupted"
	case c.Exit == 0:
		return "ok"
	}
	return "differs"
}

// patience is how long after its time a cycle may not have ended before somebody
// should look: as long as one more, and at least an hour for one that runs, because
// hosts are finished one after the other under windows of their own.
func (w *Watcher) patience(running bool) time.Duration {
	if running {
		return max(2*w.Every, time.Hour)
	}
	return max(w.Every, time.Minute)
}

// ErrOverdue says that a cycle has not ended, or not started, when it should have.
var ErrOverdue = errors.New("the cycle is overdue")

// Health returns ErrOverdue where a cycle is overdue.
func (w *Watcher) Health() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := w.state.due
	if due.IsZero() || w.clock().Before(due.Add(w.patience(w.state.running))) {
		return nil
	}
	return ErrOverdue
}

func (w *Watcher) clock() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

func (w *Watcher) sleep(ctx context.Context, d time.Duration) error {
	if w.Sleep != nil {
		return w.Sleep(ctx, d)
	}
	// A machine that was asleep has a wall clock ahead of its timers.
	end := time.Now().Round(0).Add(d)
	for left := d; left > 0; left = time.Until(end) {
		timer := time.NewTimer(min(left, time.Minute))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	return ctx.Err()
}
