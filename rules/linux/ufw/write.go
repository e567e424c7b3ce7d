package ufw

import (
	"fmt"
	"strconv"
	"strings"

	"farmwall/rules"
)

// A section of a copy is all that is ours in ufw's files, as text:
//
//	farmwall copy 1 ufw
//	tuple FAMILY PLACE UFW'S LINE
//	rule LINE FOR IPTABLES-RESTORE
//	end
//
// FAMILY is 4 or 6, PLACE the tuple's place among all of its file, from 0, or "-" where
// it stays where it is or goes behind all others. "gone" is a rule of ours that is loaded
// and stands in no file. Loading it (splice.awk) makes files and chains hold it.
const (
	copyHeader = "farmwall copy 1 " + name
	copyEnd    = "end"
)

// Target is the section that makes want true of the host.
func (Manager) Target(s *rules.State, want rules.Set) (rules.Copy, error) {
	f := read(reading(s))
	if f == nil {
		return nil, fmt.Errorf("ufw's files were not read from the host")
	}
	if refusals := f.refuse(want); len(refusals) > 0 {
		return nil, refusals
	}
	var b strings.Builder
	b.WriteString(copyHeader + "\n")
	for _, w := range f.needed(want) {
		for _, t := range f.say(&w) {
			t.write(&b, "-")
		}
	}
	b.WriteString(copyEnd + "\n")
	return rules.Copy(b.String()), nil
}

// Undo is the section that puts back exactly what is ours now.
func (Manager) Undo(s *rules.State) (rules.Copy, error) {
	f := read(reading(s))
	if f == nil {
		return nil, fmt.Errorf("ufw's files were not read from the host")
	}
	var b strings.Builder
	b.WriteString(copyHeader + "\n")
	for i := range f.ours {
		f.ours[i].write(&b, strconv.Itoa(f.ours[i].at))
	}
	b.WriteString(copyEnd + "\n")
	return rules.Copy(b.String()), nil
}

func (t *tuple) write(b *strings.Builder, at string) {
	fmt.Fprintf(b, "tuple %s %s %s\n", family(t.v6), at, t.head)
	for _, line := range t.body {
		fmt.Fprintf(b, "rule %s\n", line)
	}
}

func family(v6 bool) string {
	if v6 {
		return "6"
	}
	return "4"
}

// parseCopy reads the tuples of the section in a whole copy; there may be none.
func parseCopy(whole []byte, six bool) []tuple {
	var out []tuple
	inside := false
	skip := false
	for _, l := range strings.Split(string(whole), "\n") {
		switch {
		case l == copyHeader:
			inside = true
		case !inside:
		case l == copyEnd:
			return out
		default:
			kind, rest, _ := strings.Cut(l, " ")
			switch kind {
			case "tuple":
				f := strings.SplitN(rest, " ", 3)
				if skip = len(f) != 3 || f[0] == "6" && !six; !skip {
					out = append(out, newTuple(f[0] == "6", f[2], nil, 0))
				}
			case "rule":
				if !skip && len(out) > 0 {
					last := &out[len(out)-1]
					last.body = append(last.body, rest)
				}
			}
		}
	}
	return out
}

// needed leaves out what ufw's own before.rules opens already: the loopback interface.
func (f *files) needed(want rules.Set) rules.Set {
	var out rules.Set
	for _, w := range want {
		if !w.Loopback || !f.loopback {
			out = append(out, w)
		}
	}
	return out
}
