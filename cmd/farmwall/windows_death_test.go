package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

// The controller dies at each write to the host, by SIGKILL: the host ends in its old
// state or in its new one, and the next run completes the journal.
func TestWindowsControllerDies(t *testing.T) {
	// An old rule goes and two new ones come, so there are writes of every kind.
	const before = "farmwall_rules=[{'id': 'old', 'protocol': 'tcp', 'port': 8442}]\n"
	const after = "farmwall_rules=[{'id': 'more', 'protocol': 'tcp', 'port': 8443}, {'id': 'yet-more', 'protocol': 'tcp', 'port': 8444}]\n"
	for n := range 12 {
		t.Run(fmt.Sprint("write ", n), func(t *testing.T) {
			t.Parallel()
			f := winFarmOf(t, 1, winOptions{vars: before})
			f.must(exitOK, []string{"apply", "-y"})
			h := f.hosts[0]
			old := marksOnly(h.ours())
			f.add(after)
			c := exec.Command(binary(t), append([]string{"apply", "-y", "--confirm-timeout", "10s"}, f.flags()...)...)
			var out bytes.Buffer
			c.Stdout, c.Stderr = &out, &out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			var writes atomic.Int32
			h.SetFaults(func(f *windows.Faults) {
				f.BeforeWrite = func(string, string) {
					if int(writes.Add(1))-1 == n {
						c.Process.Kill()
					}
				}
			})
			err := c.Wait()
			if err == nil {
				return // it was through before so many writes
			}
			h.SetFaults(func(f *windows.Faults) { f.BeforeWrite = nil })
			for end := time.Now().Add(40 * time.Second); len(h.Tasks()) > 0; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("the switch is still there: %s\n%s", h.Tasks(), h.TaskOutput("farmwall-switch"))
				}
			}
			now := marksOnly(h.ours())
			isOld, isNew := strings.Join(now, " ") == strings.Join(old, " "), len(now) == len(old)+1 && !strings.Contains(strings.Join(now, " "), ":old:")
			if !isOld && !isNew {
				t.Errorf("between the states:\n%s\nbefore:\n%s", now, old)
			}
			f.untouched()
			if code, out := f.run("recover"); code != exitOK && code != exitFailed {
				t.Errorf("recover: exit %d\n%s", code, out)
			}
			f.must(exitOK, []string{"apply", "-y"})
			f.settled()
		})
	}
}
