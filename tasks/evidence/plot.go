package evidence

import (
	"fmt"
	"strings"
	"time"

	"farmwall/tasks"
)

// The measures of the plots.
const (
	plotWidth  = 1180
	plotHeight = 200
	mostPoints = 800
)

// driftPlot draws how many hosts differed in each drift cycle; empty for less than two.
func (r *Report) driftPlot() string {
	points := thin(r.Cycles)
	if len(points) < 2 {
		return ""
	}
	first, last := points[0].Time, points[len(points)-1].Time
	total := last.Sub(first)
	if total <= 0 {
		return ""
	}
	most, worst := 1, 0
	for _, c := range points {
		most, worst = max(most, c.Differing), max(worst, c.Differing)
	}
	const left, right, top, bottom = 46, 20, 14, 30
	x := func(t time.Time) float64 {
		return left + float64(plotWidth-left-right)*float64(t.Sub(first))/float64(total)
	}
	y := func(n int) float64 {
		return top + float64(plotHeight-top-bottom)*(1-float64(n)/float64(most))
	}
	d := &drawing{}
	d.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="drift-title drift-desc" class="map chart">`, plotWidth, plotHeight, plotWidth, plotHeight)
	d.f(`<title id="drift-title">Drift over time</title><desc id="drift-desc">%s from %s to %s; at most %s differed, in the last one %d of %d.</desc>`,
		count(len(r.Cycles), "cycle"), moment(first), moment(last), count(worst, "host"), points[len(points)-1].Differing, points[len(points)-1].Hosts)
	step := max(1, (most+3)/4)
	for n := 0; n <= most; n += step {
		d.f(`<path class="rule" d="M%d %.1fH%d"/><text class="from" x="%d" y="%.1f" text-anchor="end">%d</text>`, left, y(n), plotWidth-right, left-8, y(n)+4, n)
	}
	for i := range 5 {
		t := first.Add(total * time.Duration(i) / 4)
		layout := "Jan 2 15:04"
		if total > 7*24*time.Hour {
			layout = time.DateOnly
		}
		anchor := []string{"start", "middle", "middle", "middle", "end"}[i]
		d.f(`<text class="from" x="%.1f" y="%d" text-anchor="%s">%s</text>`, x(t), plotHeight-8, anchor, t.UTC().Format(layout))
	}
	var line strings.Builder
	for i, c := range points {
		if i == 0 {
			fmt.Fprintf(&line, "M%.1f %.1f", x(c.Time), y(c.Differing))
			continue
		}
		fmt.Fprintf(&line, "H%.1fV%.1f", x(c.Time), y(c.Differing))
	}
	d.f(`<path class="area" d="%sV%.1fH%.1fz"/><path class="plot" d="%s"/></svg>`, line.String(), y(0), x(first), line.String())
	return d.text.String()
}

// thin keeps of very many cycles the worst of each stretch of time.
func thin(cycles []tasks.CycleRecord) []tasks.CycleRecord {
	if len(cycles) <= mostPoints {
		return cycles
	}
	var out []tasks.CycleRecord
	per := (len(cycles) + mostPoints - 1) / mostPoints
	for i := 0; i < len(cycles); i += per {
		worst := cycles[i]
		for _, c := range cycles[i:min(i+per, len(cycles))] {
			if c.Differing > worst.Differing {
				worst = c
			}
		}
		out = append(out, worst)
	}
	return out
}

// bar is one bar of the exposure's picture.
type bar struct {
	Label                         string
	Wanted, Beyond, Unknown, Shut int // pairs: open and wanted, open beyond, unknown, wanted and closed
	Percent                       [4]float64
}

// bars are exposure before and after, as parts of the larger one.
func (e *Exposure) bars() []bar {
	var out []bar
	add := func(label string, p *tasks.Pairs) {
		if p != nil {
			out = append(out, bar{Label: label, Wanted: p.Open - p.Beyond, Beyond: p.Beyond, Unknown: p.Unknown, Shut: p.Closed})
		}
	}
	if e.Before != nil {
		add("before", e.Before)
		add("after", e.After)
	} else {
		add("as seen", e.Seen)
	}
	most := 1
	for _, b := range out {
		most = max(most, b.Wanted+b.Beyond+b.Unknown+b.Shut)
	}
	for i := range out {
		b := &out[i]
		for j, n := range []int{b.Wanted, b.Beyond, b.Unknown, b.Shut} {
			b.Percent[j] = 100 * float64(n) / float64(most)
		}
	}
	return out
}
