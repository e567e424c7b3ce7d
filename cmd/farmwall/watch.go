package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
	"farmwall/tasks/notify"
	"farmwall/tasks/schedule"
	"farmwall/tasks/watch"
)

func (p *program) watchVerb() *cli.Command {
	var flags []cli.Flag
	for _, f := range driftFlags() {
		switch f.Names()[0] {
		case "output", "no-color", "verbose", "diff", "detailed-exitcode", "yes":
		case "keep":
			flags = append(flags, text("keep", "", journalKept, "forget what the journal has from before `TIME` ago, but for what hosts need"))
		default:
			flags = append(flags, f)
		}
	}
	return &cli.Command{
		Name: "watch", Usage: "look for drift again and again in the foreground, as in a container", Category: "changing hosts",
		Flags: together([]cli.Flag{everyFlag(),
			text("listen", "", "", "`ADDRESS` for /healthz and /metrics, as in 127.0.0.1:9187 (default: none)"),
			toggle("listen-public", "", "--listen may be an address that others reach"),
			&cli.IntFlag{Name: "cycles", Usage: "end after `N` cycles (default: never)", EnvVars: env("cycles")},
		}, flags, showFlags("text", "json")),
		Action: p.action(p.watch),
	}
}

func (p *program) watch(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	w, err := p.watching(c)
	if err != nil {
		return exitOK, err
	}
	if address := c.String("listen"); address != "" {
		listener, err := watch.Listen(c.Context, address, c.Bool("listen-public"))
		if err != nil {
			return exitOK, fmt.Errorf("--listen: %w", err)
		}
		defer w.serve(c.Context, listener, c.Bool("listen-public"))()
	}
	last := w.Run(c.Context)
	// To be stopped between two cycles is how it ends; what a stop did to a cycle counts.
	if last.Summary != nil && (last.Summary.Interrupted || c.Int("cycles") > 0) {
		return last.Exit, nil
	}
	if last.Err != nil && c.Int("cycles") > 0 && !last.Skipped {
		return exitOfError(last.Err), nil
	}
	return exitOK, nil
}

// watching is a watcher with what its cycles need.
type watching struct {
	watch.Watcher
	p      *program
	d      drifting
	teller *notify.Teller
	json   bool

	mu         sync.Mutex
	conditions map[string]string
	deliveries map[[2]string]int
	warned     string // what the last cycle complained of
}

// watching reads the flags; all mistakes in them end the verb before its first cycle.
func (p *program) watching(c *cli.Context) (*watching, error) {
	outlivePipes()
	p.piped = true
	var bad mistakes
	w := &watching{p: p, json: c.String("output") == "json", conditions: map[string]string{}, deliveries: map[[2]string]int{}}
	every, err := schedule.ParseEvery(c.String("every"))
	if err != nil {
		bad.add(fmt.Errorf("--every %w", err))
	}
	for _, flag := range []string{"ask-pass", "ask-become-pass", "ask-vault-pass"} {
		if c.Bool(flag) {
			bad.add(fmt.Errorf("--%s asks a person in each cycle; give a file, a vault or the inventory instead", flag))
		}
	}
	w.d, err = p.driftOptions(c)
	bad.add(err)
	bad.add(nobodyConfirms(c))
	if len(c.StringSlice("inventory")) == 0 {
		bad.add(usagef("which inventory? give one with -i FILE, or set FARMWALL_INVENTORY"))
	}
	w.teller, err = p.teller(c)
	bad.add(err)
	if err := bad.err(); err != nil {
		return nil, err
	}
	dir, err := madeStateDir(c)
	if err != nil {
		return nil, err
	}
	w.Every, w.Jitter, w.Limit = every, schedule.Jitter(every), c.Int("cycles")
	w.Cycle = func(ctx context.Context) watch.Cycle { return w.cycle(ctx, c, dir) }
	w.Done = w.log
	return w, nil
}

// cycle is one cycle, from the inventory on. Whatever goes wrong in it, the next one
// starts anew.
func (w *watching) cycle(ctx context.Context, c *cli.Context, dir string) watch.Cycle {
	release, err := watch.Lock(dir, controller())
	if err != nil {
		return watch.Cycle{Err: err, Exit: exitOfError(err), Skipped: errors.Is(err, watch.ErrRunning)}
	}
	defer release()
	// What would go to a terminal is gathered: a cycle has one line in the log.
	said := &bytes.Buffer{}
	sub := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &locked{w: said}, piped: true}
	own := *c
	own.Context = ctx
	var out watch.Cycle
	out.Fixing = w.d.Fix && w.d.windows.Open(time.Now())
	w.p.changing.Store(out.Fixing)
	defer w.p.changing.Store(false)
	out.Summary, out.Exit, out.Err = sub.driftOnce(&own, &w.d, func(*job, *tasks.Summary, int) {})
	if out.Err != nil {
		out.Exit = exitOfError(out.Err)
	}
	told := sub.tellOf(ctx, w.teller, out.Summary, out.Exit, out.Err)
	w.note(out.Summary, told)
	if out.Err != nil && ctx.Err() == nil {
		sub.complain(out.Err)
	}
	w.warn(said.String())
	return out
}

// note keeps what the metrics show.
func (w *watching) note(s *tasks.Summary, told []notify.Told) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range notify.Reports(s) {
		w.conditions[r.Farm] = string(r.Condition)
	}
	for _, one := range told {
		result := "delivered"
		if one.Err != nil {
			result = "failed"
		}
		w.deliveries[[2]string{one.Receiver, result}]++
	}
}

// warn shows what a cycle complained of, where it is not what the one before did.
func (w *watching) warn(text string) {
	if text == w.warned {
		return
	}
	w.warned = text
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line = strings.TrimPrefix(line, "farmwall: "); line != "" {
			w.line("notice", map[string]any{"text": plain(line)}, plain(line))
		}
	}
}

// log writes the line of a cycle.
func (w *watching) log(c watch.Cycle) {
	fields := map[string]any{"cycle": c.Number, "exit": c.Exit, "started": c.Started.UTC().Format(time.RFC3339), "took_ns": c.Took, "fix": c.Fixing}
	text := fmt.Sprintf("cycle %d: ", c.Number)
	switch {
	case c.Skipped:
		fields["skipped"], fields["error"] = true, plain(c.Err.Error())
		text += "skipped: " + plain(c.Err.Error())
	case c.Err != nil:
		fields["error"] = plain(strings.Join(strings.Fields(c.Err.Error()), " "))
		text += fmt.Sprintf("could not run (exit %d)", c.Exit)
	default:
		counts := map[tasks.Status]int{}
		for i := range c.Summary.Outcomes {
			counts[c.Summary.Outcomes[i].Status]++
		}
		fields["hosts"] = counts
		if c.Summary.Run != "" {
			fields["run"] = c.Summary.Run
		}
		if c.Summary.Interrupted {
			fields["interrupted"] = true
			text += "interrupted, "
		}
		if c.Summary.OverBudget != nil {
			fields["over_budget"] = c.Summary.OverBudget
			text += "over budget, "
		}
		text += recap(c.Summary.Outcomes, colours{}) + fmt.Sprintf(" (exit %d", c.Exit)
		if c.Summary.Run != "" {
			text += ", run " + plain(c.Summary.Run)
		}
		text += ")"
	}
	text += " in " + short(c.Took)
	if !c.Next.IsZero() {
		fields["next"] = c.Next.UTC().Format(time.RFC3339)
		text += ", next at " + c.Next.Local().Format(time.DateTime)
	}
	w.line("cycle", fields, text)
}

// line writes one line to standard output, as text or as JSON.
func (w *watching) line(event string, fields map[string]any, text string) {
	now := time.Now()
	if !w.json {
		// A reader that has gone away ends nothing.
		_, _ = fmt.Fprintf(w.p.stdout, "%s %s\n", now.Format("2006-01-02T15:04:05-07:00"), text)
		return
	}
	fields["event"], fields["time"] = event, now.UTC().Format(time.RFC3339)
	// As above.
	_ = json.NewEncoder(w.p.stdout).Encode(fields)
}

// serve answers on the listener; the function it returns waits for its end.
func (w *watching) serve(ctx context.Context, l net.Listener, public bool) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var server sync.WaitGroup
	server.Go(func() {
		if err := w.Serve(ctx, l, public, w.facts); err != nil {
			w.line("notice", map[string]any{"text": plain(err.Error())}, plain(err.Error()))
		}
	})
	w.line("listening", map[string]any{"address": l.Addr().String()}, "listening on "+l.Addr().String())
	return func() {
		cancel()
		server.Wait()
	}
}

func (w *watching) facts() watch.Facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := watch.Facts{Version: version(), Conditions: map[string]string{}}
	for farm, condition := range w.conditions {
		f.Conditions[farm] = condition
	}
	for _, c := range notify.Conditions() {
		f.Possible = append(f.Possible, string(c))
	}
	if len(w.d.windows) > 0 {
		open := w.d.windows.Open(time.Now())
		f.WindowOpen = &open
	}
	for k, n := range w.deliveries {
		f.Deliveries = append(f.Deliveries, watch.Delivery{Receiver: k[0], Result: k[1], Count: n})
	}
	return f
}

// locked is a writer that many goroutines share.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
