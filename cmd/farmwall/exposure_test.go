//go:build linux

package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/transport/lab"
)

// exposedFarm is a session host that accepts by default, a publishing agent, and
// somebody who is no member.
type exposedFarm struct {
	*testing.T
	farm                 *lab.Farm
	host, member, others *lab.Host
	inv                  string
	state                string
}

func newExposedFarm(t *testing.T) *exposedFarm {
	t.Helper()
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	addresses := func(last string) []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("10.81.0." + last), netip.MustParseAddr("fd81::" + last)}
	}
	farm, err := lab.Up(context.Background(), lab.Options{Self: []string{binary(t)}, Hosts: []lab.HostSpec{
		{Name: "rds1", Addresses: addresses("11")}, {Name: "pa1", Addresses: addresses("12")}, {Name: "other", Addresses: addresses("13")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { farm.Close() })
	dir := t.TempDir()
	f := &exposedFarm{T: t, farm: farm, inv: filepath.Join(dir, "hosts.yml"), state: filepath.Join(dir, "state")}
	f.host, f.member, f.others = f.named("rds1"), f.named("pa1"), f.named("other")
	text := `all:
  vars: {ansible_user: root, farmwall_exposure: restrict}
  children:
    rdsh:
      hosts:
        rds1:
          ras_addresses: [10.81.0.11, "fd81::11"]
          ansible_host: 10.81.0.11
          farmwall_rules:
          - {id: local.tcp, protocol: tcp, port: 41000-41100}
          - {id: local.udp, protocol: udp, port: 41000-41100}
    publishing_agent:
      hosts:
        pa1: {ansible_host: 10.81.0.12, ras_addresses: [10.81.0.12, "fd81::12"]}
`
	if err := os.WriteFile(f.inv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *exposedFarm) named(name string) *lab.Host {
	f.Helper()
	h, err := f.farm.Host(name)
	if err != nil {
		f.Fatal(err)
	}
	return h
}

func (f *exposedFarm) must(code int, args ...string) string {
	f.Helper()
	args = append(args, "-i", f.inv, "-l", "rds1", "--state", f.state, "-e", "ansible_ssh_private_key_file="+f.farm.KeyFile())
	out, got := inFarm(f.T, f.farm, args...)
	if got != code {
		f.Fatalf("%v: exit %d, want %d\n%s", args, got, code, out)
	}
	return out
}

// meets sends a packet to each port of the session host from each source, in both
// families, and holds the answers against what the rules and the blocks say.
func (f *exposedFarm) meets(ports map[uint8][]uint16, wanted []rules.Rule, restricted bool) {
	f.Helper()
	closed := 0
	for _, from := range []*lab.Host{f.member, f.others} {
		var probes []lab.Probe
		for family := range 2 {
			for protocol, list := range ports {
				for _, port := range list {
					probes = append(probes, lab.Probe{From: from.Addresses[family], To: f.host.Addresses[family], Protocol: protocol, Port: port})
				}
			}
		}
		answers, err := from.Probe(context.Background(), probes...)
		if err != nil {
			f.Fatal(err)
		}
		for _, a := range answers {
			want := lab.Connected
			if restricted && limitedPort(wanted, a.Protocol, a.Port) && !allows(wanted, a.From, a.Protocol, a.Port) {
				want = lab.Filtered
				closed++
			}
			if a.Reach != want {
				f.Errorf("%s to %s, protocol %d port %d: %s, want %s", from.Name, a.To, a.Protocol, a.Port, a.Reach, want)
			}
		}
	}
	f.Logf("%d packets stopped", closed)
	if restricted != (closed > 15) {
		f.Errorf("%d packets were to be stopped: the test sees nothing", closed)
	}
}

// limitedPort says whether the rules open the port to some and none opens it to all.
func limitedPort(wanted []rules.Rule, protocol uint8, port uint16) bool {
	some := false
	for _, r := range wanted {
		if r.Direction != rules.In || r.Loopback || r.Block || uint8(r.Protocol) != protocol {
			continue
		}
		for _, p := range r.Ports {
			if p.First <= port && port <= p.Last {
				if r.Remotes == nil {
					return false
				}
				some = true
			}
		}
	}
	return some
}

// On a host that accepts by default restrict closes exactly what is meant for some, to
// everybody else, and gives it all back.
func TestRestrictMeetsPackets(t *testing.T) {
	ctx := context.Background()
	f := newExposedFarm(t)
	ports := portsOfTheCatalogue(t)
	delete(ports, 112) // no role of this farm wants it
	ports[6], ports[17] = append(ports[6], 41000), append(ports[17], 41000)
	for _, h := range []*lab.Host{f.host, f.others} {
		for protocol, list := range ports {
			if err := h.Listen(ctx, protocol, list...); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := rulesetOf(t, f.host)
	wanted := wantedOf(t, f.inv)["rds1"]
	f.meets(ports, wanted, false)

	out := f.must(0, "plan")
	for _, want := range []string{"exposure.tcp-41000-41100", "closed to everybody else", "the lack of any table that filters it", "tcp 135, tcp 445, tcp 3389, tcp 30004, tcp 30005, tcp 41000", "this plan closes it", "tcp 41000"} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan does not say %q:\n%s", want, out)
		}
	}
	f.must(0, "apply", "-y", "--strict")
	f.must(0, "plan", "--detailed-exitcode")
	f.must(0, "verify", "--strict")
	f.must(0, "drift")
	f.meets(ports, wanted, true)

	// What the host begins itself is answered, though its own port is a closed one;
	// and it reaches itself.
	if _, err := f.host.Exec(ctx, []string{"sysctl", "-qw", "net.ipv4.ip_local_port_range=41001 41099"}, nil); err != nil {
		t.Fatal(err)
	}
	var own []lab.Probe
	for family := range 2 {
		for _, protocol := range []uint8{6, 17} {
			own = append(own, lab.Probe{From: f.host.Addresses[family], To: f.others.Addresses[family], Protocol: protocol, Port: 444},
				lab.Probe{From: f.host.Addresses[family], To: f.host.Addresses[family], Protocol: protocol, Port: 41000})
		}
	}
	answers, err := f.host.Probe(ctx, own...)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.Reach != lab.Connected {
			t.Errorf("from the host itself to %s protocol %d port %d: %s", a.To, a.Protocol, a.Port, a.Reach)
		}
	}

	// Somebody takes a block away: that is not closed, and drift puts it back.
	f.on(`nft -a list chain inet farmwall input | sed -n 's/.*exposure.udp-41000.* # handle //p' | xargs nft delete rule inet farmwall input handle`)
	if out := f.must(8, "verify"); !strings.Contains(out, "udp 41000") || !strings.Contains(out, "restrict") {
		t.Errorf("verify:\n%s", out)
	}
	f.must(2, "drift")
	if out := f.must(0, "drift", "--fix", "-y"); !strings.Contains(out, "1 added, 0 changed, 0 removed on 1 host") {
		t.Errorf("drift --fix:\n%s", out)
	}
	f.must(0, "verify")
	f.meets(ports, wanted, true)

	// So does one who puts a block before what lets the farm in.
	f.on(`r=$(nft -a list chain inet farmwall input | grep exposure.udp-41000); t=${r% # handle*}
nft "insert rule inet farmwall input $t" && nft delete rule inet farmwall input handle "${r##* }"`)
	f.must(8, "verify")
	if out := f.must(2, "drift"); !strings.Contains(out, "a rule that blocks stands before one that lets in") {
		t.Errorf("drift:\n%s", out)
	}
	f.must(0, "drift", "--fix", "-y")
	f.must(0, "verify")
	if out := f.must(0, "plan", "-e", "farmwall_exposure=report"); !strings.Contains(out, "to remove") || strings.Contains(out, "this plan closes") {
		t.Errorf("plan for report:\n%s", out)
	}
	f.must(0, "remove", "-y")
	if now := rulesetOf(t, f.host); now != before {
		t.Errorf("after remove:\n%s\nbefore:\n%s", now, before)
	}
	f.meets(ports, wanted, false)
}

// A rollback gives everything back too; and a way in that a block would close is
// refused before anything changes.
func TestRestrictIsTakenBackAndKeepsTheWayIn(t *testing.T) {
	f := newExposedFarm(t)
	before := rulesetOf(t, f.host)
	ssh := `{"farmwall_rules": [{"id": "ssh", "protocol": "tcp", "port": 22}]}`
	if out := f.must(3, "apply", "-y", "-e", ssh); !strings.Contains(out, "tcp 22 from") || !strings.Contains(out, "must stay open, and farmwall_exposure: restrict would close it") {
		t.Errorf("%s", out)
	}
	if out := f.must(3, "plan", "-e", `{"farmwall_keep": ["tcp/41000 from 10.0.0.0/8"]}`); !strings.Contains(out, "tcp 41000 from 10.") {
		t.Errorf("%s", out)
	}
	if now := rulesetOf(t, f.host); now != before {
		t.Fatalf("a refused change changed the host:\n%s", now)
	}
	out := f.must(0, "apply", "-y")
	run := out[strings.LastIndex(out, "run ")+4:]
	f.must(0, "rollback", "-y", strings.Fields(run)[0])
	if now := rulesetOf(t, f.host); now != before {
		t.Errorf("after rollback:\n%s\nbefore:\n%s", now, before)
	}
}

func (f *exposedFarm) on(script string) {
	f.Helper()
	res, err := f.host.Exec(context.Background(), []string{"sh", "-c", script}, nil)
	if err != nil || res.Code != 0 {
		f.Fatalf("%v: %s", err, res.Stderr)
	}
}
