package inventory

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestSettings(t *testing.T) {
	h := must(t, `---
gateway:
  hosts:
    g:
      ansible_host: 10.0.0.1
      ras_addresses: [10.0.0.2, "fd00::2", 10.0.0.2]
  vars:
    ras_version: 17.10
    ras_ssl: off
    ras_rdp_udp: "No"
    ras_client_manager: 0
    ras_rdp_load_balancing: "1"
    ras_direct_mode: true
    ras_agent_push: "on"
    ras_vip: 10.0.0.9
    ras_internal_networks: "10.1.2.3/16, 192.168.1.1"
    ras_client_networks: ["::/0"]
    ras_push_networks: []
    ras_second_level_auth_servers: [2fa.example.com, 10.9.0.1, 10.8.1.1/16]
    farmwall_sources: peers
    farmwall_egress: never
    farmwall_resolve_endpoints: yes
`).Host("g")
	at := func(line int) Position { return Position{"hosts.yml", line} }
	equal(t, "version", h.Version, Setting[Version]{Version{17, 10}, "ras_version", true, at(8)})
	equal(t, "ssl", h.SSL, Setting[bool]{false, "ras_ssl", true, at(9)})
	equal(t, "rdp udp", h.RDPUDP, Setting[bool]{false, "ras_rdp_udp", true, at(10)})
	equal(t, "client manager", h.ClientManager, Setting[bool]{false, "ras_client_manager", true, at(11)})
	equal(t, "load balancing", h.RDPLoadBalancing, Setting[bool]{true, "ras_rdp_load_balancing", true, at(12)})
	equal(t, "direct mode", h.DirectMode, Setting[bool]{true, "ras_direct_mode", true, at(13)})
	equal(t, "agent push", h.AgentPush, Setting[bool]{true, "ras_agent_push", true, at(14)})
	equal(t, "addresses", h.Addresses, Setting[[]netip.Addr]{[]netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::2")}, "ras_addresses", true, at(6)})
	equal(t, "vip", h.VIP.Value, []netip.Addr{netip.MustParseAddr("10.0.0.9")})
	equal(t, "internal", h.InternalNetworks.Value, prefixes("10.1.0.0/16", "192.168.1.1/32"))
	equal(t, "clients", h.ClientNetworks.Value, prefixes("::/0"))
	equal(t, "push", h.PushNetworks, Setting[[]netip.Prefix]{nil, "ras_push_networks", true, at(18)})
	equal(t, "2fa", h.SecondLevelAuthServers.Value, []string{"2fa.example.com", "10.9.0.1", "10.8.0.0/16"})
	equal(t, "sources", h.Sources.Value, SourcesPeers)
	equal(t, "egress", h.Egress.Value, EgressNever)
	equal(t, "resolve", h.ResolveEndpoints.Value, true)
	equal(t, "dialled", h.Access.Address, "10.0.0.1")
}

func TestDefaults(t *testing.T) {
	h := must(t, withRole).Host("role.example")
	equal(t, "version", h.Version, Setting[Version]{Value: Version{16, 5}, Name: "ras_version"})
	equal(t, "on", []bool{h.SSL.Value, h.RDPUDP.Value, h.ClientManager.Value}, []bool{true, true, true})
	equal(t, "off", []bool{h.RDPLoadBalancing.Value, h.DirectMode.Value, h.ResolveEndpoints.Value, h.AgentPush.Set}, []bool{false, false, false, false})
	equal(t, "sources", h.Sources, Setting[Sources]{Value: SourcesFarm, Name: "farmwall_sources"})
	equal(t, "egress", h.Egress, Setting[Egress]{Value: EgressAuto, Name: "farmwall_egress"})
	equal(t, "rules", len(h.Rules)+len(h.Keep), 0)
	equal(t, "addresses", h.Addresses.Value, []netip.Addr(nil))
	equal(t, "to dial", h.Access.Address, "role.example")
}

// 16.10 is not 16.1, though both are one number to YAML and Python.
func TestVersionKeepsItsDigits(t *testing.T) {
	for _, text := range []string{"[gateway]\ng ras_version=16.10\n", "[gateway]\ng\n[gateway:vars]\nras_version = 16.10 # note\n", "---\ngateway: {hosts: {g: {ras_version: 16.10}}}\n", "---\n{\"gateway\": {\"hosts\": {\"g\": {\"ras_version\": 16.10}}}}\n"} {
		equal(t, text, must(t, text).Host("g").Version.Value, Version{16, 10})
	}
}

// Null means not set, wherever it stands.
func TestNullIsNotSet(t *testing.T) {
	h := must(t, "[gateway]\ng ras_ssl=None ansible_user=None ras_addresses=None\n").Host("g")
	equal(t, "ssl", h.SSL.Set, false)
	equal(t, "user", h.Access.User, "")
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]Version{"16.5": {16, 5}, "16": {16, 0}, "19.10": {19, 10}} {
		v, err := ParseVersion(text)
		if err != nil || v != want {
			t.Errorf("%s: got %v, %v", text, v, err)
		}
	}
	for _, text := range []string{"", "x", "16.", ".5", "16.5.1", "-1", "0", "16 ", "99999", "16.5\n"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("%q is accepted as %v", text, v)
		}
	}
	order := []Version{{15, 9}, {16, 1}, {16, 5}, {16, 10}, {17, 0}}
	for i, v := range order {
		for j, w := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			equal(t, v.String()+" and "+w.String(), v.Compare(w), want)
		}
	}
	equal(t, "text", Version{16, 5}.String(), "16.5")
}

func TestParseRole(t *testing.T) {
	names := map[Role][]string{
		Gateway: {"gateway", "Secure_Gateway", "secure-client-gateway", "Client Secure Gateway"}, HALB: {"halb", "HALB"}, PublishingAgent: {"pa", "broker", "connection_broker", "publishing_agent"},
		Console: {"console"}, RDSH: {"rdsh", "session_host", "rd_session_host", "terminal_server_agent"}, VDI: {"vdi", "vdi_agent", "provider_agent"}, RemotePC: {"remote_pc", "remote_pc_agent"},
		Reporting: {"reporting"}, Guest: {"guest", "guest_agent"}, Client: {"client"}, PerformanceMonitor: {"perfmon", "performance_monitor"},
	}
	for role, texts := range names {
		for _, text := range texts {
			if got, ok := ParseRole(text); !ok || got != role {
				t.Errorf("%s: got %s", text, got)
			}
		}
	}
	for _, role := range Roles() {
		if names[role] == nil {
			t.Errorf("%s is not tried", role)
		}
	}
	for _, text := range []string{"", "all", "web", "gateways", "ras"} {
		if got, ok := ParseRole(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestWalls(t *testing.T) {
	inv := must(t, "[gateway]\na farmwall_wall=ufw\nb farmwall_wall=iptables,nftables\nc\n")
	for name, walls := range map[string]string{"a": "[ufw]", "b": "[iptables nftables]", "c": "[]"} {
		equal(t, name, fmt.Sprint(inv.Host(name).Wall.Value), walls)
	}
}

func TestTurns(t *testing.T) {
	inv := must(t, `---
all:
  children:
    gateway: {hosts: {g: {ras_roles: [halb]}, h: {farmwall_order: -7}}}
    broker: {hosts: b}
    rdsh: {hosts: {s: , x: {farmwall_order: "12"}}}
  vars:
    farmwall_order: [gateway, halb, connection_broker]
`)
	for name, turn := range map[string]int{"g": 2, "h": -7, "b": 3, "s": 0, "x": 12} {
		equal(t, name, inv.Host(name).Turn(), turn)
	}
	equal(t, "text", must(t, "[gateway]\ng farmwall_order=rdsh,gateway\n").Host("g").Turn(), 2)
	equal(t, "nothing", must(t, withRole).Host("role.example").Turn(), 0)
	for _, bad := range []string{"{a: 1}", "[]", "true", "1001", "[gateway, nobody]", "[halb, halb]", "1.5", "[1, 2]", `""`} {
		if _, err := loadText(t, "---\ngateway:\n  hosts: g\n  vars: {farmwall_order: "+bad+"}\n"); err == nil {
			t.Errorf("%s is taken", bad)
		} else if problems, ok := err.(Problems); !ok || problems[0].At.Line != 4 {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
