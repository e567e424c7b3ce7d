package firewalld

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// A section of a copy is all that is ours with firewalld, as text:
//
//	farmwall copy 1 firewalld
//	ZONE MARK RICH RULE
//	end
//
// Two rules of ours may share a rich rule, which then stands once for each.
const (
	copyHeader = "farmwall copy 1 " + name + "\n"
	copyEnd    = "end\n"
)

// Target is the section that makes want true of the host.
func (Manager) Target(st *rules.State, want rules.Set) (rules.Copy, error) {
	s := read(reading(st))
	if s == nil {
		return nil, fmt.Errorf("firewalld's zones were not read from the host")
	}
	if refusals := s.refuse(want); len(refusals) > 0 {
		return nil, refusals
	}
	want = inbound(want)
	var b strings.Builder
	b.WriteString(copyHeader)
	for _, zone := range s.needed(want) {
		for i := range want {
			for _, text := range say(&want[i]) {
				fmt.Fprintf(&b, "%s %s %s\n", zone, want[i].Mark(), text)
			}
		}
	}
	b.WriteString(copyEnd)
	return rules.Copy(b.String()), nil
}

// Undo is the section that puts back exactly what is ours now.
func (Manager) Undo(st *rules.State) (rules.Copy, error) {
	s := read(reading(st))
	if s == nil {
		return nil, fmt.Errorf("firewalld's zones were not read from the host")
	}
	var b strings.Builder
	b.WriteString(copyHeader)
	for _, zone := range sorted(s.loaded.ours) {
		for _, mark := range sorted(s.loaded.ours[zone]) {
			for _, text := range s.loaded.ours[zone][mark] {
				fmt.Fprintf(&b, "%s %s %s\n", zone, mark, text)
			}
		}
	}
	b.WriteString(copyEnd)
	return rules.Copy(b.String()), nil
}
