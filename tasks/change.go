package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// running is a run that writes.
type running struct {
	*progress
	id       string
	verb     string
	strict   bool
	takeOver string
	window   time.Duration // 0: the transport's default
	manual   bool
	earlier  int // hosts that failed before the first batch, where they count
}

// The windows in which a change must be confirmed, unless the user says another.
const (
	linuxWindow   = 60 * time.Second
	windowsWindow = 120 * time.Second
	manualWindow  = 10 * time.Minute
)

// windowFor is how long the host's switch waits.
func (run *running) windowFor(h *inventory.Host) time.Duration {
	switch {
	case run.window > 0:
		return run.window
	case run.manual:
		return manualWindow
	case h.Windows():
		return windowsWindow
	}
	return linuxWindow
}

// job is what a run is to do to one host.
type job struct {
	host *inventory.Host
	plan *HostPlan
}

// change is one host on its way from the old state to the new one. What it knows
// of the old state is small, so that many can wait for a person.
type change struct {
	r   *Runner
	run *running
	job
	d    rules.Dialect
	conn transport.Conn // the line in use, or nil

	rec     HostRecord   // what the journal holds of this change
	guarded []guard      // flows that the change must not close
	armed   bool         // the switch may fire until deadline
	sealed  bool         // confirmed, and not taken back since: the host holds the change
	until   time.Time    // by our clock, at the latest
	open    []JudgedFlow // flows that are not as wanted, as step 7 saw them: closed, or exposed under restrict
	pending bool         // left to the switch: to be looked at again
	out     Outcome      // what has become of the host so far
	begun   time.Time    // by our clock
	rest    string       // the fingerprint of what is foreign that the plan holds for
	replans int          // how often the host was planned again
	state   *rules.State // the newest reading; dropped when the change is done
	// seen is what goes into reports.
	seen Evidence
}

// change alters a host: the only way in which farmwall does. See
// docs/host-protocol.md for the steps. Where the run confirms by hand it stops
// after step 7, armed.
func (r *Runner) change(ctx context.Context, run *running, j job) *change {
	c := r.newChange(run, j)
	run.started(j.host.Name)
	defer c.hangUp()
	if c.arm(ctx) && c.recheck(ctx) && !run.manual {
		c.confirm(ctx)
	}
	c.pauseOrEnd()
	return c
}

// pauseOrEnd ends the change, unless the host still has to come to its end: left
// to its switch, or armed and waiting for a person.
func (c *change) pauseOrEnd() {
	switch {
	case c.pending:
		c.run.tell(Event{Kind: Waiting, Host: c.host.Name, Step: c.out.Step, Text: c.out.Error})
	case !c.armed:
		c.end()
	}
	c.state = nil
}

func (r *Runner) newChange(run *running, j job) *change {
	c := &change{r: r, run: run, job: j, begun: r.Now(), rest: j.plan.Rest}
	c.out = Outcome{Host: j.host.Name, Farm: j.plan.Farm, Changes: j.plan.Changes, Findings: j.plan.Findings, Warnings: j.plan.Warnings}
	return c
}

func (c *change) step(name string) {
	c.out.Step = name
	c.seen.Steps = append(c.seen.Steps, StepTime{name, c.r.Now().Sub(c.begun)})
	c.run.step(c.host.Name, name)
}

// fail says that the host did not come to its target and is unchanged.
func (c *change) fail(p *Problem) bool {
	c.out.Status, c.out.Error, c.out.Hint = p.Status, p.Text, p.Hint
	if p.Step != "" {
		c.out.Step = p.Step
	}
	return false
}

// end completes the outcome, journals it and tells it.
func (c *change) end() {
	o := &c.out
	o.Elapsed = c.r.Now().Sub(c.begun)
	if !o.Status.bad() {
		o.Step = ""
	} else {
		o.Err = fmt.Errorf("%s: %s: %s", o.Host, o.Status, o.Error)
	}
	// A host in doubt stays unfinished in the journal, so that recover finds it.
	if c.rec.Run != "" && o.Status != Doubtful {
		status, ours := o.Status, ""
		if status == NotOpen {
			status = Changed
		}
		if status == Changed {
			ours = c.rec.OursThen
		}
		if err := c.r.Journal.Finish(context.Background(), c.rec.Run, c.rec.Farm, c.rec.Host, status, o.Error, ours); err != nil {
			o.Warnings = append(o.Warnings, "the journal could not be written ("+err.Error()+"); `farmwall recover` completes it from the host's record")
		}
	}
	c.witness()
	c.run.finished(*o)
}

// witness hands over what the change saw of the host.
func (c *change) witness() {
	e, o := c.seen, &c.out
	e.Run, e.Verb, e.Farm, e.Host, e.Started, e.Elapsed = c.run.id, c.run.verb, o.Farm, o.Host, c.begun.UTC(), o.Elapsed
	e.System, e.Manager = c.plan.System, c.plan.Manager
	e.Status, e.Step, e.Error, e.Hint = o.Status, o.Step, o.Error, o.Hint
	e.Wanted, e.Changes, e.Findings, e.Warnings, e.Probes = c.rec.Target, o.Changes, o.Findings, o.Warnings, o.Probes
	c.seen = Evidence{}
	c.r.saw(context.Background(), e, c.host)
}

func (c *change) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// dial opens a fresh line and reads the host over it.
func (c *change) dial(ctx context.Context, step func(string)) error {
	c.hangUp()
	conn, state, err := c.r.observe(ctx, c.host, c.d, step)
	if err != nil {
		return err
	}
	c.conn, c.state = conn, state
	return nil
}

// unspoken tells nobody at which step a host is.
func unspoken(string) {}

// look reads the host again over the line that is open.
func (c *change) look(ctx context.Context) error {
	state, err := look(ctx, c.conn, c.d)
	if err == nil {
		c.state = state
	}
	return err
}

// frame runs a script of the frame. An error means that nobody knows how far it
// came, unless notRun holds for it.
func (c *change) frame(ctx context.Context, s rules.Script) (*rules.Report, error) {
	out, err := c.conn.Run(ctx, s)
	if err != nil {
		return nil, err
	}
	rep, err := c.d.Answer(out)
	if err != nil {
		return nil, &unreadable{err}
	}
	return rep, nil
}

// notRun says that a script surely never began.
func notRun(err error) bool {
	var line *transport.Error
	return errors.As(err, &line) && line.NotRun
}
