//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"farmwall/transport/lab"
)

// auditedNft stands in nft's place on a host and notes every load: when it began and
// ended on the host's clock, the lease and the token at that moment, and whose rules
// it loads.
const auditedNft = `#!/bin/sh
file=
for word; do
	case $word in
	-c | --check) file= && break ;;
	-f) file=next ;;
	*) [ "$file" != next ] || file=$word ;;
	esac
done
[ -n "$file" ] || exec /var/lib/nft "$@"
lease=$(tr '\n' ' ' </var/lib/farmwall/lease 2>/dev/null)
token=
for state in armed confirming undoing; do
	[ ! -e /run/farmwall/token.$state ] || token="$state $(cat /run/farmwall/token.$state)"
done
marks=$(grep -o 'farmwall:farm:c[12]:' "$file" | sort -u | tr -d '\n')
read -r up rest </proc/uptime
/var/lib/nft "$@"
code=$?
read -r down rest </proc/uptime
echo "$up $down|$lease|$token|$marks" >>/var/lib/audit
exit $code
`

// duel is two controllers in namespaces of their own, and hosts that both want to
// change.
type duel struct {
	t    *testing.T
	farm *lab.Farm
}

// newDuel brings up so many hosts whose clocks are an hour off, and two controllers.
func newDuel(t *testing.T, hosts int) *duel {
	t.Helper()
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	if os.Geteuid() != 0 {
		unable(t, "needs root")
	}
	fake, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(fake) == 0 {
		unable(t, "needs libfaketime")
	}
	var specs []lab.HostSpec
	text := "[rdsh]\n"
	for i := range hosts + 2 {
		h := lab.HostSpec{Name: fmt.Sprintf("t%02d", i+1), Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 78, 1, byte(i + 1)})}, Ruleset: handWritten}
		if i >= hosts {
			h.Name, h.Ruleset = fmt.Sprintf("c%d", i-hosts+1), ""
		} else {
			text += fmt.Sprintf("%s ansible_host=%s\n", h.Name, h.Addresses[0])
		}
		specs = append(specs, h)
	}
	d := &duel{t: t}
	text += "[rdsh:vars]\nansible_user=root\nansible_timeout=5\n"
	var err error
	if d.farm, err = lab.Up(t.Context(), lab.Options{Hosts: specs, Self: []string{binary(t)}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.farm.Close() })
	for i := range hosts {
		d.on(i, "cp $(command -v nft) /var/lib/nft && cat >/var/lib/audited && chmod 755 /var/lib/audited && mount --bind /var/lib/audited $(command -v nft) && "+
			"echo "+[]string{"+1h", "-1h"}[i%2]+" >/etc/faketimerc && echo "+fake[0]+" >/etc/ld.so.preload", auditedNft)
		seconds, err := strconv.ParseInt(strings.TrimSpace(d.on(i, "date +%s", "")), 10, 64)
		if off := time.Since(time.Unix(seconds, 0)).Abs(); err != nil || off < 59*time.Minute {
			t.Fatalf("the host's clock is only %v off: %v", off, err)
		}
	}
	// A controller's disk is its own.
	for i := range 2 {
		for name, path := range map[string]string{"farmwall": binary(t), "key": d.farm.KeyFile(), "known_hosts": d.farm.KnownHosts()} {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d.on(hosts+i, "umask 077; cat >/root/"+name+"; chmod u+x /root/"+name, string(content))
		}
		d.on(hosts+i, "umask 077; cat >/root/hosts.ini", text)
	}
	return d
}

// on runs a script on a host, past SSH.
func (d *duel) on(host int, script, input string) string {
	d.t.Helper()
	res, err := d.farm.Hosts()[host].Exec(context.Background(), []string{"sh", "-c", script}, strings.NewReader(input))
	if err != nil || res.Code != 0 {
		d.t.Fatalf("%s: %v, exit %d: %s", script, err, res.Code, res.Stderr)
	}
	return string(res.Stdout)
}

// as runs a verb on a controller (0 or 1) for one host. What is signalled comes from
// signals; -1 is an end by SIGKILL.
func (d *duel) as(controller, host int, signals <-chan os.Signal, args ...string) (string, int) {
	hosts := d.farm.Hosts()
	var out transcript
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	argv := append([]string{"/root/farmwall"}, args...)
	argv = append(argv, "-i", "/root/hosts.ini", "-l", hosts[host].Name, "--state", "/root/state-"+hosts[host].Name,
		"--private-key", "/root/key", "--known-hosts", "/root/known_hosts")
	code, err := hosts[len(hosts)-2+controller].Run(ctx, lab.Command{Argv: argv, Stdout: &out, Stderr: &out, Signals: signals})
	if err != nil {
		d.t.Errorf("farmwall %v: %v", args, err)
	}
	if code == 128+int(syscall.SIGKILL) {
		code = -1
	}
	return out.String(), code
}

// fate is what happens to a controller in a round.
type fate struct {
	what  string // "lives", "killed" or "paused"
	after time.Duration
	pause time.Duration // longer than the lease
}

func (f fate) String() string {
	return fmt.Sprintf("%s after %v", f.what, f.after.Round(time.Millisecond))
}

// signals carries a fate out.
func (f fate) signals(done <-chan struct{}) <-chan os.Signal {
	c := make(chan os.Signal)
	send := func(after time.Duration, s os.Signal) bool {
		select {
		case <-time.After(after):
		case <-done:
			return false
		}
		select {
		case c <- s:
			return true
		case <-done:
			return false
		}
	}
	go func() {
		switch f.what {
		case "killed":
			send(f.after, syscall.SIGKILL)
		case "paused":
			_ = send(f.after, syscall.SIGSTOP) && send(f.pause, syscall.SIGCONT)
		}
	}()
	return c
}

// Two controllers fight for hosts, and are killed and paused for longer than the lease;
// the hosts' clocks are an hour ahead of theirs or behind. There are never two
// writers, no one who wakes up writes, and no host is lost.
func TestLeasesUnderFire(t *testing.T) {
	t.Parallel()
	hosts, rounds := 24, 1
	if os.Getenv("FARMWALL_SOAK") == "1" {
		hosts, rounds = 12, 84
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d rounds", seed, hosts*rounds)
	d := newDuel(t, hosts)
	var mu sync.Mutex
	ends, told := map[string]int{}, 0
	var wait sync.WaitGroup
	for host := range hosts {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(host)))
			for round := range rounds {
				fates := [2]fate{}
				for i := range fates {
					fates[i] = fate{[]string{"lives", "lives", "killed", "paused"}[random.IntN(4)], time.Duration(random.IntN(3000)) * time.Millisecond, 11 * time.Second}
				}
				outs, codes := d.round(host, round, fates)
				mu.Lock()
				ends[fmt.Sprint(codes)]++
				for i, code := range codes {
					if code == exitLease && strings.Contains(outs[i], "by the host's own clock") && strings.Contains(outs[i], fmt.Sprintf("root@c%d", 2-i)) {
						told++
					}
				}
				mu.Unlock()
				d.settle(host, fmt.Sprintf("round %d of %s, %v", round, d.farm.Hosts()[host].Name, fates), outs)
				if t.Failed() {
					return
				}
			}
		})
	}
	wait.Wait()
	if told == 0 {
		t.Error("nobody was told who holds a lease, and since when")
	}
	writes := 0
	for host := range hosts {
		writes += d.audit(host)
	}
	if writes < hosts/2 {
		t.Errorf("only %d loads were noted on %d hosts", writes, hosts)
	}
	t.Logf("%d writes; who lost was told by whom and since when %d times; exit codes: %v", writes, told, ends)
}

// round has both controllers apply rules of their own at the same moment.
func (d *duel) round(host, round int, fates [2]fate) (outs [2]string, codes [2]int) {
	var wait sync.WaitGroup
	for i := range codes {
		wait.Go(func() {
			done := make(chan struct{})
			defer close(done)
			own := fmt.Sprintf(`{"farmwall_rules": [{"id": "c%d", "protocol": "tcp", "port": %d}]}`, i+1, 10000+20000*i+round)
			outs[i], codes[i] = d.as(i, host, fates[i].signals(done), "apply", "-y", "--confirm-timeout", "10s", "-e", own)
			if !slices.Contains([]int{exitOK, exitFailed, exitUnreachable, exitDoubtful, exitStale, exitLease, -1}, codes[i]) {
				d.t.Errorf("controller %d, %v: exit %d\n%s", i+1, fates[i], codes[i], outs[i])
			}
		})
	}
	wait.Wait()
	return outs, codes
}

// settle has both controllers recover, and wants the host to be of one mind.
func (d *duel) settle(host int, round string, outs [2]string) {
	for i := range 2 {
		if out, code := d.as(i, host, nil, "recover"); code != exitOK && code != exitFailed && code != exitStale {
			d.t.Errorf("%s: recover of controller %d: exit %d\n%s\n%s\n%s", round, i+1, code, out, outs[0], outs[1])
		}
	}
	if state := d.on(host, "ls /run/farmwall/token.armed /run/farmwall/token.undoing /run/farmwall/token.confirming 2>/dev/null; true", ""); state != "" {
		d.t.Errorf("%s: the host is still at %s", round, state)
	}
	ruleset := d.on(host, "/var/lib/nft list table inet farmwall 2>/dev/null; true", "")
	one, two := strings.Contains(ruleset, "farmwall:farm:c1:"), strings.Contains(ruleset, "farmwall:farm:c2:")
	if one && two || strings.Contains(ruleset, "farmwall:") && !one && !two {
		d.t.Errorf("%s: the rules are of both, or of none:\n%s", round, ruleset)
	}
	// The host is not lost: either of them can read it, and has something to do or not.
	if out, code := d.as(0, host, nil, "plan"); code != exitOK {
		d.t.Errorf("%s: plan: exit %d\n%s", round, code, out)
	}
}

// audit reads what was loaded on a host, and by whom, and returns how often.
func (d *duel) audit(host int) int {
	name := d.farm.Hosts()[host].Name
	last, until := 0, 0.0
	lines := strings.FieldsFunc(strings.TrimSpace(d.on(host, "cat /var/lib/audit 2>/dev/null; true", "")), func(r rune) bool { return r == '\n' })
	for _, line := range lines {
		parts := strings.Split(line, "|")
		var begin, end float64
		if len(parts) != 4 {
			d.t.Fatalf("%s: %q", name, line)
		}
		if _, err := fmt.Sscan(parts[0], &begin, &end); err != nil {
			d.t.Fatalf("%s: %q: %v", name, line, err)
		}
		lease := map[string]string{}
		for words := strings.Fields(parts[1]); len(words) > 1; words = words[2:] {
			lease[words[0]] = words[1]
		}
		number, _ := strconv.Atoi(lease["number"])
		token := append(strings.Fields(parts[2]), "", "", "")
		switch {
		case begin < until:
			d.t.Errorf("%s: two writers at once: %q begins before %v", name, line, until)
		case number < last:
			d.t.Errorf("%s: lease %d writes after lease %d: %q", name, number, last, line)
		case token[0] != "armed" && token[0] != "undoing":
			d.t.Errorf("%s: somebody writes without a token: %q", name, line)
		case token[1] != lease["number"] || token[2] != lease["run"]:
			d.t.Errorf("%s: the token is not the lease's: %q", name, line)
		case token[0] == "armed" && parts[3] != "farmwall:farm:"+strings.TrimPrefix(lease["controller"], "root@")+":":
			d.t.Errorf("%s: under the lease of %s somebody else's rules are loaded: %q", name, lease["controller"], line)
		}
		last, until = number, end
	}
	return len(lines)
}
