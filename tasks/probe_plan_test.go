package tasks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
)

// membersOf is an inventory with so many hosts of each role, on addresses of their own.
func membersOf(roles map[inventory.Role]int) *inventory.Inventory {
	inv := &inventory.Inventory{}
	farm := &inventory.Farm{Name: "farm"}
	inv.Farms = []*inventory.Farm{farm}
	for _, role := range inventory.Roles() {
		for i := range roles[role] {
			n := len(inv.Hosts) + 1
			h := &inventory.Host{Name: fmt.Sprintf("%s%d", role, i+1), Farm: "farm", Roles: []inventory.Role{role}}
			h.Addresses.Value = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(n / 250), byte(n%250 + 1)})}
			h.Version.Value = inventory.Version{Major: 16, Minor: 5}
			h.SSL.Value, h.RDPUDP.Value, h.ClientManager.Value = true, true, true
			h.Access.Address = h.Addresses.Value[0].String()
			inv.Hosts, farm.Members = append(inv.Hosts, h), append(farm.Members, h)
		}
	}
	return inv
}

// shotsOf plans the probes of a whole farm.
func shotsOf(t *testing.T, inv *inventory.Inventory, opt ProbeOptions, controller bool) *probing {
	t.Helper()
	rows, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Rows: rows, Forks: 4, Now: time.Now, Journal: &memKeeper{}}
	if controller {
		r.Net = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody dials") }
	}
	w, err := r.want(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := r.parts(t.Context(), inv.Hosts)
	if err != nil {
		t.Fatal(err)
	}
	var members []part
	for _, p := range parts {
		if p.host.Member() {
			members = append(members, p)
		}
	}
	targets, err := w.all(r, members)
	if err != nil {
		t.Fatal(err)
	}
	if opt.Hosts == nil {
		opt.Hosts = inv.Hosts
	}
	return r.shotsAt(nil, w, targets, opt)
}

// tries are who tries a port of a host.
func (p *probing) tries(target string, protocol rules.Protocol, port uint16) []string {
	var from []string
	for i, shots := range p.byTarget {
		for _, s := range shots {
			if p.targets[i].host.Name != target || s.end.Protocol != protocol || s.end.Port != port {
				continue
			}
			name := "controller"
			if s.from != nil {
				name = s.from.Name
			}
			if s.starts {
				name += "!"
			}
			from = append(from, name)
		}
	}
	slices.Sort(from)
	return from
}

func TestProbesComeFromWhoStartsTheFlow(t *testing.T) {
	all := map[inventory.Role]int{}
	for _, role := range inventory.Roles() {
		all[role] = 2
	}
	inv := membersOf(all)
	outsider := &inventory.Host{Name: "elsewhere"}
	outsider.ProbeOutsider.Value = true
	outsider.Addresses.Value = []netip.Addr{netip.MustParseAddr("192.0.2.9")}
	inv.Hosts = append(inv.Hosts, outsider)
	p := shotsOf(t, inv, ProbeOptions{}, true)
	for _, x := range []struct {
		target   string
		protocol rules.Protocol
		port     uint16
		want     string
	}{
		{"publishing_agent1", rules.TCP, 20002, "console1! console2! elsewhere gateway1! gateway2!"},
		{"publishing_agent1", rules.TCP, 20001, "elsewhere publishing_agent2!"},
		{"publishing_agent1", rules.TCP, 20003, "elsewhere rdsh1! rdsh2! remote_pc1! remote_pc2!"},
		{"gateway1", rules.TCP, 443, "client1! client2! elsewhere"},
		{"gateway1", rules.UDP, 20000, "client1! client2! elsewhere"},
		{"gateway1", rules.TCP, 20020, "elsewhere"},
		{"rdsh1", rules.TCP, 3389, "elsewhere gateway1! gateway2!"},
		{"rdsh1", rules.UDP, 30004, "console1! console2! elsewhere publishing_agent1! publishing_agent2!"},
		{"halb1", 112, 0, "elsewhere halb2!"},
		{"rdsh1", rules.TCP, 9, ""},
	} {
		if got := strings.Join(p.tries(x.target, x.protocol, x.port), " "); got != x.want {
			t.Errorf("%s %s %d is tried from %q, want %q", x.target, x.protocol, x.port, got, x.want)
		}
	}
	// Nobody says who starts remote install, so everybody does.
	if got := p.tries("rdsh1", rules.TCP, 49179); len(got) != 2*len(inventory.Roles()) {
		t.Errorf("49179 is tried from %s", got)
	}
	if len(p.sum.Notes) > 0 {
		t.Errorf("something is left out: %s", p.sum.Notes)
	}
	every := shotsOf(t, inv, ProbeOptions{AllRoles: true, Limit: 1}, true)
	if got := every.tries("rdsh1", rules.TCP, 3389); len(got) != len(inventory.Roles())+1 {
		t.Errorf("3389 is tried from %s", got)
	}
	// Whom --limit leaves out is not asked, and that is said.
	some := shotsOf(t, inv, ProbeOptions{Hosts: inv.Hosts[:2]}, true)
	if got := strings.Join(some.tries("rdsh1", rules.TCP, 3389), " "); got != "controller gateway1! gateway2!" {
		t.Errorf("3389 is tried from %s", got)
	}
	if text := strings.Join(some.sum.Notes, "\n"); !strings.Contains(text, "left out by --limit, so this machine") || !strings.Contains(text, "pa-in-tcp-20003") && !strings.Contains(text, "who starts them is left out by --limit") {
		t.Errorf("it says %s", text)
	}
	if alone := shotsOf(t, inv, ProbeOptions{Hosts: inv.Hosts[:2]}, false); !strings.Contains(strings.Join(alone.sum.Notes, "\n"), "there was no outsider") {
		t.Errorf("it says %s", alone.sum.Notes)
	}
}

// 500 hosts: what is planned grows with the flows, not with hosts times hosts, and no
// limit is silent.
func TestProbesGrowWithTheFarm(t *testing.T) {
	counts := map[int]int{}
	for _, n := range []int{100, 500} {
		inv := membersOf(map[inventory.Role]int{inventory.Gateway: n / 20, inventory.PublishingAgent: 3, inventory.Console: 2, inventory.HALB: 2, inventory.RDSH: n - n/20 - 7})
		begun := time.Now()
		p := shotsOf(t, inv, ProbeOptions{Limit: 3}, true)
		took := time.Since(begun)
		for _, shots := range p.bySource {
			counts[n] += len(shots)
		}
		most, least := 0, 1<<30
		for h, shots := range p.bySource {
			if h != nil && h.Has(inventory.Gateway) {
				most, least = max(most, len(shots)), min(least, len(shots))
			}
		}
		t.Logf("%d hosts: %d flows from %d sources, planned in %s; a gateway opens %d to %d; %s", n, counts[n], len(p.sources), took.Round(time.Millisecond), least, most, p.sum.Notes)
		if took > 10*time.Second {
			t.Errorf("planning took %s", took)
		}
		if most > 2*least+20 {
			t.Errorf("the gateways do not share the work: %d to %d", least, most)
		}
		if !slices.ContainsFunc(p.sum.Notes, func(s string) bool { return strings.Contains(s, "--probe-limit 0") }) || p.sum.LeftOut == 0 {
			t.Errorf("the limit is silent: %s", p.sum.Notes)
		}
	}
	if counts[500] > 6*counts[100] {
		t.Errorf("500 hosts make %d flows and 100 hosts %d: that is more than in proportion", counts[500], counts[100])
	}
}
