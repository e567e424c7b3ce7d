package evidence

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
)

//go:embed map.css
var mapStyle string

// WriteSVG writes the map of the report's farms as one picture that stands alone.
func (r *Report) WriteSVG(w io.Writer) error {
	var maps []*layout
	width, height := 0, 0
	for _, m := range r.maps() {
		l := lay(m)
		maps = append(maps, l)
		width, height = max(width, l.width), height+mapTitle+l.height
	}
	height += legendHeight
	d := &drawing{}
	d.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="group" aria-labelledby="map-title map-desc" class="map alone">`, width, height, width, height)
	d.f(`<title id="map-title">%s</title><desc id="map-desc">%s</desc>`, esc("farmwall: "+r.title()), esc(r.summary()))
	d.f("<style>%s</style>", mapStyle)
	d.f(`<rect class="paper" width="%d" height="%d"/>`, width, height)
	d.symbols()
	y := 0
	for i, l := range maps {
		d.f(`<g transform="translate(0 %d)"><text class="farm" x="%d" y="24">Farm %s</text></g>`, y, margin, esc(l.farm))
		d.f(`<g transform="translate(0 %d)">`, y+mapTitle-margin)
		d.farm(l, fmt.Sprintf("m%d", i))
		d.f(`</g>`)
		y += mapTitle + l.height
	}
	d.f(`<g transform="translate(%d %d)">`, margin, y)
	d.legend(width - 2*margin)
	d.f("</g></svg>\n")
	_, err := w.Write(d.text.Bytes())
	return err
}

const (
	mapTitle     = 44
	legendHeight = 62
)

// mapInside is a farm's map to stand in a page that has the style already.
func (r *Report) mapInside(m *farmMap, n int) string {
	l := lay(m)
	d := &drawing{}
	id := fmt.Sprintf("map%d", n)
	d.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="group" aria-labelledby="%s-title %s-desc" class="map">`, l.width, l.height+legendHeight-10, l.width, l.height+legendHeight-10, id, id)
	d.f(`<title id="%s-title">Map of farm %s</title><desc id="%s-desc">%s</desc>`, id, esc(m.farm), id, esc(m.description()))
	if n == 0 { // the page has them once
		d.symbols()
	}
	d.farm(l, id)
	d.f(`<g transform="translate(%d %d)">`, margin, l.height-4)
	d.legend(l.width - 2*margin)
	d.f("</g></svg>")
	return d.text.String()
}

// description says the map in words, for those who do not see it.
func (m *farmMap) description() string {
	var parts []string
	for _, g := range m.groups {
		if !g.source {
			parts = append(parts, fmt.Sprintf("%s with %s", g.name, count(len(g.hosts), "host")))
		}
	}
	return "Groups of hosts with equal roles: " + strings.Join(parts, ", ") + ". The table below the map says the same in words."
}

type drawing struct{ text bytes.Buffer }

func (d *drawing) f(format string, args ...any) { fmt.Fprintf(&d.text, format, args...) }

// esc makes any text safe inside XML and HTML.
func esc(text string) string { return html.EscapeString(printable(text)) }

// symbols are the shapes of the states: each is told apart without its colour.
func (d *drawing) symbols() {
	d.f(`<defs>`)
	d.f(`<symbol id="s-good" viewBox="0 0 10 10"><rect class="sym-good" x=".5" y=".5" width="9" height="9" rx="2"/></symbol>`)
	d.f(`<symbol id="s-unknown" viewBox="0 0 10 10"><path class="sym-unknown" d="M5 0L10 5 5 10 0 5Z"/></symbol>`)
	d.f(`<symbol id="s-unseen" viewBox="0 0 10 10"><rect class="sym-unseen" x="1" y="1" width="8" height="8" rx="2"/></symbol>`)
	d.f(`<symbol id="s-exposed" viewBox="0 0 10 10"><path class="sym-exposed" d="M5 .3L9.9 9.5H.1Z"/></symbol>`)
	d.f(`<symbol id="s-bad" viewBox="0 0 10 10"><circle class="sym-bad" cx="5" cy="5" r="5"/><path class="sym-cross" d="M3 3L7 7M7 3L3 7"/></symbol>`)
	d.f(`</defs>`)
}

func (d *drawing) symbol(s state, x, y, size int) {
	d.f(`<use href="#s-%s" x="%d" y="%d" width="%d" height="%d"/>`, s, x, y, size, size)
}

// farm draws a map; id begins the ids of its parts.
func (d *drawing) farm(l *layout, id string) {
	for i, n := range l.nets {
		d.net(l, n, fmt.Sprintf("%s-n%d", id, i))
	}
	for _, g := range l.groups {
		d.group(g)
	}
}

// net draws the wires of one source: those in good order first, so that a bad one lies above.
func (d *drawing) net(l *layout, n *net, id string) {
	var says []string
	for _, w := range n.wires {
		says = append(says, fmt.Sprintf("%s %s: %s", w.to.name, w.pin.opensWords(), w.pin.stateWords()))
	}
	text := n.from.name + " reaches " + strings.Join(says, "; ")
	d.f(`<g class="net" tabindex="0" role="img" aria-labelledby="%s"><title id="%s">%s</title>`, id, id, esc(text))
	for _, s := range []state{stateGood, stateUnseen, stateUnknown, stateExposed, stateBad} {
		for i := range n.wires {
			if w := &n.wires[i]; w.pin.state == s {
				d.f(`<path class="wire %s" d="%s"/>`, s, l.path(n, w))
				d.end(w)
			}
		}
	}
	d.f(`</g>`)
}

// end draws what a wire ends in: an arrow, and where nothing gets through a bar.
func (d *drawing) end(w *wire) {
	x, step := w.to.box.x, -1
	if !w.left {
		x, step = w.to.box.x+w.to.box.w, 1
	}
	switch y := w.pin.y; w.pin.state {
	case stateBad:
		d.f(`<path class="bar bad" d="M%d %dv12"/>`, x+step*5, y-6)
	case stateUnknown, stateUnseen:
		d.f(`<circle class="ring %s" cx="%d" cy="%d" r="3.4"/>`, w.pin.state, x+step*5, y)
	default:
		d.f(`<path class="tip %s" d="M%d %dl%d -4v8z"/>`, w.pin.state, x, y, step*8)
	}
}

// path is a wire's way from its source to its pin.
func (l *layout) path(n *net, w *wire) string {
	var p polyline
	first := w.channel
	if !n.beside(w.channel) {
		first = n.from.column
		if w.channel > n.from.column {
			first++
		}
	}
	x := n.from.box.x
	if first > n.from.column {
		x += n.from.box.w
	}
	p.to(x, n.exit())
	at := l.x(n, first)
	p.to(at, n.exit())
	if first != w.channel {
		p.to(at, n.lane)
		at = l.x(n, w.channel)
		p.to(at, n.lane)
	}
	p.to(at, w.pin.y)
	end := w.to.box.x - 6
	if !w.left {
		end = w.to.box.x + w.to.box.w + 6
	}
	p.to(end, w.pin.y)
	return p.rounded(5)
}

type polyline struct{ x, y []int }

func (p *polyline) to(x, y int) {
	if n := len(p.x); n > 0 && p.x[n-1] == x && p.y[n-1] == y {
		return
	}
	p.x, p.y = append(p.x, x), append(p.y, y)
}

// rounded is the line as a path with rounded corners.
func (p *polyline) rounded(radius int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "M%d %d", p.x[0], p.y[0])
	toward := func(i, j, r int) (int, int) {
		step := func(a, b int) int {
			switch {
			case b > a:
				return min(r, (b-a)/2)
			case b < a:
				return -min(r, (a-b)/2)
			}
			return 0
		}
		return p.x[i] + step(p.x[i], p.x[j]), p.y[i] + step(p.y[i], p.y[j])
	}
	last := len(p.x) - 1
	for i := 1; i < last; i++ {
		x1, y1 := toward(i, i-1, radius)
		x2, y2 := toward(i, i+1, radius)
		fmt.Fprintf(&b, "L%d %dQ%d %d %d %d", x1, y1, p.x[i], p.y[i], x2, y2)
	}
	fmt.Fprintf(&b, "L%d %d", p.x[last], p.y[last])
	return b.String()
}

// group draws a box with its hosts and pins.
func (d *drawing) group(g *mapGroup) {
	b := g.box
	if g.source {
		d.f(`<g class="source"><rect x="%d" y="%d" width="%d" height="%d" rx="18"/><text class="name" x="%d" y="%d">%s</text><text class="sub" x="%d" y="%d">%s</text></g>`,
			b.x, b.y, b.w, b.h-4, b.x+16, b.y+16, esc(g.name), b.x+16, b.y+30, esc(sourceWords(g.name)))
		return
	}
	d.f(`<g class="group"><rect class="box" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, b.x, b.y, b.w, b.h)
	d.f(`<path class="head" d="M%d %dv-%dq0 -8 8 -8h%dq8 0 8 8v%dz"/>`, b.x, b.y+headHeight-4, headHeight-12, b.w-16, headHeight-12)
	number := count(len(g.hosts), "host")
	d.f(`<text class="name" x="%d" y="%d">%s</text><text class="count" x="%d" y="%d">%s</text>`,
		b.x+10, b.y+18, esc(clip(g.name, 33-len(number))), b.x+b.w-10, b.y+18, number)
	d.hosts(g)
	for _, p := range g.pins {
		d.pin(g, p)
	}
	d.f(`</g>`)
}

// hosts draws each host by name, or where there are many as a field of cells.
func (d *drawing) hosts(g *mapGroup) {
	x, y := g.box.x+10, g.box.y+headHeight+2
	if len(g.hosts) <= chipHosts {
		for i, h := range g.hosts {
			cx, cy := x+i%2*(boxWidth-16)/2, y+i/2*chipHeight
			d.f(`<g><title>%s</title>`, esc(h.label()))
			d.symbol(h.state(), cx, cy+3, 10)
			d.f(`<text class="host" x="%d" y="%d">%s</text></g>`, cx+15, cy+12, esc(clip(h.Host, 16)))
		}
		return
	}
	per := g.perCell()
	for i := 0; i*per < len(g.hosts); i++ {
		some := g.hosts[i*per : min(len(g.hosts), (i+1)*per)]
		worst := some[0]
		for _, h := range some {
			if h.state().rank() > worst.state().rank() {
				worst = h
			}
		}
		label := worst.label()
		if len(some) > 1 {
			label = fmt.Sprintf("%s to %s, the worst: %s", some[0].Host, some[len(some)-1].Host, label)
		}
		d.f(`<g><title>%s</title>`, esc(label))
		d.symbol(worst.state(), x+i%cellsInRow*cellSize, y+i/cellsInRow*cellSize+2, cellSize-2)
		d.f(`</g>`)
	}
}

func (h *Host) label() string {
	s := h.Host + ": " + h.statusWords()
	if h.Error != "" {
		s += ", " + h.Error
	}
	return s
}

func (d *drawing) pin(g *mapGroup, p *pin) {
	x, y := g.box.x, p.y
	words := p.opensWords()
	d.f(`<g class="pin"><title>%s %s: %s. %s</title><path class="rule" d="M%d %dh%d"/>`, esc(words), esc(p.fromWords(g.name)), esc(p.stateWords()), esc(clip(p.why, 300)), x+8, y-pinHeight/2, g.box.w-16)
	d.symbol(p.state, x+10, y-9, 10)
	room := 33
	note := ""
	if p.state != stateUnseen && (p.state != stateGood || p.probes.Right > 0) {
		note = p.stateWords()
		room -= len([]rune(note)) + 1
	}
	from := clip(p.fromWords(g.name), 40)
	if room < 10 { // a long word goes where the source would stand
		from, note, room = clip(note, 40), "", 33
	}
	d.f(`<text class="opens" x="%d" y="%d">%s</text>`, x+26, y, esc(clip(words, room)))
	if note != "" {
		d.f(`<text class="note %s" x="%d" y="%d">%s</text>`, p.state, x+g.box.w-10, y, esc(note))
	}
	d.f(`<text class="from" x="%d" y="%d">%s</text></g>`, x+26, y+12, esc(from))
}

// legend says what shapes and lines mean.
func (d *drawing) legend(width int) {
	x, y := 0, 0
	for _, e := range []struct {
		s     state
		words string
	}{{stateGood, "open; host as it should be"}, {stateBad, "closed or failed"}, {stateUnknown, "unknown; host differs"}, {stateExposed, "open to others too"}, {stateUnseen, "nobody looked"}} {
		need := 52 + len(e.words)*6 + 20
		if x > 0 && x+need > width {
			x, y = 0, y+18
		}
		d.symbol(e.s, x, y+2, 10)
		d.f(`<path class="wire %s" d="M%d %dh28"/>`, e.s, x+16, y+7)
		d.f(`<text class="legend" x="%d" y="%d">%s</text>`, x+50, y+11, e.words)
		x += need
	}
	d.f(`<text class="legend" x="0" y="%d">Lines lead from who starts a flow to what it needs open. * open to more than those who start it.</text>`, y+30)
}

func sourceWords(name string) string {
	switch name {
	case fromAnywhere:
		return "any address, the Internet too"
	case fromEvery:
		return "of this farm"
	case fromNetworks:
		return "addresses of no member"
	}
	return "whom no rule names"
}

// clip cuts a text to so many characters.
func clip(text string, n int) string {
	text = printable(text)
	if r := []rune(text); len(r) > n {
		return string(r[:max(0, n-1)]) + "…"
	}
	return text
}
