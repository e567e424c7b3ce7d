package linux

import (
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

// Between two bounds no port fares differently from the one before it, whatever the
// ruleset compares ports with.
func TestNoPortFaresDifferentlyBetweenTwoBounds(t *testing.T) {
	port := func(op, right string) string { return matching("tcp", "dport", op, right) }
	masked := func(right string) string {
		return `{"match":{"op":"==","left":{"&":[{"payload":{"protocol":"tcp","field":"dport"}},255]},"right":` + right + `}}`
	}
	both := `{"concat":[{"payload":{"protocol":"ip","field":"saddr"}},{"payload":{"protocol":"th","field":"dport"}}]}`
	for _, x := range []struct {
		name, ruleset string
		ok            bool
	}{
		{"numbers and ranges", port("==", "22") + `,{"accept":null}` + "\n" + port("==", `{"range":[1000,2000]}`) + `,{"accept":null}`, true},
		{"sets", port("==", `{"set":[80,443,{"range":[8000,8100]}]}`) + `,{"accept":null}`, true},
		{"not", port("!=", "5000") + `,{"accept":null}`, true},
		{"less and more", port("<", "1024") + `,{"accept":null}` + "\n" + port(">=", "60000") + `,{"accept":null}`, true},
		{"a verdict map", `{"vmap":{"key":{"payload":{"protocol":"tcp","field":"dport"}},"data":{"set":[[22,{"accept":null}],[{"range":[30,40]},{"drop":null}],["*",{"accept":null}]]}}}`, true},
		{"a concatenation", `{"match":{"op":"==","left":` + both + `,"right":{"set":[{"concat":["198.51.100.7",7777]},{"concat":[{"prefix":{"addr":"10.0.0.0","len":8}},{"range":[100,200]}]}]}}},{"accept":null}`, true},
		{"the ends", port("==", "65535") + `,{"accept":null}` + "\n" + port("==", "1") + `,{"accept":null}`, true},
		{"bits", masked("22") + `,{"accept":null}`, false},
		{"a list of bits", `{"match":{"op":"in","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":[1,2]}},{"accept":null}`, false},
	} {
		s := New()
		st := &rules.State{Native: twoCards("inet input 0 drop\n" + strings.ReplaceAll(x.ruleset, "\t", ""))}
		bounds, ok := s.PortBounds(st)
		if ok != x.ok {
			t.Errorf("%s: ok is %v", x.name, ok)
		}
		if !slices.IsSorted(bounds) {
			t.Errorf("%s: %v are in no order", x.name, bounds)
		}
		f := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Remotes: addresses("198.51.100.7/32")}
		var before rules.Answer
		changes, last := 0, 0
		for port := 1; port <= 65535; port++ {
			// Every port where the rulesets above have some, and one of 101 elsewhere.
			if near := port < 260 || port%1000 < 5 || port%1000 > 995 || port%100 < 3 && port < 8200 || port > 65530; !near && port != 443 && port != 444 && port != 7777 && port != 7778 && port%101 != 0 {
				continue
			}
			f.Port = uint16(port)
			v := s.Judge(st, f)
			if last > 0 && v.Answer != before {
				changes++
				i, _ := slices.BinarySearch(bounds, uint16(last+1))
				if ok && (i == len(bounds) || int(bounds[i]) > port) {
					t.Errorf("%s: port %d is %s, port %d %s, and there is no bound between", x.name, last, before, port, v.Answer)
				}
			}
			before, last = v.Answer, port
		}
		if changes == 0 {
			t.Errorf("%s: no port fares differently at all", x.name)
		}
	}
}
