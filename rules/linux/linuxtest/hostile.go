package linuxtest

import (
	"testing"

	"farmwall/rules"
)

// HostileNames gives rules of a host hostile names: they are refused, never written.
func HostileNames(t testing.TB, d rules.Dialect, s *rules.State, texts []string) {
	t.Helper()
	for _, text := range texts {
		for _, w := range []rules.Rule{
			{Farm: text, ID: "x", Direction: rules.In, Protocol: rules.TCP, Ports: Ports(80)},
			{Farm: "farm", ID: text, Direction: rules.In, Protocol: rules.TCP, Ports: Ports(80)},
			{Farm: "farm", ID: "x", Direction: rules.Direction(text), Protocol: rules.TCP, Ports: Ports(80)},
			{Farm: "farm", ID: "x", Direction: rules.In, Protocol: rules.TCP, Ports: Ports(80), Opaque: text},
		} {
			_, _, _, good := rules.ParseMark(w.Mark())
			good = good && w.Direction == rules.In && w.Opaque == ""
			want := rules.Set{w}
			if err := d.Check(s, want); (err == nil) != good {
				t.Errorf("%q: %v", text, err)
			}
			if c, err := d.Target(s, want); (err == nil) != good {
				t.Errorf("%q: the target is %s", text, c)
			}
		}
	}
}
