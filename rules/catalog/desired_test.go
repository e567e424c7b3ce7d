package catalog

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// everyone is all of whole's members: 10.0.1.1 to 10.0.11.1.
const everyone = "10.0.1.1, 10.0.2.1, 10.0.3.1, 10.0.4.1, 10.0.5.1, 10.0.6.1, 10.0.7.1, 10.0.8.1 and 3 more"

func TestEachRowReachesItsHost(t *testing.T) {
	f := whole()
	for _, h := range f.Members {
		set(&h.RDPLoadBalancing, true)
		set(&h.AgentPush, true)
		set(&h.Egress, inventory.EgressAlways)
		set(&h.SecondLevelAuthServers, []string{"192.0.2.9"})
	}
	p := policy(t, f, nil)
	rows, err := Edition("16")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for _, h := range f.Members {
			s, _ := desired(t, p, h)
			rule, belongs := s.Find(r.ID), slices.Contains(r.Roles, h.Roles[0]) && r.MaxVersion != "14"
			switch {
			case (rule != nil) != belongs:
				t.Errorf("%s on %s: rule %v, wanted %v", r.ID, h.Name, rule != nil, belongs)
			case rule == nil:
			case rule.Protocol != r.Protocol || rule.Why.Row != r.ID || rule.Why.Role != h.Roles[0] || rule.Why.Text != r.Commentary:
				t.Errorf("%s on %s became %+v, %+v", r.ID, h.Name, rule, rule.Why)
			case (len(rule.Ports) == 1) != (r.Port != 0) || r.Port != 0 && rule.Ports[0] != rules.PortRange{First: r.Port, Last: r.Port}:
				t.Errorf("%s has ports %v", r.ID, rule.Ports)
			case (rule.Direction == rules.Out) != (r.Direction == "out") || rule.OnlyIfBlocked:
				t.Errorf("%s goes %s", r.ID, rule.Direction)
			}
		}
	}
}

func TestScopes(t *testing.T) {
	f := whole()
	gw := of(f, inventory.Gateway)
	set(&gw.InternalNetworks, nets("172.16.0.0/12"))
	s, _ := desired(t, policy(t, f, nil), gw)
	for id, want := range map[string]string{
		"gateway-in-tcp-80":       "anywhere",
		"gateway-in-tcp-49179":    everyone[:len(everyone)-len("and 3 more")] + "and 4 more",
		"gateway-local-tcp-20020": "loopback",
	} {
		if got := remotes(s, id); got != want {
			t.Errorf("%s: from %s, want %s", id, got, want)
		}
	}
	if r := s.Find("gateway-in-tcp-49179"); !r.Remotes.Contains(netip.MustParseAddr("172.20.1.1")) || !r.Remotes.Contains(gw.Addresses.Value[0]) {
		t.Error("the internal networks and the host itself belong to the list")
	}
	if got := why(t, s, "gateway-in-tcp-49179"); !strings.Contains(got, "farmwall_sources is farm (default)") || !strings.Contains(got, "ras_internal_networks is 1 network (hosts:7)") {
		t.Errorf("decided by %s", got)
	}
}

func TestPeers(t *testing.T) {
	f := whole()
	for _, h := range f.Members {
		set(&h.Sources, inventory.SourcesPeers)
		set(&h.InternalNetworks, nets("172.16.0.0/12"))
	}
	p := policy(t, f, nil)
	const pa, console, gw = "10.0.3.1", "10.0.4.1", "10.0.1.1"
	for _, c := range []struct {
		role     inventory.Role
		id, want string
	}{
		{inventory.PublishingAgent, "pa-in-tcp-20001", pa},
		{inventory.PublishingAgent, "pa-in-tcp-20002", gw + ", " + console},
		{inventory.PublishingAgent, "pa-in-tcp-20003", "10.0.5.1, 10.0.7.1"},
		{inventory.HALB, "halb-in-ip-112", "10.0.2.1"},
		{inventory.HALB, "halb-in-tcp-31006", pa + ", " + console},
		{inventory.RDSH, "rdsh-in-tcp-3389", gw},
		{inventory.RDSH, "rdsh-in-udp-30004", pa + ", " + console},
		{inventory.Reporting, "reporting-in-tcp-30008", pa},
		{inventory.Client, "client-in-tcp-50005", console},
		{inventory.Gateway, "gateway-in-udp-20000", "10.0.10.1"},
	} {
		s, _ := desired(t, p, of(f, c.role))
		if got := remotes(s, c.id); got != c.want {
			t.Errorf("%s: from %s, want %s", c.id, got, c.want)
		}
	}
	// Nobody knows who opens 30007, so the whole farm may, the networks too.
	s, _ := desired(t, p, of(f, inventory.VDI))
	if r := s.Find("vdi-in-tcp-30007"); !r.Remotes.Contains(netip.MustParseAddr("10.0.11.1")) || !r.Remotes.Contains(netip.MustParseAddr("172.16.0.1")) {
		t.Errorf("30007 is open to %s", r.Remotes)
	}
	_, notes := desired(t, p, of(f, inventory.RDSH))
	if got := noted(notes, rules.NoteDefault, ""); !strings.Contains(got, "ras_internal_networks") {
		t.Errorf("nobody says that the internal networks are left out: %v", notes)
	}
}

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		id       string
		ssl, udp bool
		want     bool
	}{
		{"gateway-in-tcp-443", false, true, false}, {"gateway-in-tcp-443", true, false, true},
		{"gateway-in-udp-443", true, false, false}, {"gateway-in-udp-443", false, true, false}, {"gateway-in-udp-443", true, true, true},
		{"gateway-in-udp-80", false, true, true}, {"gateway-in-udp-80", true, false, false},
	} {
		gw := member("gw", "10.0.0.1", inventory.Gateway)
		set(&gw.SSL, c.ssl)
		set(&gw.RDPUDP, c.udp)
		s, notes := desired(t, policy(t, farm(gw), nil), gw)
		if (s.Find(c.id) != nil) != c.want || (noted(notes, rules.NoteOff, c.id) != "") == c.want {
			t.Errorf("%+v: rule %v, notes %v", c, s.Find(c.id), notes)
		}
	}
	gw := member("gw", "10.0.0.1", inventory.Gateway)
	set(&gw.ClientManager, false)
	s, notes := desired(t, policy(t, farm(gw), nil), gw)
	if s.Find("gateway-in-udp-20009") != nil || s.Find("gateway-in-tcp-3389") != nil {
		t.Error("20009 and 3389 are open without their settings")
	}
	if got := noted(notes, rules.NoteOff, "gateway-in-tcp-3389"); got != "ras_rdp_load_balancing is off (default)" {
		t.Errorf("3389 is off because %q", got)
	}
	if got := why(t, s, "gateway-in-tcp-443"); got != "ras_ssl is on (default)" {
		t.Errorf("443 is on because %q", got)
	}
}

func TestAgentPush(t *testing.T) {
	f := whole()
	for _, h := range f.Members {
		set(&h.InternalNetworks, nets("172.16.0.0/12"))
	}
	p := policy(t, f, nil)
	for _, h := range f.Members {
		s, notes := desired(t, p, h)
		want := "10.0.3.1, 10.0.4.1"
		if h.Has(inventory.HALB) || h.Has(inventory.Client) {
			want = "-"
		}
		for _, id := range []string{"all-in-tcp-135", "all-in-tcp-445"} {
			if got := remotes(s, id); got != want {
				t.Errorf("%s on %s: from %s, want %s (%v)", id, h.Name, got, want, notes)
			}
		}
	}
	halb := of(f, inventory.HALB)
	set(&halb.AgentPush, true)
	set(&halb.PushNetworks, nets("192.0.2.0/24"))
	if s, _ := desired(t, p, halb); remotes(s, "all-in-tcp-445") != "10.0.3.1, 10.0.4.1, 192.0.2.0/24" {
		t.Errorf("with ras_agent_push: true: %s", remotes(s, "all-in-tcp-445"))
	}
	rdsh := of(f, inventory.RDSH)
	set(&rdsh.AgentPush, false)
	if s, _ := desired(t, p, rdsh); s.Find("all-in-tcp-135") != nil || s.Find("rdsh-in-tcp-49179") == nil {
		t.Error("ras_agent_push: false is about 135 and 445")
	}
	// Without a pusher there is nobody, and nobody is never everybody.
	alone := member("rds", "10.0.0.1", inventory.RDSH)
	s, notes := desired(t, policy(t, farm(alone), nil), alone)
	if s.Find("all-in-tcp-445") != nil || !strings.HasPrefix(noted(notes, rules.NoteNobody, "all-in-tcp-445"), "nobody to open to") {
		t.Errorf("a farm without a broker: %v %v", remotes(s, "all-in-tcp-445"), notes)
	}
}

func TestClients(t *testing.T) {
	f := farm(member("gw", "10.0.0.1", inventory.Gateway), member("rds", "10.0.0.2", inventory.RDSH), member("pc", "10.0.0.3", inventory.Client))
	for _, h := range f.Members {
		set(&h.Sources, inventory.SourcesPeers)
		set(&h.ClientNetworks, nets("192.168.0.0/16"))
	}
	p := policy(t, f, nil)
	s, _ := desired(t, p, f.Members[0])
	if got := remotes(s, "gateway-in-udp-20000"); got != "10.0.0.3, 192.168.0.0/16" {
		t.Errorf("gateway lookup from %s", got)
	}
	s, _ = desired(t, p, f.Members[1])
	if got := remotes(s, "rdsh-in-tcp-3389"); got != "10.0.0.1" {
		t.Errorf("3389 from %s without direct mode", got)
	}
	set(&f.Members[1].DirectMode, true)
	s, _ = desired(t, p, f.Members[1])
	if got := remotes(s, "rdsh-in-udp-3389"); got != "10.0.0.1, 10.0.0.3, 192.168.0.0/16" {
		t.Errorf("3389 from %s in direct mode", got)
	}
	if got := remotes(s, "rdsh-in-tcp-30004"); got != "-" {
		t.Errorf("30004 from %s: there is no broker", got)
	}
}

func TestAddressesOfMembers(t *testing.T) {
	halb, gw := member("lb", "10.0.0.1", inventory.HALB), member("gw", "fd00::2", inventory.Gateway)
	set(&halb.VIP, []netip.Addr{netip.MustParseAddr("10.0.0.100")})
	set(&gw.VIP, []netip.Addr{netip.MustParseAddr("10.0.0.200")}) // a VIP is HALB's
	s, _ := desired(t, policy(t, farm(halb, gw), nil), gw)
	if got := remotes(s, "gateway-in-tcp-49179"); got != "10.0.0.1, 10.0.0.100, fd00::2" {
		t.Errorf("the farm is %s", got)
	}
}

func TestSeveralRoles(t *testing.T) {
	h := member("all", "10.0.0.1", inventory.Gateway, inventory.PublishingAgent, inventory.RDSH)
	set(&h.RDPLoadBalancing, true)
	s, notes := desired(t, policy(t, farm(h), nil), h)
	for _, id := range []string{"gateway-in-tcp-49179", "pa-in-tcp-49179", "rdsh-in-tcp-49179", "pa-in-tcp-20002", "all-in-tcp-135"} {
		if s.Find(id) == nil {
			t.Errorf("no %s", id)
		}
	}
	if got := noted(notes, rules.NoteWider, "gateway-in-tcp-3389"); !strings.Contains(got, "rdsh-in-tcp-3389") {
		t.Errorf("nobody says that the gateway's 3389 opens the session host's: %v", notes)
	}
	if got := why(t, s, "all-in-tcp-135"); !strings.Contains(got, "roles gateway, publishing_agent, rdsh") {
		t.Errorf("135 is there because of %q", got)
	}
}
