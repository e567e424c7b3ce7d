package firewalld

import (
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// hall is what firewalld holds, loaded or permanent: rich rules by zone.
type hall struct {
	ours   map[string]map[string][]string // zone, mark, rich rules
	others map[string]map[string]bool     // zone, rich rule
}

func newHall() hall {
	return hall{ours: map[string]map[string][]string{}, others: map[string]map[string]bool{}}
}

// seen is what the host printed.
type seen struct {
	whole   bool     // it was printed to its end
	zones   []string // that packets come in by, in order
	open    map[string]bool
	version string
	loaded  hall
	kept    hall
}

// read reads it; nil where firewalld is not there.
func read(r *linux.Reading) *seen {
	if r == nil {
		return nil
	}
	w, ok := r.Walls[name]
	if !ok {
		return nil
	}
	s := &seen{open: map[string]bool{}, loaded: newHall(), kept: newHall()}
	for _, l := range strings.Split(w.Ours, "\n") {
		f := strings.SplitN(l, " ", 4)
		if len(f) != 4 {
			continue
		}
		h := &s.loaded
		if f[0] == "permanent" {
			h = &s.kept
		}
		if h.ours[f[1]] == nil {
			h.ours[f[1]] = map[string][]string{}
		}
		for _, mark := range marksOf(f[2]) {
			h.ours[f[1]][mark] = append(h.ours[f[1]][mark], f[3])
		}
	}
	for _, l := range strings.Split(w.Rest, "\n") {
		kind, rest, _ := strings.Cut(l, " ")
		zone, text, _ := strings.Cut(rest, " ")
		switch kind {
		case "end":
			s.whole = true
		case "zone":
			s.zones = append(s.zones, zone)
			s.open[zone] = text == "open"
		case "loaded":
			s.loaded.foreign(zone, text)
		case "covers":
			s.kept.foreign(zone, text)
		case "version":
			if _, v, ok := strings.Cut(l, "="); ok {
				s.version = strings.Trim(strings.TrimSpace(v), `"'`)
			}
		}
	}
	return s
}

func (h *hall) foreign(zone, text string) {
	if h.others[zone] == nil {
		h.others[zone] = map[string]bool{}
	}
	h.others[zone][text] = true
}

// needed lists the zones that have to hold the wanted set: all that packets come in by,
// for an interface or a source may be bound to any of them, and what is wanted is wanted
// of the whole host. A zone that lets everything in needs it only where something is
// to be closed.
func (s *seen) needed(want rules.Set) []string {
	if len(want) == 0 {
		return nil
	}
	var out []string
	for _, zone := range s.zones {
		if !s.open[zone] || len(want.Blocks()) > 0 {
			out = append(out, zone)
		}
	}
	return out
}

// inbound is the part of the set that firewalld has to be told: what comes by the loopback
// interface it lets in by itself, and what goes out it does not ask about.
func inbound(want rules.Set) rules.Set {
	var out rules.Set
	for _, w := range want {
		if w.Direction == rules.In && !w.Loopback {
			out = append(out, w)
		}
	}
	return out
}

// held decodes what is ours in a zone. Where all of a wanted rule is there, as ours or as
// an equal rule of somebody else, it counts as the wanted one.
func (h *hall) held(zone string, want rules.Set) []rules.Rule {
	var out []rules.Rule
	done := map[string]bool{}
	named := map[string]bool{} // farm and name of what is ours, with any content
	for mark := range h.ours[zone] {
		if farm, id, _, ok := rules.ParseMark(mark); ok {
			named[farm+":"+id] = true
		}
	}
	for i := range want {
		w := &want[i]
		mark := w.Mark()
		mine := map[string]bool{}
		for _, text := range h.ours[zone][mark] {
			mine[text] = true
		}
		missing, left := false, len(mine)
		for _, text := range say(w) {
			if mine[text] {
				left--
			} else if !h.others[zone][text] {
				missing = true
			}
		}
		if missing || left != 0 || len(mine) == 0 && named[w.Farm+":"+w.ID] {
			continue
		}
		done[mark] = true
		have := *w
		_, _, have.Hash, _ = rules.ParseMark(mark)
		out = append(out, have)
	}
	for _, mark := range sorted(h.ours[zone]) {
		if !done[mark] {
			out = append(out, decode(mark, h.ours[zone][mark])...)
		}
	}
	return out
}
