//go:build linux

package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
	"farmwall/transport/lab"
)

// closedFarm is what every host of the packet test has before farmwall comes:
// everything is dropped but SSH and what IPv6 needs to find its neighbours.
const closedFarm = `flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		tcp dport 22 accept
	}
}
`

// wantedOf is what farmwall says each host should have, read from its JSON.
func wantedOf(t *testing.T, inv string) map[string][]rules.Rule {
	t.Helper()
	var said struct {
		Hosts []struct {
			Host  string
			Rules []rules.Rule
		}
	}
	if err := json.Unmarshal([]byte(mustFarmwall(t, 0, "rules", "-i", inv, "--output", "json")), &said); err != nil {
		t.Fatal(err)
	}
	wanted := map[string][]rules.Rule{}
	for _, h := range said.Hosts {
		wanted[h.Host] = h.Rules
	}
	return wanted
}

// portsOfTheCatalogue are the inbound ports of all rows by protocol, and for
// each of TCP and UDP some that no row has. 112 has no ports: one 0.
func portsOfTheCatalogue(t *testing.T) map[uint8][]uint16 {
	t.Helper()
	rows, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint8]map[uint16]bool{6: {}, 17: {}, 112: {}}
	for _, r := range rows {
		if r.Direction != "out" && seen[uint8(r.Protocol)] != nil {
			seen[uint8(r.Protocol)][r.Port] = true
		}
	}
	for _, protocol := range []uint8{6, 17} {
		for _, stray := range []uint16{9, 23, 79, 444, 8080, 20004, 30000, 49178, 65535} {
			seen[protocol][stray] = true
		}
	}
	ports := map[uint8][]uint16{}
	for protocol, set := range seen {
		ports[protocol] = slices.Sorted(maps.Keys(set))
	}
	return ports
}

// allows says whether one of the rules lets the packet in from another host.
func allows(wanted []rules.Rule, from netip.Addr, protocol uint8, port uint16) bool {
	for _, r := range wanted {
		if r.Direction != rules.In || r.Loopback || r.Block || uint8(r.Protocol) != protocol || !r.Remotes.Contains(from) {
			continue
		}
		if len(r.Ports) == 0 {
			return true
		}
		for _, p := range r.Ports {
			if p.First <= port && port <= p.Last {
				return true
			}
		}
	}
	return false
}

// Packets are the judge: after an apply on hosts that drop by default, exactly
// the wanted flows get through, by TCP, UDP and protocol 112, on IPv4 and IPv6,
// from members and from an outsider.
func TestPacketsMeetExactlyWhatIsWanted(t *testing.T) {
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	ctx := context.Background()
	source, err := filepath.Abs("../../examples/farm.ini")
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(ctx, []string{source}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	specs, _, err := lab.Specs(inv)
	if err != nil {
		t.Fatal(err)
	}
	for i := range specs {
		specs[i].Ruleset = closedFarm
	}
	outsider := lab.HostSpec{Name: "outsider", Addresses: []netip.Addr{netip.MustParseAddr("10.77.1.200"), netip.MustParseAddr("fd77::1:200")}}
	farm, err := lab.Up(ctx, lab.Options{Hosts: append(specs, outsider), Self: []string{binary(t)}})
	if err != nil {
		t.Fatal(err)
	}
	defer farm.Close()

	ports := portsOfTheCatalogue(t)
	for _, h := range farm.Hosts() {
		for protocol, list := range ports {
			if err := h.Listen(ctx, protocol, list...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if open := probeAll(t, farm, ports, nil); open != 0 {
		t.Fatalf("%d flows are open before anything was done", open)
	}
	flags := []string{"-i", source, "-u", "root", "-e", "ansible_user=root", "-e", "ansible_ssh_private_key_file=" + farm.KeyFile()}
	for _, verb := range [][]string{{"apply", "-y"}, {"plan", "--detailed-exitcode"}} {
		if out, code := inFarm(t, farm, append(verb, flags...)...); code != 0 {
			t.Fatalf("%v: exit %d\n%s", verb, code, out)
		}
	}
	if open := probeAll(t, farm, ports, wantedOf(t, source)); open < 1000 {
		t.Errorf("only %d flows were open: the test sees nothing", open)
	}
	probesMeetExactlyWhatIsWanted(t, farm, source, wantedOf(t, source))
	scriptsMeetExactlyWhatIsWanted(t, farm, ports, wantedOf(t, source))
}

// probeAll sends every packet of the matrix: from each source to each host, by
// each protocol and port, in both families. It returns how many got through.
func probeAll(t *testing.T, farm *lab.Farm, ports map[uint8][]uint16, wanted map[string][]rules.Rule) (open int) {
	t.Helper()
	sent := 0
	for _, name := range []string{"outsider", "console1", "pa1", "gw1", "rds01", "guest1", "client1", "halb1"} {
		from, err := farm.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		var probes []lab.Probe
		var owners []string
		for _, to := range farm.Hosts() {
			if to.Name == name || to.Name == "outsider" {
				continue
			}
			for family, address := range to.Addresses {
				for protocol, list := range ports {
					for _, port := range list {
						probes = append(probes, lab.Probe{From: from.Addresses[family], To: address, Protocol: protocol, Port: port})
						owners = append(owners, to.Name)
					}
				}
			}
		}
		answers, err := from.Probe(context.Background(), probes...)
		if err != nil {
			t.Fatal(err)
		}
		sent += len(answers)
		for i, a := range answers {
			want := lab.Filtered
			if allows(wanted[owners[i]], a.From, a.Protocol, a.Port) {
				want = lab.Connected
			}
			if a.Reach == lab.Connected {
				open++
			}
			if a.Reach != want {
				t.Errorf("%s to %s (%s), protocol %d port %d: %s, want %s", name, owners[i], a.To, a.Protocol, a.Port, a.Reach, want)
			}
		}
	}
	t.Logf("%d packets, %d flows open", sent, open)
	return open
}
