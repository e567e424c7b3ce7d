package evidence

import (
	"cmp"
	"slices"
)

// The measures of a map, in units of the drawing.
const (
	boxWidth    = 256
	headHeight  = 30
	pinHeight   = 31
	boxGap      = 22
	margin      = 18
	trackGap    = 8
	channelSide = 20 // between a box and the first track
	laneGap     = 7
	columns     = 4

	chipHosts  = 12 // so many hosts of a group are drawn with their names
	chipHeight = 19
	cellSize   = 11
	mostCells  = 1200 // above that one cell stands for several hosts
)

type box struct{ x, y, w, h int }

// net is the wires of one source.
type net struct {
	from  *mapGroup
	lane  int // y of its lane above the boxes; 0: none
	track map[int]int
	wires []wire
}

// wire leads from a source to a pin.
type wire struct {
	pin     *pin
	to      *mapGroup
	channel int  // where it arrives
	left    bool // at the left side of the box
}

// layout is a map with a place for everything.
type layout struct {
	*farmMap
	nets          []*net
	top           int         // y of the first boxes
	channelX      map[int]int // x of a channel's left edge
	tracks        map[int]int // tracks of a channel
	width, height int
}

// lay gives everything on a map its place. Boxes stand in columns, wires run in the
// channels between them, each source on tracks of its own; a wire that has to pass a
// column does so on its source's lane above all boxes.
func lay(m *farmMap) *layout {
	l := &layout{farmMap: m, channelX: map[int]int{}, tracks: map[int]int{}}
	l.connect()
	lanes := 0
	for _, n := range l.nets {
		if n.needsLane() {
			lanes++
			n.lane = margin + lanes*laneGap
		}
	}
	l.top = margin + (lanes+1)*laneGap + 8
	l.stack()
	l.assign()
	x := margin
	for c := range columns {
		if c > 0 {
			l.channelX[c] = x
			x += 2*channelSide + max(0, l.tracks[c]-1)*trackGap
		}
		used := false
		for _, g := range m.groups {
			if g.column == c {
				g.box.x, used = x, true
			}
		}
		if used {
			x += boxWidth
		}
	}
	l.width = x + margin
	for _, g := range m.groups {
		l.height = max(l.height, g.box.y+g.box.h)
	}
	l.height += margin
	return l
}

// connect makes the nets.
func (l *layout) connect() {
	byName := map[string]*net{}
	for _, g := range l.groups {
		n := &net{from: g, track: map[int]int{}}
		byName[g.name] = n
		l.nets = append(l.nets, n)
	}
	for _, g := range l.groups {
		for _, p := range g.pins {
			for _, name := range p.from {
				n := byName[name]
				if n == nil || name == g.name {
					continue
				}
				w := wire{pin: p, to: g, channel: g.column, left: true}
				if n.from.column > g.column || g.column == 0 {
					w.channel, w.left = g.column+1, false
				}
				n.wires = append(n.wires, w)
			}
		}
	}
	l.nets = slices.DeleteFunc(l.nets, func(n *net) bool { return len(n.wires) == 0 })
}

// beside says whether the source of the net borders on the channel.
func (n *net) beside(channel int) bool {
	return channel == n.from.column || channel == n.from.column+1
}

func (n *net) needsLane() bool {
	return slices.ContainsFunc(n.wires, func(w wire) bool { return !n.beside(w.channel) })
}

// channels are those that the net runs in, in order.
func (n *net) channels() []int {
	used := map[int]bool{}
	for _, w := range n.wires {
		used[w.channel] = true
		switch {
		case n.beside(w.channel):
		case w.channel > n.from.column:
			used[n.from.column+1] = true
		default:
			used[n.from.column] = true
		}
	}
	var out []int
	for c := range columns + 1 {
		if used[c] {
			out = append(out, c)
		}
	}
	return out
}

// stack puts the boxes of each column below each other.
func (l *layout) stack() {
	for c := range columns {
		y := l.top
		for _, g := range l.groups {
			if g.column != c {
				continue
			}
			g.box = box{y: y, w: boxWidth, h: g.height()}
			at := y + headHeight + g.hostsHeight()
			for _, p := range g.pins {
				p.y = at + pinHeight/2
				at += pinHeight
			}
			y += g.box.h + boxGap
		}
	}
}

func (g *mapGroup) height() int {
	if g.source {
		return headHeight + 12
	}
	return headHeight + g.hostsHeight() + len(g.pins)*pinHeight + 6
}

// hostsHeight is the room for the hosts themselves.
func (g *mapGroup) hostsHeight() int {
	switch n := len(g.hosts); {
	case n == 0:
		return 0
	case n <= chipHosts:
		return (n+1)/2*chipHeight + 6
	default:
		cells := (n + g.perCell() - 1) / g.perCell()
		return (cells+cellsInRow-1)/cellsInRow*cellSize + 10
	}
}

// cellsInRow is how many cells fit beside each other.
const cellsInRow = (boxWidth - 20) / cellSize

// perCell is how many hosts one cell stands for.
func (g *mapGroup) perCell() int { return (len(g.hosts) + mostCells - 1) / mostCells }

// exit is where a net leaves its source.
func (n *net) exit() int { return n.from.box.y + headHeight/2 }

// assign gives each net a track in each of its channels, so that no two share one
// where they would lie on each other.
func (l *layout) assign() {
	type span struct {
		n         *net
		low, high int
	}
	for c := range columns + 1 {
		var spans []span
		for _, n := range l.nets {
			if !slices.Contains(n.channels(), c) {
				continue
			}
			s := span{n: n, low: 1 << 30}
			see := func(y int) { s.low, s.high = min(s.low, y), max(s.high, y) }
			if n.beside(c) {
				see(n.exit())
			}
			if n.lane != 0 && n.onLane(c) {
				see(n.lane)
			}
			for _, w := range n.wires {
				if w.channel == c {
					see(w.pin.y)
				}
			}
			spans = append(spans, s)
		}
		slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(b.high, a.high)) })
		var ends []int // of each track
		for _, s := range spans {
			track := slices.IndexFunc(ends, func(end int) bool { return end+10 < s.low })
			if track < 0 {
				track = len(ends)
				ends = append(ends, 0)
			}
			ends[track] = s.high
			s.n.track[c] = track
		}
		l.tracks[c] = len(ends)
	}
}

// onLane says whether the net's lane reaches the channel.
func (n *net) onLane(channel int) bool {
	if !n.needsLane() {
		return false
	}
	if !n.beside(channel) {
		return true
	}
	return slices.ContainsFunc(n.wires, func(w wire) bool {
		return !n.beside(w.channel) && (w.channel > n.from.column) == (channel == n.from.column+1)
	})
}

// x is where a net runs in a channel.
func (l *layout) x(n *net, channel int) int {
	return l.channelX[channel] + channelSide + n.track[channel]*trackGap
}
