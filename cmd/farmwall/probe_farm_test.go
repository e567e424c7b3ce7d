//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/linux"
	"farmwall/tasks"
	"farmwall/transport/lab"
)

// probedIn runs verify --probe in a farm and returns what it says.
func probedIn(t *testing.T, farm *lab.Farm, code int, args ...string) *tasks.Summary {
	t.Helper()
	var out, errs bytes.Buffer
	got, err := farm.Run(t.Context(), lab.Command{Argv: append([]string{binary(t), "verify", "--probe", "--output", "json"}, args...), Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	var s tasks.Summary
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || got != code {
		t.Fatalf("verify --probe %v: exit %d, want %d: %v\n%s\n%s", args, got, code, err, &out, &errs)
	}
	return &s
}

// probesMeetExactlyWhatIsWanted has a member of every role, and an outsider, try every port
// of every rule, with listeners on all of them: what connects is what is wanted.
func probesMeetExactlyWhatIsWanted(t *testing.T, farm *lab.Farm, source string, wanted map[string][]rules.Rule) {
	t.Helper()
	others := filepath.Join(t.TempDir(), "others.ini")
	if err := os.WriteFile(others, []byte("[others]\noutsider ansible_host=10.77.1.200 ras_addresses=10.77.1.200,fd77::1:200 farmwall_probe_outsider=true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	s := probedIn(t, farm, exitOK, "-i", source, "-i", others, "-e", "ansible_user=root", "-e", "ansible_ssh_private_key_file="+farm.KeyFile(), "--probe-all-roles", "--probe-limit", "1", "--probe-timeout", "1500ms")
	right, proven := 0, 0
	roles := map[string]bool{}
	for _, o := range s.Outcomes {
		for _, p := range o.Probes {
			if p.Protocol == "112" {
				continue
			}
			protocol := map[string]uint8{"tcp": 6, "udp": 17}[p.Protocol]
			want := allows(wanted[o.Host], p.Source, protocol, p.Port)
			if p.Right == nil && protocol == 17 && !want {
				continue // silence, as it should be
			}
			proven++
			if p.Wanted != want || p.Right == nil || !*p.Right || (p.Answer == tasks.ProbeConnected) != want {
				t.Errorf("%s from %s (%s): %+v, want open %v", o.Host, p.From, p.Source, p, want)
			} else {
				right++
			}
			roles[strings.TrimRight(p.From, "0123456789")] = true
		}
	}
	t.Logf("%d flows of %d proven right in %s; from %d roles; %+v", right, proven, time.Since(begun).Round(time.Millisecond), len(roles), s.Probing.Answers)
	if len(roles) != len(inventory.Roles())+1 || right < 1000 {
		t.Errorf("only %d flows from %d roles", right, len(roles))
	}
}

// scriptsMeetExactlyWhatIsWanted has the hosts of every role and the outsider try every
// port of the port reference and 50 others on a host of every role, by the script that
// production sends.
func scriptsMeetExactlyWhatIsWanted(t *testing.T, farm *lab.Farm, ports map[uint8][]uint16, wanted map[string][]rules.Rule) {
	t.Helper()
	names := []string{"halb1", "gw1", "pa1", "console1", "rds01", "vdi1", "pc1", "report1", "guest1", "client1", "perf1"}
	var strays []uint16
	for i := range uint16(50) {
		strays = append(strays, 1000+613*i)
	}
	q := rules.ProbeRequest{Nonce: "n0123456789", Wait: 2 * time.Second, AtOnce: 3000}
	var owners []string
	for _, name := range names {
		h, err := farm.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Listen(t.Context(), 6, strays...); err != nil {
			t.Fatal(err)
		}
		for protocol, list := range map[rules.Protocol][]uint16{rules.TCP: append(strays, ports[6]...), rules.UDP: ports[17]} {
			for _, port := range list {
				q.Ends, q.Listener, owners = append(q.Ends, rules.FlowEnd{Address: h.Addresses[0], Protocol: protocol, Port: port}), append(q.Listener, true), append(owners, name)
			}
		}
	}
	d := linux.New()
	script := d.Probe(q)
	begun := time.Now()
	var all sync.WaitGroup
	for _, name := range append(names, "outsider") {
		from, err := farm.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			res, err := from.Exec(context.Background(), []string{"sh", "-c", script.Body}, bytes.NewReader(script.Input))
			if err != nil {
				t.Error(err)
				return
			}
			told, err := d.ReadProbe(q, res.Stdout)
			if err != nil {
				t.Errorf("%s: %v: %s", name, err, res.Stderr)
				return
			}
			for i, e := range q.Ends {
				if owners[i] == name {
					continue
				}
				want := tasks.ProbeFiltered
				if allows(wanted[owners[i]], from.Addresses[0], uint8(e.Protocol), e.Port) {
					want = tasks.ProbeConnected
				}
				if got := told.Replies[i].Answer; got != want {
					t.Errorf("%s to %s, %s %d: %s, want %s", name, owners[i], e.Protocol, e.Port, got, want)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d flows from each of %d hosts in %s", len(q.Ends), len(names)+1, time.Since(begun).Round(time.Millisecond))
}

// probeFarm is a small farm with an outsider.
type probeFarm struct {
	t    *testing.T
	farm *lab.Farm
	inv  string
}

func newProbeFarm(t *testing.T) *probeFarm {
	t.Helper()
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	p := &probeFarm{t: t, inv: filepath.Join(t.TempDir(), "farm.ini")}
	p.write("")
	inv, err := inventory.Load(t.Context(), []string{p.inv}, inventory.Options{})
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
	if p.farm, err = lab.Up(t.Context(), lab.Options{Hosts: specs, Self: []string{binary(t)}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.farm.Close() })
	return p
}

// write writes the inventory, with more variables of the session host.
func (p *probeFarm) write(more string) {
	p.t.Helper()
	text := "[gateway]\ngw1 ansible_host=10.9.0.1\n[publishing_agent]\npa1 ansible_host=10.9.0.2\n[rdsh]\nrds1 ansible_host=10.9.0.3 " + more +
		"\n[others]\nout1 ansible_host=10.9.0.9 farmwall_probe_outsider=true\n[all:vars]\nansible_user=root\nfarmwall_sources=peers\n"
	if err := os.WriteFile(p.inv, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *probeFarm) flags(more ...string) []string {
	return append([]string{"-i", p.inv, "-e", "ansible_ssh_private_key_file=" + p.farm.KeyFile()}, more...)
}

func (p *probeFarm) must(code int, args ...string) string {
	p.t.Helper()
	if slices.Contains(args, "--probe") {
		args = append(args, "--probe-timeout", "1s")
	}
	out, got := inFarm(p.t, p.farm, append(args, p.flags()...)...)
	if got != code {
		p.t.Fatalf("farmwall %v: exit %d, want %d\n%s", args, got, code, out)
	}
	return out
}

// wire loads rules into the bridge between the hosts, or takes them away.
func (p *probeFarm) wire(text string) {
	p.t.Helper()
	var said bytes.Buffer
	code, err := p.farm.Run(p.t.Context(), lab.Command{Argv: []string{"nft", "-f", "-"}, Stdin: strings.NewReader("table bridge wire\ndelete table bridge wire\n" + text), Stdout: &said, Stderr: &said})
	if err != nil || code != 0 {
		unable(p.t, fmt.Sprintf("nft has no bridge here: %v %s", err, &said))
	}
}

func drops(match string) string {
	return "table bridge wire {\n chain f { type filter hook forward priority 0;\n " + match + " drop\n }\n}\n"
}

// on runs a command on a host.
func (p *probeFarm) on(host string, argv ...string) string {
	p.t.Helper()
	h, err := p.farm.Host(host)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := h.Exec(p.t.Context(), argv, nil)
	if err != nil || res.Code != 0 {
		p.t.Fatalf("%s %v: exit %d, %v %s", host, argv, res.Code, err, res.Stderr)
	}
	return string(res.Stdout)
}

// find is the probe of a port from one host to another.
func find(s *tasks.Summary, to, from string, port uint16) *tasks.Probed {
	if o := s.Find(to); o != nil {
		for i := range o.Probes {
			if p := &o.Probes[i]; p.From == from && p.Port == port && p.Protocol == "tcp" {
				return p
			}
		}
	}
	return &tasks.Probed{}
}

func TestProbesTellThePathFromTheHost(t *testing.T) {
	t.Parallel()
	p := newProbeFarm(t)
	if out := p.must(exitOK, "apply", "-y", "--probe"); !strings.Contains(out, "changed=3") {
		t.Errorf("it says\n%s", out)
	}
	p.must(exitOK, "plan", "--detailed-exitcode")
	s := probedIn(t, p.farm, exitOK, p.flags("--probe-timeout", "1s")...)
	if x := find(s, "pa1", "gw1", 20002); x.Answer != tasks.ProbeRefused || !x.Wanted || x.Verdict != rules.Allowed {
		t.Errorf("%+v", x)
	}
	if x := find(s, "pa1", "out1", 20002); x.Answer != tasks.ProbeFiltered || x.Wanted || x.Right == nil || !*x.Right {
		t.Errorf("%+v", x)
	}
	if len(s.Probing.Sources) != 4 || s.Probing.Sources[0].Tool == "" {
		t.Errorf("the sources are %+v", s.Probing.Sources)
	}

	// A router between them drops what both ends let through.
	p.wire(drops("ip daddr 10.9.0.2 tcp dport 20002"))
	s = probedIn(t, p.farm, exitNotOpen, p.flags("--probe-timeout", "1s")...)
	if x := find(s, "pa1", "gw1", 20002); x.Answer != tasks.ProbeFiltered || !x.PathBlocks || x.Verdict != rules.Allowed || s.Probing.Blocked != 1 || s.Probing.Wrong != 1 {
		t.Errorf("%+v, %+v", x, s.Probing)
	}
	if out := p.must(exitNotOpen, "verify", "--probe"); !strings.Contains(out, "tcp 20002 from gw1 is to be open, and is filtered; the host allows it, the path blocks it") {
		t.Errorf("it says\n%s", out)
	}

	// The host itself drops it: the path is not to blame. And what somebody opens to all
	// is found by the outsider.
	p.wire("")
	p.on("rds1", "nft", "insert", "rule", "inet", "filter", "input", "ip", "saddr", "10.9.0.1", "tcp", "dport", "3389", "drop")
	p.on("pa1", "nft", "insert", "rule", "inet", "filter", "input", "tcp", "dport", "20003", "accept")
	s = probedIn(t, p.farm, exitNotOpen, p.flags("--probe-timeout", "1s")...)
	if x := find(s, "rds1", "gw1", 3389); x.PathBlocks || x.Verdict != rules.Denied || x.By == "" || x.Right == nil || *x.Right {
		t.Errorf("%+v", x)
	}
	if x := find(s, "pa1", "out1", 20003); x.Answer != tasks.ProbeRefused || x.Verdict != rules.Allowed || x.Right == nil || *x.Right {
		t.Errorf("%+v", x)
	}

	// A host that has nothing to probe with says so, and that is no failure.
	for _, name := range []string{"rds1", "pa1"} {
		h, err := p.farm.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := h.Exec(t.Context(), []string{"nft", "-f", "-"}, strings.NewReader(closedFarm)); err != nil || res.Code != 0 {
			t.Fatalf("%v %s", err, res.Stderr)
		}
	}
	p.on("gw1", "sh", "-c", "for t in perl python3 bash socat ncat nc.openbsd nc.traditional nc busybox curl; do for d in /usr/bin /bin /usr/local/bin; do [ ! -x $d/$t ] || mount --bind /dev/null $(readlink -f $d/$t); done; done")
	p.must(exitOK, "apply", "-y")
	if out := p.must(exitOK, "verify", "--probe"); !strings.Contains(out, "gw1 opened no flow: none of perl, python3") {
		t.Errorf("it says\n%s", out)
	}
	p.must(exitNotOpen, "verify", "--probe", "--strict")
}

// A probe that fails after an apply fails the apply; with --on-fail run all goes back.
func TestApplyTakesBackWhatProbesDisprove(t *testing.T) {
	t.Parallel()
	p := newProbeFarm(t)
	p.must(exitOK, "apply", "-y", "--probe", "--probe-listen")
	before := p.on("rds1", "nft", "-s", "list", "ruleset")
	p.write(`farmwall_rules='[{"id": "more", "protocol": "tcp", "port": 8443}]'`)
	p.wire(drops("tcp dport 8443"))
	out := p.must(exitFailed, "apply", "-y", "--probe", "--on-fail", "run")
	if !strings.Contains(out, "8443") || !strings.Contains(out, "the path blocks it") {
		t.Errorf("it says\n%s", out)
	}
	if now := p.on("rds1", "nft", "-s", "list", "ruleset"); now != before {
		t.Errorf("rds1 has\n%s\nand had\n%s", now, before)
	}
	p.must(exitNotOpen, "apply", "-y", "--probe")
	p.must(exitOK, "plan", "--detailed-exitcode")
	p.wire("")
	p.must(exitOK, "verify", "--probe")
}

// Listeners wait where nothing does, leave services alone, and end by themselves when
// their controller dies.
func TestListenersOutliveNoController(t *testing.T) {
	t.Parallel()
	p := newProbeFarm(t)
	p.must(exitOK, "apply", "-y")
	h, err := p.farm.Host("pa1")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Listen(t.Context(), 6, 20003); err != nil { // a service
		t.Fatal(err)
	}
	before := p.on("pa1", "cat", "/proc/net/tcp", "/proc/net/tcp6")
	s := probedIn(t, p.farm, exitOK, p.flags("--probe-listen", "--probe-timeout", "1s")...)
	if x := find(s, "pa1", "gw1", 20002); x.Answer != tasks.ProbeConnected || !x.Ours {
		t.Errorf("%+v", x)
	}
	if x := find(s, "pa1", "rds1", 20003); x.Answer != tasks.ProbeConnected || x.Ours {
		t.Errorf("%+v", x)
	}
	if x := find(s, "pa1", "out1", 20002); x.Answer != tasks.ProbeFiltered {
		t.Errorf("%+v", x)
	}
	if n := s.Probing.Answers[tasks.ProbeUnanswerable]; n > 0 {
		t.Errorf("%d probes prove nothing, though something listens everywhere", n)
	}
	listens := func() bool { return strings.Contains(p.on("pa1", "cat", "/proc/net/tcp"), ":4E22 00000000:0000 0A") }
	for end := time.Now().Add(5 * time.Second); listens(); time.Sleep(100 * time.Millisecond) { // it looks four times a second
		if time.Now().After(end) {
			t.Fatal("a listener is left after the verb")
		}
	}
	// The controller dies while they are up.
	ctx, kill := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.farm.Run(ctx, lab.Command{Argv: append([]string{binary(t), "verify", "--probe", "--probe-listen", "--probe-listen-for", "5s", "--probe-timeout", "20s"}, p.flags()...)})
		done <- err
	}()
	end := time.Now().Add(30 * time.Second)
	for !listens() {
		if time.Now().After(end) {
			t.Fatal("no listener came")
		}
		time.Sleep(20 * time.Millisecond)
	}
	kill()
	<-done
	if !listens() {
		t.Log("the listener went with its controller")
	}
	for end := time.Now().Add(12 * time.Second); listens(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the listener outlived its time")
		}
	}
	if now := p.on("pa1", "sh", "-c", "grep -c :4E23 /proc/net/tcp6"); strings.TrimSpace(now) == "0" {
		t.Errorf("the service is gone; before there was\n%s", before)
	}
}
