package linuxtest

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// Show is a comparison as text.
func Show(d []rules.Change) string {
	var b strings.Builder
	for _, c := range d {
		fmt.Fprintf(&b, "\n%s %v %s", c.Verb, c.Places, c.Note)
		for _, f := range rules.Fields(c) {
			fmt.Fprintf(&b, " %s %q -> %q", f.Name, f.Old, f.New)
		}
	}
	return b.String()
}

// Differences are the lines that only one of two texts has.
func Differences(before, after string) string {
	count := map[string]int{}
	for _, l := range strings.Split(before, "\n") {
		count[l]--
	}
	for _, l := range strings.Split(after, "\n") {
		count[l]++
	}
	var out strings.Builder
	for _, text := range []string{before, after} {
		for _, l := range strings.Split(text, "\n") {
			if count[l] != 0 {
				fmt.Fprintf(&out, "%+d %s\n", count[l], l)
				count[l] = 0
			}
		}
	}
	if out.Len() == 0 && before != after {
		return "the same lines in another order"
	}
	return out.String()
}
