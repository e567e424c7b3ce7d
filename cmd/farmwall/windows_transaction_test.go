//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"farmwall/transport/lab/windows"
)

// winSessionHosts brings up so many Windows session hosts that all open port 8443; where
// one is spoilt (counted from 1), a block rule of somebody else's closes it there.
func winSessionHosts(t *testing.T, n, spoilt int, vars string) *winFarm {
	roles := make([]string, n)
	for i := range roles {
		roles[i] = "rdsh"
	}
	made := 0
	return winFarmOf(t, n, winOptions{roles: roles, rules: windows.Foreign("", windows.BuiltIn(""), 20),
		vars: vars + "farmwall_rules=[{'id': 'more', 'protocol': 'tcp', 'port': 8443, 'scope': 'external'}]\n",
		host: func(o *windows.Options) {
			if made++; made == spoilt {
				o.Rules = append(o.Rules[:len(o.Rules):len(o.Rules)], windows.Entry{ID: "audit", Text: "v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=8443|Name=audit|"})
			}
		}})
}

// states are the firewall rules of each host, the lease numbers in our names aside.
func (f *winFarm) states() []string {
	var all []string
	for _, h := range f.hosts {
		list := h.foreign()
		for _, text := range h.some(true) {
			_, rule, _ := strings.Cut(text, " ") // the value's name is Windows' own choice
			before, name, _ := strings.Cut(rule, "|Name=")
			name, after, _ := strings.Cut(name, "|")
			list = append(list, before+"|Name="+strings.Join(strings.SplitN(name, ":", 5)[:4], ":")+"|"+after)
		}
		slices.Sort(list)
		all = append(all, strings.Join(list, "\n"))
	}
	return all
}

// The same as on Linux: 20 hosts, and host 12 fails its verdict after its apply. An
// ordinary run has 6, and host 4.
func TestAWindowsRunIsOneTransaction(t *testing.T) {
	t.Parallel()
	hosts, serial, spoilt, newest := 6, "1,2,3", 4, "taking back 3 hosts"
	if os.Getenv("FARMWALL_SOAK") == "1" {
		hosts, serial, spoilt, newest = 20, "1,5,14", 12, "taking back 14 hosts"
	}
	f := winSessionHosts(t, hosts, spoilt, "")
	before := f.states()
	f.must(exitFailed, []string{"apply", "-y", "--serial", serial, "--on-fail", "run"}, fmt.Sprintf("restored=%d", hosts), "8443", newest)
	same(t, before, f.states())
	f.must(exitOK, []string{"recover"}, "ok=0 changed=0")
	f.untouched()
}

// A host dies in its change; recover finishes it when it is back.
func TestAWindowsHostDiesInATransaction(t *testing.T) {
	t.Parallel()
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("make soak runs this: what waits for the dead is tested on Linux, too")
	}
	const hosts, serial, dies = 20, "1,5,14", 12
	f := winSessionHosts(t, hosts, 0, "ansible_winrm_operation_timeout_sec=3\n") // nobody waits long for the dead
	before := f.states()
	dead := f.hosts[dies-1]
	var once sync.Once
	dead.SetFaults(func(faults *windows.Faults) {
		faults.AfterWrite = func(string, string) { once.Do(func() { go dead.Off() }) }
	})
	f.must(exitDoubtful, []string{"apply", "-y", "--serial", serial, "--on-fail", "run", "--confirm-timeout", "10s"}, fmt.Sprintf("restored=%d", hosts-1), "doubtful=1")
	dead.SetFaults(func(faults *windows.Faults) { faults.AfterWrite = nil })
	dead.On()
	f.must(exitOK, []string{"plan"}, "`farmwall recover`")
	f.must(exitFailed, []string{"recover"}, "restored=1", fmt.Sprintf("w%d", dies))
	same(t, before, f.states())
	f.must(exitOK, []string{"recover"}, "ok=0 changed=0 unreachable=0 failed=0")
	f.untouched()
}

// The controller is killed at every write of the journal, as on Linux.
func TestTheControllerOfWindowsHostsIsKilledAtEveryWrite(t *testing.T) {
	for name, spoilt := range map[string]int{"goes well": 0, "taken back": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts, serial := 4, "1,1,2"
			if os.Getenv("FARMWALL_SOAK") == "1" {
				hosts, serial = 20, "1,5,14"
				if spoilt > 0 {
					spoilt = 12
				}
			}
			f := winSessionHosts(t, hosts, spoilt, "")
			b := &breakable{t: t, dir: f.dir, dying: dyingBinary(t), hosts: hosts, states: f.states, flags: []string{"--serial", serial}}
			if spoilt > 0 {
				b.flags, b.failed = append(b.flags, "--on-fail", "run"), 3
			}
			b.verb = func(program, env string, args ...string) (string, int) {
				if env != "-" {
					args = append(args, "-i", f.inv, "--known-tls", filepath.Join(f.dir, "known_tls"))
				}
				c := exec.CommandContext(t.Context(), program, args...)
				c.Env = append(os.Environ(), env)
				var out bytes.Buffer
				c.Stdout, c.Stderr = &out, &out
				err := c.Run()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				return out.String(), c.ProcessState.ExitCode()
			}
			b.atEveryWrite(3)
			f.untouched()
		})
	}
}
