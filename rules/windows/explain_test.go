package windows

import (
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
)

func TestExplain(t *testing.T) {
	h := holding(held(t))
	h.add(allowTCP + "LPort=4443|RA4=10.0.0.0/255.255.255.0|Name=web|")
	h.add(blockTCP + "LPort=4443|RA4=10.0.0.7|Name=shut|")
	s := h.state(t)
	got := New().Explain(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 4443, Remotes: from("10.0.0.128/25", "10.0.0.7", "192.0.2.9")}, netip.Addr{})
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	byWhom := map[string]rules.Share{}
	for _, x := range got {
		if len(x.Steps) == 0 || len(x.Remotes) == 0 {
			t.Errorf("no steps or nobody: %+v", x)
		}
		last := x.Steps[len(x.Steps)-1]
		byWhom[last.Place] = x
	}
	for place, want := range map[string]struct {
		answer     rules.Answer
		by, needed string
	}{
		"block rules": {rules.Denied, "shut", "beats every allow rule"},
		"allow rules": {rules.Allowed, "web", ""},
		"default":     {rules.Denied, "default of", "allow rule"},
	} {
		x := byWhom[place]
		if x.Answer != want.answer || !strings.Contains(x.By, want.by) || !strings.Contains(x.Needed, want.needed) || want.needed == "" && x.Needed != "" {
			t.Errorf("%s: %+v", place, x)
		}
	}
	if got := New().Explain(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 9, Loopback: true}, netip.Addr{}); len(got) != 1 || got[0].Answer != rules.Allowed {
		t.Errorf("loopback: %+v", got)
	}
	if got := New().Explain(&rules.State{}, rules.Flow{}, netip.Addr{}); len(got) != 1 || got[0].Answer != rules.Unknown || got[0].Reason == "" {
		t.Errorf("another system: %+v", got)
	}
}
