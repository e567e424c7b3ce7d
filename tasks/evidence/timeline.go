package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The measures of the timeline.
const (
	timeWidth  = 1180
	timeLabels = 150
	manyRows   = 60 // from here on rows are thin and have no names
)

// stepKinds are the steps of a change in their order, as the timeline shows them.
func stepKinds() []string {
	return []string{"dial", "observe", "journal", "arm", "redial", "check", "confirm", "undo"}
}

// timeline draws when each host was at which step; empty where no steps are known.
func (r *Report) timeline() string {
	var hosts []*Host
	var first, last time.Time
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if h.Started.IsZero() || len(h.Steps) == 0 {
			continue
		}
		hosts = append(hosts, h)
		if end := h.Started.Add(h.Elapsed); end.After(last) {
			last = end
		}
		if first.IsZero() || h.Started.Before(first) {
			first = h.Started
		}
	}
	total := last.Sub(first)
	if len(hosts) == 0 || total <= 0 || r.Scope.Run == "" {
		return ""
	}
	slices.SortStableFunc(hosts, func(a, b *Host) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Host, b.Host)) })
	row, bar := 20, 12
	if len(hosts) > manyRows {
		row, bar = 4, 3
	}
	height := 30 + len(hosts)*row + 6
	d := &drawing{}
	d.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="time-title time-desc" class="map chart">`, timeWidth, height, timeWidth, height)
	d.f(`<title id="time-title">Timeline of the run</title><desc id="time-desc">%s, %s from %s. The table below has each host's steps.</desc>`, count(len(hosts), "host"), short(total), moment(first))
	scale := float64(timeWidth-timeLabels-20) / float64(total)
	at := func(t time.Duration) float64 { return timeLabels + float64(t)*scale }
	for i := range 6 {
		t := total * time.Duration(i) / 5
		anchor := "middle"
		if i == 5 {
			anchor = "end"
		}
		d.f(`<path class="rule" d="M%.1f 18V%d"/><text class="from" x="%.1f" y="12" text-anchor="%s">+%s</text>`, at(t), height-6, at(t), anchor, short(t))
	}
	paths := map[string]*strings.Builder{}
	for i, h := range hosts {
		y := 24 + i*row
		if row > 4 {
			d.f(`<text class="host" x="4" y="%d">%s</text>`, y+10, esc(clip(h.Host, 22)))
		}
		begun := h.Started.Sub(first)
		for j, s := range h.Steps {
			end := h.Elapsed
			if j+1 < len(h.Steps) {
				end = h.Steps[j+1].After
			}
			kind := s.Step
			if !slices.Contains(stepKinds(), kind) {
				kind = "other"
			}
			if paths[kind] == nil {
				paths[kind] = &strings.Builder{}
			}
			fmt.Fprintf(paths[kind], "M%.1f %dh%.1fv%dh-%.1fz", at(begun+s.After), y, max(.8, float64(end-s.After)*scale), bar, max(.8, float64(end-s.After)*scale))
		}
		if h.state() != stateGood {
			d.symbol(h.state(), int(at(begun+h.Elapsed))+3, y+bar/2-min(bar, 10)/2, min(max(bar, 6), 10))
		}
	}
	for _, kind := range append(stepKinds(), "other") {
		if paths[kind] != nil {
			d.f(`<path class="step step-%s" d="%s"><title>%s</title></path>`, kind, paths[kind], kind)
		}
	}
	d.f(`</svg>`)
	return d.text.String()
}

// stepWords are a host's steps with their durations.
func (h *Host) stepWords() string {
	parts := make([]string, len(h.Steps))
	for i, s := range h.Steps {
		end := h.Elapsed
		if i+1 < len(h.Steps) {
			end = h.Steps[i+1].After
		}
		parts[i] = printable(s.Step) + " " + short(max(0, end-s.After))
	}
	return strings.Join(parts, ", ")
}
