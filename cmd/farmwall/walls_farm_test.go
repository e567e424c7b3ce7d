//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/tasks"
	"farmwall/transport/lab"
)

// wallsAtOnce is how many rulesets one apply meets, each on a host of its own.
const wallsAtOnce = 30

// wallFarm is hosts to try rulesets on, and hosts to send packets from.
type wallFarm struct {
	t         *testing.T
	farm      *lab.Farm
	walls     []*lab.Host
	senders   []*lab.Host // two members and two outsiders
	inventory string
	state     string
	tally     wallTally
}

// verb runs the real program over all walls and reads its JSON.
func (w *wallFarm) verb(fail func(host, format string, args ...any), codes []int, args ...string) *tasks.Summary {
	t := w.t
	t.Helper()
	var out, said transcript
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	flags := []string{"-i", w.inventory, "-l", "walls", "--state", w.state, "--output", "json", "-u", "root", "-e", "ansible_ssh_private_key_file=" + w.farm.KeyFile()}
	code, err := w.farm.Run(ctx, lab.Command{Argv: append(append([]string{binary(t)}, args...), flags...), Stdout: &out, Stderr: &said})
	if err != nil {
		t.Fatalf("farmwall %v: %v\n%s", args, err, said.String())
	}
	var s tasks.Summary
	if err := json.Unmarshal([]byte(out.String()), &s); err != nil {
		t.Fatalf("farmwall %v: exit %d: %v\n%s\n%s", args, code, err, out.String(), said.String())
	}
	for _, c := range codes {
		if c == code {
			return &s
		}
	}
	for _, o := range s.Outcomes {
		switch o.Status {
		case tasks.OK, tasks.Changed, tasks.NotOpen, tasks.Refused, tasks.Differs:
		default:
			fail(o.Host, "%v: %s: %s: %s", args, o.Status, o.Step, o.Error)
		}
	}
	t.Errorf("farmwall %v: exit %d, want one of %v", args, code, codes)
	return &s
}

func (w *wallFarm) on(h *lab.Host, stdin string, argv ...string) (string, int) {
	w.t.Helper()
	res, err := h.Exec(context.Background(), argv, strings.NewReader(stdin))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(res.Stdout) + string(res.Stderr), res.Code
}

func (w *wallFarm) listings() map[string]string {
	all := map[string]string{}
	for _, h := range w.walls {
		all[h.Name] = wallsOf(w.t, h)
	}
	return all
}

// wallsOf is all that decides on a host: what nft knows, and what iptables prints of
// its tables, for nft does not show their comments.
func wallsOf(t testing.TB, h *lab.Host) string {
	t.Helper()
	res, err := h.Exec(context.Background(), []string{"sh", "-c", `nft -s list ruleset; for p in iptables ip6tables; do
	$p-nft-save 2>/dev/null; [ -z "$(cat /proc/net/${p%tables}_tables_names)" ] || $p-legacy-save; done | sed '/^#/d; /^:/s/ \[.*//'`}, nil)
	if err != nil || res.Code != 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	return string(res.Stdout)
}

// foreign is nft's text of a ruleset, and iptables' of legacy tables, without what is farmwall's, and without empty
// lines.
func foreign(listing string) string {
	var b strings.Builder
	skip := ""
	for _, line := range strings.Split(listing, "\n") {
		switch name := strings.TrimLeft(line, "\t"); {
		case skip != "":
			if line == skip {
				skip = ""
			}
		case line == "table inet farmwall {":
			skip = "}"
		case strings.HasPrefix(line, "\tchain farmwall_"), strings.HasPrefix(line, "\tset farmwall_"), strings.HasPrefix(line, "\tchain FARMWALL-"):
			skip = "\t}"
		case name == "", strings.Contains(line, ` comment "farmwall:`), strings.HasSuffix(line, " jump FARMWALL-IN"), strings.HasSuffix(line, " jump FARMWALL-OUT"):
		case strings.HasPrefix(line, ":FARMWALL-"), strings.HasPrefix(line, "-A FARMWALL-"), strings.HasPrefix(line, ":farmwall_"), strings.HasPrefix(line, "-A farmwall_"), strings.HasSuffix(line, " -j FARMWALL-IN"), strings.HasSuffix(line, " -j FARMWALL-OUT"):
		default:
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// newWallFarm brings up the walls, each with IPv4, IPv6 or both and one of four
// roles, and the hosts that send packets to them.
func newWallFarm(t *testing.T) *wallFarm {
	t.Helper()
	w := &wallFarm{t: t, state: filepath.Join(t.TempDir(), "state"), inventory: filepath.Join(t.TempDir(), "hosts.yml")}
	w.tally.why = map[string]int{}
	var hosts []lab.HostSpec
	roles := map[string][]string{}
	add := func(name, role string, addresses ...string) {
		spec := lab.HostSpec{Name: name}
		for _, a := range addresses {
			spec.Addresses = append(spec.Addresses, netip.MustParseAddr(a))
		}
		hosts = append(hosts, spec)
		roles[role] = append(roles[role], fmt.Sprintf("%s: {ansible_host: \"%s\", ras_addresses: [\"%s\"]}", name, addresses[0], strings.Join(addresses, `", "`)))
	}
	for i := range wallsAtOnce {
		v4, v6 := fmt.Sprintf("10.78.0.%d", i+1), fmt.Sprintf("fd78::%x", i+1)
		addresses := []string{v4, v6}
		switch i % 5 {
		case 1:
			addresses = []string{v6, v4}
		case 3:
			addresses = []string{v4}
		case 4:
			addresses = []string{v6}
		}
		add(fmt.Sprintf("wall%02d", i), []string{"halb", "gateway", "publishing_agent", "rdsh"}[i%4], addresses...)
	}
	add("member1", "console", "10.78.0.201", "fd78::201")
	add("member3", "gateway", "10.78.0.203", "fd78::203")
	inv := "all:\n  children:\n    walls:\n      hosts:\n"
	for _, h := range hosts[:wallsAtOnce] {
		inv += "        " + h.Name + ":\n"
	}
	inv += `      vars:
        farmwall_rules:
          - {id: wall-range, protocol: udp, port: 7000-7040, remote: 10.78.0.192/27}
          - {id: wall-any, protocol: tcp, port: [8443, 9000], scope: external}
          - {id: wall-six, protocol: tcp, port: 7100, remote: "fd78::/120"}
          - {id: wall-out, direction: out, protocol: tcp, port: 5003, remote: 10.78.0.0/24}
          - {id: wall-out6, direction: out, protocol: udp, port: 5004, remote: "fd78::/64"}
`
	for role, list := range roles {
		inv += "    " + role + ":\n      hosts:\n        " + strings.Join(list, "\n        ") + "\n"
	}
	if err := os.WriteFile(w.inventory, []byte(inv), 0o600); err != nil {
		t.Fatal(err)
	}
	outside := []lab.HostSpec{
		{Name: "outside2", Addresses: []netip.Addr{netip.MustParseAddr("10.78.0.202"), netip.MustParseAddr("fd78::202")}},
		{Name: "outside4", Addresses: []netip.Addr{netip.MustParseAddr("10.78.0.130"), netip.MustParseAddr("fd78::1:4")}},
	}
	farm, err := lab.Up(context.Background(), lab.Options{Hosts: append(hosts, outside...), Self: []string{binary(t)},
		Controller: []netip.Addr{netip.MustParseAddr("10.78.0.254"), netip.MustParseAddr("fd78::fe")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { farm.Close() })
	w.farm, w.walls, w.senders = farm, farm.Hosts()[:wallsAtOnce], farm.Hosts()[wallsAtOnce:]
	w.listen()
	return w
}
