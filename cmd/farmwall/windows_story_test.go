package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

// The whole of the job on Windows hosts: what Linux hosts are tested for, with the
// same verbs.
func TestWindowsStory(t *testing.T) {
	f := winFarmOf(t, 3, winOptions{})
	winStory(t, f)
}

func winStory(t *testing.T, f *winFarm) {
	plan := filepath.Join(f.dir, "plan")
	f.must(exitOK, []string{"ping"}, "http, ntlm, sealed", "profile Domain", "privilege administrator")
	f.must(exitDiffers, []string{"plan", "--detailed-exitcode"}, "gateway-in-tcp-443")
	f.must(exitOK, []string{"plan", "-o", plan})
	f.must(exitOK, []string{"apply", plan}, "changed=")
	f.settled()
	f.must(exitStale, []string{"apply", plan}, "applied before")
	f.must(exitOK, []string{"drift"})
	f.must(exitOK, []string{"verify"}, " 0 closed, 0 unknown")
	// Somebody works by hand: one rule off, one gone, one more that is not ours.
	h := f.hosts[0]
	names := h.ours()
	rule, err := h.Item(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Set(rule, "Enabled", false, true); err != nil {
		t.Fatal(err)
	}
	if err := h.Remove(names[1], true); err != nil {
		t.Fatal(err)
	}
	f.must(exitDiffers, []string{"drift"}, "the host was changed", "differs=1")
	f.must(exitOK, []string{"drift", "--fix"}, "changed=1")
	f.must(exitOK, []string{"drift"})
	f.settled()
	// A change of the inventory is pending for drift, applied, and taken back.
	had := h.ours()
	f.add("farmwall_rules=[{'id': 'more', 'protocol': 'tcp', 'port': 8443, 'remote': '192.0.2.0/24'}]\n")
	f.must(exitOK, []string{"drift"}, "pending")
	f.must(exitOK, []string{"apply", "-y"})
	f.settled()
	f.must(exitOK, []string{"rollback", f.lastRun(), "-y"})
	if now := h.ours(); strings.Join(marksOnly(now), " ") != strings.Join(marksOnly(had), " ") {
		t.Errorf("after the rollback there are\n%s\nnot\n%s", now, had)
	}
	f.untouched()
	// A plan that was made before somebody changed the host is refused.
	f.must(exitOK, []string{"plan", "-o", plan})
	if err := h.Remove(h.ours()[0], true); err != nil {
		t.Fatal(err)
	}
	f.must(exitStale, []string{"apply", plan, "-l", "all"}[:2], "what is ours on the host has changed")
	f.must(exitOK, []string{"remove", "-y"})
	for _, h := range f.hosts {
		if got := h.ours(); len(got) > 0 {
			t.Errorf("%s still has %s", h.Name(), got)
		}
		if got := h.Tasks(); len(got) > 0 {
			t.Errorf("%s still has the tasks %s", h.Name(), got)
		}
	}
	f.untouched()
	if code, out := f.run2("history", "verify", "--state", filepath.Join(f.dir, "state")); code != exitOK {
		t.Errorf("the journal: %s", out)
	}
}

// marksOnly leaves out the numbers that leases add to names.
func marksOnly(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.Join(strings.SplitN(n, ":", 5)[:4], ":"))
	}
	return out
}

// Two controllers: the second is told who has the host, and a third person confirms.
func TestWindowsLeaseAndConfirmByHand(t *testing.T) {
	f := winFarmOf(t, 1, winOptions{})
	done := make(chan int, 1)
	go func() {
		code, _ := f.run("apply", "-y", "--confirm", "manual", "--confirm-timeout", "60s")
		done <- code
	}()
	h := f.hosts[0]
	for end := time.Now().Add(30 * time.Second); len(h.ours()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing happens")
		}
	}
	other := &winFarm{t: t, dir: t.TempDir(), inv: f.inv}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		code, out := other.run("apply", "-y")
		if code == exitLease && strings.Contains(out, "being changed by") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("exit %d\n%s", code, out)
		}
	}
	f.must(exitOK, []string{"confirm", f.lastRun()}, "ok=0 changed=1")
	if code := <-done; code != exitOK {
		t.Errorf("the waiting apply ended with %d", code)
	}
	f.settled()
	// The other journal lacks that run: this is no drift to be taken back.
	if code, out := other.run("drift", "--fix"); code != exitDiffers || !strings.Contains(out, "cause: run ") {
		t.Errorf("exit %d\n%s", code, out)
	}
	f.settled()
}

// A reboot inside the window is an undo, and a switch that fires is one too.
func TestWindowsHostUndoesByItself(t *testing.T) {
	for name, c := range map[string]struct {
		at   string // the write at which it happens
		do   func(*winHost)
		mend func(*winHost)
	}{
		"reboot": {"add", func(h *winHost) { go h.Reboot() }, func(*winHost) {}},
		"cut":    {"add", func(h *winHost) { h.Cut() }, func(h *winHost) { time.Sleep(14 * time.Second); h.Plug() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := winFarmOf(t, 1, winOptions{})
			f.must(exitOK, []string{"apply", "-y"})
			h := f.hosts[0]
			had := marksOnly(h.ours())
			f.add("farmwall_rules=[{'id': 'more', 'protocol': 'tcp', 'port': 8443}, {'id': 'yet-more', 'protocol': 'tcp', 'port': 8444}]\n")
			struck := false
			h.SetFaults(func(f *windows.Faults) {
				f.AfterWrite = func(what, _ string) {
					if what == c.at && !struck {
						struck = true
						c.do(h)
					}
				}
			})
			go c.mend(h)
			f.must(exitFailed, []string{"apply", "-y", "--confirm-timeout", "10s"}, "back in its old state")
			h.SetFaults(func(f *windows.Faults) { *f = windows.Faults{} })
			if now := marksOnly(h.ours()); strings.Join(now, " ") != strings.Join(had, " ") {
				t.Errorf("there are\n%s\nnot\n%s", now, had)
			}
			f.untouched()
			f.must(exitOK, []string{"recover"})
			f.must(exitOK, []string{"apply", "-y"})
			f.settled()
		})
	}
}

// A change that cuts its own line, which nobody could foresee.
func TestWindowsLockOut(t *testing.T) {
	t.Parallel()
	f := winFarmOf(t, 1, winOptions{})
	h := f.hosts[0]
	// Right before the first rule is added somebody blocks the port that farmwall came by
	// for a while, as a group policy does.
	struck := false
	h.SetFaults(func(f *windows.Faults) {
		f.BeforeWrite = func(what, _ string) {
			if what == "add" && !struck {
				struck = true
				go func() {
					time.Sleep(150 * time.Millisecond)
					h.AddEntry("v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=5985|Name=blocked|")
					time.Sleep(14 * time.Second)
					h.Remove("blocked", true)
				}()
				time.Sleep(400 * time.Millisecond)
			}
		}
	})
	f.must(exitFailed, []string{"apply", "-y", "--confirm-timeout", "10s"}, "back in its old state")
	if got := h.ours(); len(got) > 0 {
		t.Errorf("there are %s", got)
	}
	f.untouched()
}

// What a plan can foresee it refuses.
func TestWindowsRefusesToCloseItsOwnLine(t *testing.T) {
	f := winFarmOf(t, 1, winOptions{vars: "farmwall_rules=[{'id': 'winrm', 'protocol': 'tcp', 'port': 5985, 'scope': 'external'}]\n"})
	f.must(exitOK, []string{"apply", "-y"})
	h := f.hosts[0]
	if err := h.Remove("@FirewallAPI.dll,-30253", true); err != nil {
		t.Fatal(err)
	}
	h.before = h.foreign()
	text, _ := os.ReadFile(f.inv)
	without, _, _ := strings.Cut(string(text), "farmwall_rules=")
	if err := os.WriteFile(f.inv, []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
	had := h.ours()
	f.must(exitFailed, []string{"apply", "-y"}, "must stay open")
	if now := h.ours(); strings.Join(now, " ") != strings.Join(had, " ") {
		t.Errorf("there are\n%s\nnot\n%s", now, had)
	}
	f.untouched()
}
