package windows

import (
	"testing"

	"farmwall/rules"
	"farmwall/rules/rulestest"
)

// held is a small set of every kind of rule.
func held(t testing.TB) rules.Set {
	t.Helper()
	set, err := rules.NewSet([]rules.Rule{
		{ID: "gateway.https", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 443, Last: 443}}},
		{ID: "publishing.agents", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 20001, Last: 20003}, {First: 20030, Last: 20030}}, Remotes: from("10.0.0.0/28", "10.0.1.7", "2001:db8::7")},
		{ID: "halb.vrrp", Farm: "north", Direction: rules.In, Protocol: rules.VRRP, Remotes: from("10.0.0.9")},
		{ID: "out.dns", Farm: "north", Direction: rules.Out, Protocol: rules.UDP, Ports: []rules.PortRange{{First: 53, Last: 53}}, Remotes: from("10.0.0.2", "10.0.0.3")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// holding is a host that holds the set, as the third change left it.
func holding(set rules.Set) *host {
	h := newHost()
	h.Lease = leaseWire{Number: 3, Holder: "me@here run r3", Run: "r3"}
	for i := range set {
		h.add(mine(set[i], 3))
	}
	return h
}

func TestContract(t *testing.T) {
	set := held(t)
	h := holding(set)
	h.add("v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=20003|RA4=10.0.1.7|Name=no|")
	h.add("v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5985|App=System|Name=@FirewallAPI.dll,-30253|EmbedCtxt=@FirewallAPI.dll,-30267|")
	rulestest.Contract(t, New(), rulestest.Fixture{
		Name: "member server", Observed: h.answer(), Holds: set,
		Allowed: []rules.Flow{tcp(443), tcp(443, "2001:db8:1::1"), tcp(20001, "10.0.0.3", "2001:db8::7"), inbound(rules.VRRP, 0, []string{"10.0.0.9"}), tcp(5985), outbound(rules.TCP, 25)},
		Denied:  []rules.Flow{tcp(80), udp(443), tcp(20001), tcp(20003, "10.0.1.7"), tcp(20003, "10.0.0.3", "10.0.1.7"), inbound(rules.VRRP, 0, nil)},
	})
}
