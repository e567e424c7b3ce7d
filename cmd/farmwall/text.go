package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"farmwall/tasks"
)

// textPrinter is for people.
type textPrinter struct {
	w        io.Writer
	progress *progress
	detail   detail
}

func (t *textPrinter) event(e tasks.Event) { t.progress.event(e) }

func (t *textPrinter) plan(p *tasks.Plan, s *tasks.Summary, _ int) error {
	t.progress.stop()
	fmt.Fprintf(t.w, "%s\n\n", farmsLine(s.Farms))
	var views []view
	var sum tally
	bad := map[tasks.Status]int{}
	var common []string
	seen := map[string]bool{}
	for i := range p.Hosts {
		h := &p.Hosts[i]
		v := viewOfPlan(h)
		if h.Problem != nil {
			bad[h.Problem.Status]++
		} else {
			sum.take(h.Changes)
		}
		// A note tells of a default or of an empty list, so it is nearly always the
		// same for many hosts: once, below, is enough.
		for _, n := range v.notes {
			if !seen[n] {
				seen[n] = true
				common = append(common, n)
			}
		}
		if !t.detail.all {
			v.notes = nil
		}
		views = append(views, v)
	}
	d := t.detail
	d.changes = true
	d.show(t.w, views)
	for _, f := range p.Farms {
		for _, n := range f.Notes {
			if len(p.Farms) > 1 {
				n = "farm " + f.Farm + ": " + n
			}
			common = append(common, n)
		}
	}
	for _, n := range foldNotes(common) {
		fmt.Fprintf(t.w, "%s %s\n", d.colours.faint("note:"), plain(n))
	}
	if len(common) > 0 {
		fmt.Fprintln(t.w)
	}
	d.showBatches(t.w, p.Batches)
	line := "Plan: " + sum.String()
	for _, status := range []tasks.Status{tasks.Refused, tasks.Unreachable, tasks.Failed, tasks.LeaseTaken, tasks.Doubtful, tasks.Skipped} {
		if n := bad[status]; n > 0 {
			line += "; " + paintStatus(d.colours, status, count(n, "host")+" "+string(status))
		}
	}
	_, err := fmt.Fprintln(t.w, d.colours.bold(line))
	return err
}

func (t *textPrinter) summary(s *tasks.Summary, _ int) error {
	t.progress.stop()
	d := t.detail
	d.changes = d.all || d.reasons || s.Verb == "drift" || s.Verb == "verify"
	var views []view
	for i := range s.Outcomes {
		views = append(views, viewOfOutcome(&s.Outcomes[i]))
	}
	if s.Verb == "drift" || s.Verb == "verify" {
		fmt.Fprintf(t.w, "%s\n\n", farmsLine(s.Farms))
	}
	d.show(t.w, views)
	if len(s.Gone) > 0 {
		fmt.Fprintf(t.w, "%s the journal knows these hosts, the inventory does not: %s\n",
			d.colours.yellow("warning:"), someNames(s.Gone))
	}
	for i := range s.Runs {
		fmt.Fprintln(t.w, runEndWords(&s.Runs[i]))
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(t.w, "%s %s\n", d.colours.yellow("warning:"), plain(w))
	}
	if s.OverBudget != nil {
		fmt.Fprintf(t.w, "%s %s\n", d.colours.red("over budget:"), plain(s.OverBudget.String()))
	}
	if s.Verb == "drift" {
		fmt.Fprintln(t.w, d.colours.bold(driftLine(s)))
	}
	if s.Verb == "verify" {
		fmt.Fprintln(t.w, d.colours.bold("Verify: "+proof(s.Outcomes)))
		d.probeWords(t.w, s.Probing)
	}
	return t.recap(s)
}

// recap is the end of every summary: how many hosts ended how, and the run's name.
func (t *textPrinter) recap(s *tasks.Summary) error {
	d := t.detail
	if s.Interrupted {
		fmt.Fprintln(t.w, d.colours.yellow("interrupted"))
	}
	line := "Recap: " + recap(s.Outcomes, d.colours)
	if s.Run != "" {
		line += "  run " + plain(s.Run)
	}
	if s.Chain != "" && d.all {
		line += d.colours.faint("  journal " + s.Chain)
	}
	_, err := fmt.Fprintln(t.w, line)
	return err
}

func (t *textPrinter) pongs(list []tasks.Pong, s *tasks.Summary, _ int) error {
	t.progress.stop()
	rows := [][]string{{"HOST", "STATUS", "SYSTEM", "FIREWALL", "LOADED AT BOOT BY", "LAST RUN", "SEEN FROM", "CLOCK", "TOOK", "ABOUT"}}
	for i := range list {
		g := &list[i]
		if problem := outcomeProblem(&g.Outcome); problem != "" {
			rows = append(rows, []string{g.Host, string(g.Status) + ": " + problem})
			continue
		}
		rows = append(rows, []string{g.Host, string(g.Status), g.System, g.Manager, orDash(g.Persistence), orDash(g.Record.Run), orDash(g.Client), clockWords(g.ClockOffset), short(g.Took), orDash(aboutWords(g))})
	}
	writeTable(t.w, rows)
	_, err := fmt.Fprintln(t.w, "\nRecap: "+recap(s.Outcomes, t.detail.colours))
	return err
}

// clockWords is how far a host's clock is ahead of ours.
func clockWords(offset *time.Duration) string {
	if offset == nil {
		return "-"
	}
	return fmt.Sprintf("%+.1fs", offset.Seconds())
}

// aboutWords is how a host was reached, and what else it says of itself.
func aboutWords(g *tasks.Pong) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(g.Line.Scheme)
	add(g.Line.Auth)
	add(g.Line.Service)
	for _, f := range g.About {
		add(f.Name + " " + f.Text)
	}
	return strings.Join(parts, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
