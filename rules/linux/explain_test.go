package linux

import (
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
)

func TestExplain(t *testing.T) {
	const accept = `,{"accept":null}`
	r := twoCards("ip prerouting -300 accept\nip input 0 drop\n" + matching("ip", "saddr", "==", `{"prefix":{"addr":"10.1.0.0","len":25}}`) + accept + "\n" +
		matching("udp", "dport", "==", "53") + `,{"limit":{"rate":5,"burst":5,"per":"second"}}` + accept)
	st := &rules.State{Native: r}
	flow := rules.Flow{Direction: rules.In, Protocol: rules.UDP, Port: 53, Remotes: addresses("10.1.0.16/28", "10.1.0.200/32", "198.51.100.7/32")}
	got := New().Explain(st, flow, netip.Addr{})
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	if got[0].Answer != rules.Unknown || !strings.Contains(got[0].Reason, "limit") || got[0].Needed == "" {
		t.Errorf("first %+v", got[0])
	}
	last := got[2]
	if last.Answer != rules.Allowed || last.Interface != "lan" || len(last.Remotes) != 1 || last.Remotes[0].String() != "10.1.0.16/28" || last.Needed != "" {
		t.Errorf("last %+v", last)
	}
	said := []string{"policy accept", "rule 1"}
	if len(last.Steps) != 2 {
		t.Fatalf("steps %+v", last.Steps)
	}
	for i, s := range last.Steps {
		if !strings.Contains(s.Said, said[i]) || !strings.HasPrefix(s.Place, "table ip c") {
			t.Errorf("step %d: %+v", i+1, s)
		}
	}
	// The verdict and the explanation are of one judge.
	if v := New().Judge(st, flow); v.Answer != got[0].Answer || v.By != got[0].By {
		t.Errorf("judged %+v", v)
	}
	closed := New().Explain(st, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 22, Remotes: addresses("10.1.0.200/32")}, netip.Addr{})
	if len(closed) != 1 || !strings.Contains(closed[0].By, "policy drop") || !strings.Contains(closed[0].Needed, "a rule in table ip") ||
		!strings.HasPrefix(closed[0].Steps[len(closed[0].Steps)-1].Said, "closed by ") {
		t.Errorf("closed %+v", closed)
	}
}

// To which of the host's addresses a flow goes matters where a rule asks for it.
func TestExplainOneOfTheHostsAddresses(t *testing.T) {
	r := twoCards("ip input 0 drop\n" + matching("ip", "daddr", "==", `"10.1.0.1"`) + `,{"accept":null}`)
	flow := rules.Flow{Direction: rules.In, Protocol: rules.UDP, Port: 53, Remotes: addresses("10.1.0.9/32")}
	for local, want := range map[string]rules.Answer{"10.1.0.1": rules.Allowed, "203.0.113.5": rules.Denied} {
		got := New().Explain(&rules.State{Native: r}, flow, netip.MustParseAddr(local))
		if len(got) != 1 || got[0].Answer != want || got[0].Local.String() != local {
			t.Errorf("%s: %+v", local, got)
		}
	}
}

// What could not be read is said.
func TestExplainWithoutARuleset(t *testing.T) {
	for _, st := range []*rules.State{{}, {Native: &Reading{}}} {
		if got := New().Explain(st, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 22}, netip.Addr{}); len(got) != 1 || got[0].Answer != rules.Unknown || got[0].Reason == "" {
			t.Errorf("%+v", got)
		}
	}
}
