package inventory

import (
	"strings"
	"testing"
)

func farmNames(inv *Inventory) string {
	var out []string
	for _, f := range inv.Farms {
		out = append(out, f.Name+"="+strings.ReplaceAll(hostNames(f.Members), " ", "+"))
	}
	return strings.Join(out, " ")
}

func TestFarms(t *testing.T) {
	tests := []struct{ name, text, farms string }{
		{"one without a name", "[gateway]\ng\n[halb]\nh\n[web]\nw\n", "farm=g+h"},
		{"by name", "[gateway]\ng1 ras_farm=b\ng2 ras_farm=a\n[halb]\nh ras_farm=b\n[web]\nw\n", "b=g1+h a=g2"},
		{"by group", "[a]\ng1\n[b]\ng2\n[gateway]\ng[1:2]\n[a:vars]\nras_farm=a\n[b:vars]\nras_farm=b-2\n", "a=g1 b-2=g2"},
		{"ras_member", "x ras_member=yes\ny ras_member=no\n", "farm=x"},
		{"ras_roles", "x ras_roles=gateway,pa\ny ras_roles=\"['Console']\"\nz ras_roles=[]\n", "farm=x+y"},
		{"ras_ groups and aliases", "[ras_secure_gateway]\na\n[terminal-server-agent]\nb\n[ras_halb]\nc\n[ras_other]\nd\n", "farm=a+b+c"},
		{"parents", "[site]\na\n[gateway:children]\nsite\n", "farm=a"},
		{"a numeric name", "[gateway]\na ras_farm=17\n", "17=a"},
		{"same address in two farms", "[gateway]\na ras_farm=a ansible_host=10.0.0.1\nb ras_farm=b ansible_host=10.0.0.1\n", "a=a b=b"},
		{"same vip", "[halb]\na ras_vip=10.0.0.1\nb ras_vip=10.0.0.1\n", "farm=a+b"},
		{"no member, same address", "[gateway]\na ansible_host=10.0.0.1\n[web]\nb ansible_host=10.0.0.1\n", "farm=a"},
		{"name is an address", "[gateway]\n10.0.0.1\n10.0.0.2\n", "farm=10.0.0.1+10.0.0.2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			equal(t, "farms", farmNames(must(t, test.text)), test.farms)
		})
	}
}

func TestRoles(t *testing.T) {
	inv := must(t, "[gateway]\na ras_roles='broker, secure_gateway'\nb\n[connection_broker]\nb\n[ras_provider_agent]\nb\n")
	equal(t, "a", inv.Host("a").Roles, []Role{Gateway, PublishingAgent})
	equal(t, "b", inv.Host("b").Roles, []Role{Gateway, PublishingAgent, VDI})
	if !inv.Host("b").Has(VDI) || inv.Host("b").Has(HALB) {
		t.Error("Has is wrong")
	}
}

// A host with rules of its own and no role is contacted, but no member.
func TestContacted(t *testing.T) {
	inv := must(t, `---
gateway: {hosts: {g: {ras_farm: a}}}
other:
  hosts:
    x: {ras_farm: b, farmwall_rules: [{id: r, protocol: tcp, port: 1}]}
    y:
`)
	tests := []struct {
		host, markFarm    string
		member, contacted bool
	}{{"g", "a", true, true}, {"x", "b", false, true}, {"y", "farm", false, false}}
	for _, test := range tests {
		h := inv.Host(test.host)
		if h.Member() != test.member || h.Contacted() != test.contacted || h.MarkFarm() != test.markFarm {
			t.Errorf("%s: member %v, contacted %v, farm %s", h.Name, h.Member(), h.Contacted(), h.MarkFarm())
		}
	}
	equal(t, "farms", farmNames(inv), "a=g")
	_, err := loadText(t, "---\ngateway: {hosts: {g: {ras_farm: a}}}\nother: {hosts: {x: {farmwall_rules: [{id: r, protocol: tcp, port: 1}]}}}\n")
	if err == nil || !strings.Contains(err.Error(), `host "x" has farmwall_rules but no ras_farm`) {
		t.Errorf("got %v", err)
	}
	// Only such hosts are enough.
	if inv := must(t, "---\nother: {hosts: {x: {farmwall_rules: [{id: r, protocol: tcp, port: 1}]}}}\n"); len(inv.Farms) != 0 {
		t.Error("a farm without members")
	}
}

func TestAddresses(t *testing.T) {
	inv := must(t, "[gateway]\na ansible_host=10.0.0.1\nb ansible_host=name.example\nc ras_addresses=10.0.0.3 ansible_host=10.0.0.4\nd ansible_host=::ffff:10.0.0.5\nfd00::1\ne ansible_ssh_host=10.0.0.7 ansible_host=x\n")
	want := map[string]string{"a": "10.0.0.1 ansible_host true 2", "b": " ansible_host false 3", "c": "10.0.0.3 ras_addresses true 4", "d": "10.0.0.5 ansible_host true 5",
		"fd00::1": "fd00::1 ansible_host false 6", "e": "10.0.0.7 ansible_ssh_host true 7"}
	for name, w := range want {
		s := inv.Host(name).Addresses
		var ips []string
		for _, ip := range s.Value {
			ips = append(ips, ip.String())
		}
		set := "false"
		if s.Set {
			set = "true"
		}
		equal(t, name, strings.Join(ips, ",")+" "+s.Name+" "+set+" "+strings.TrimPrefix(s.At.String(), "hosts:"), w)
	}
	equal(t, "name to look up", inv.Host("b").Access.Address, "name.example")
}

// A group that misses a role's name by its plural is told.
func TestNearRole(t *testing.T) {
	inv := must(t, "[gateways]\na\n[halb]\nb\n")
	if w := inv.Warnings.Error(); !strings.Contains(w, `hosts:1: group "gateways" gives no role; "gateway" would give gateway`) {
		t.Errorf("got %q", w)
	}
}

func TestEntry(t *testing.T) {
	base := "[gateway]\na ansible_host=10.0.0.1 ansible_user=u ansible_password=p ras_ssl=no\n"
	entry := func(text string) string { return must(t, text).Host("a").Entry() }
	first := entry(base)
	if len(first) != 64 || entry(base) != first {
		t.Fatalf("not a stable digest: %s", first)
	}
	for _, same := range []string{
		"# moved\n\n" + base, strings.Replace(base, "password=p", "password=q", 1), base + "[x]\na note=1\n", base + "[halb]\nother\n",
		strings.Replace(base, "\n[", "\n[", 1) + "[gateway:vars]\nansible_timeout=9\nansible_private_key_file=k\n",
	} {
		if entry(same) != first {
			t.Errorf("another digest for:\n%s", same)
		}
	}
	rules := "---\ngateway: {hosts: {a: {farmwall_keep: tcp/1, farmwall_rules: [{id: x, protocol: tcp, port: 1}]}}}\n"
	if entry(rules) != entry("---\n\n"+rules[4:]) {
		t.Error("another digest where a rule stands at another line")
	}
	seen := map[string]string{first: base}
	for _, more := range []string{"ras_farm=x", "ras_ssl=yes", "ras_version=17", "ras_roles=halb", "ras_addresses=10.0.0.2", "ras_vip=10.0.0.3", "ras_internal_networks=10.0.0.0/8", "ras_client_networks=10.0.0.0/8",
		"ras_push_networks=10.0.0.0/8", "ras_second_level_auth_servers=x", "farmwall_sources=peers", "farmwall_egress=always", "farmwall_exposure=restrict", "farmwall_resolve_endpoints=1", "farmwall_keep=tcp/1",
		`farmwall_rules="[{'id': 'x', 'protocol': 'tcp', 'port': 1}]"`, "ras_agent_push=no", "ras_agent_push=yes", "ansible_host=10.0.0.9", "ansible_port=2", "ansible_user=v", "ansible_become=yes",
		"ansible_become_user=x", "ansible_connection=winrm", "ansible_shell_type=powershell", "ansible_ssh_common_args='-J x'", "ras_direct_mode=1", "ras_rdp_udp=0", "ras_client_manager=0", "ras_rdp_load_balancing=1"} {
		text := base + "a " + more + "\n"
		got := entry(text)
		if other, twice := seen[got]; twice {
			t.Errorf("%s has the digest of:\n%s", more, other)
		}
		seen[got] = text
	}
}
