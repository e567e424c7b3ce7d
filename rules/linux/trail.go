package linux

import (
	"slices"

	"farmwall/rules"
)

// trail is where a part went, the last place first.
type trail struct {
	place string // a chain; empty where another packet of the connection begins its way
	said  string // what led here, or what let it on from here
	left  bool   // it left the base chain again
	prev  *trail
}

// all lists the trail in the order in which it was gone.
func (t *trail) all() []*trail {
	var out []*trail
	for ; t != nil; t = t.prev {
		out = append(out, t)
	}
	slices.Reverse(out)
	return out
}

// places lists each chain once, in the order of the first visit.
func (t *trail) places() []string {
	seen := map[string]bool{"": true}
	var out []string
	for _, x := range t.all() {
		if !seen[x.place] {
			seen[x.place] = true
			out = append(out, x.place)
		}
	}
	return out
}

// steps lists the way for people.
func (t *trail) steps() []rules.Step {
	var out []rules.Step
	for _, x := range t.all() {
		n := len(out)
		switch {
		case x.place == "":
			out = append(out, rules.Step{Place: x.said})
		case x.left && n > 0 && out[n-1].Place == x.place && out[n-1].Said == "":
			out[n-1].Said = "let on: " + x.said
		case x.left:
			out = append(out, rules.Step{Place: x.place, Said: "let on: " + x.said})
		case x.said != "":
			out = append(out, rules.Step{Place: x.place, Said: "entered by " + x.said})
		default:
			out = append(out, rules.Step{Place: x.place})
		}
	}
	return out
}
