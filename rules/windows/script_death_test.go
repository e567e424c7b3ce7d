package windows_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"farmwall/rules/windows"
	lab "farmwall/transport/lab/windows"
)

// dying is a script that kills its own process at a comment of its text.
func dying(t *testing.T, name, at string) string {
	t.Helper()
	text := windows.Body(name)
	if strings.Count(text, "# "+at+"\n") != 1 {
		t.Fatalf("%s has no one place %q", name, at)
	}
	return strings.Replace(text, "# "+at+"\n", "[Diagnostics.Process]::GetCurrentProcess().Kill()\n", 1)
}

func TestAChangeThatDiesIsUndone(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
	all := m.Local()
	for _, at := range points("lease taken", "undo staged", "tasks registered", "switch ready", "about to write", "one added", "one disabled", "all written", "written") {
		t.Run(at, func(t *testing.T) {
			m.t = t
			request := plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"})
			if r := m.askText(dying(t, "change", at), request); r.Result != "" {
				t.Fatalf("it did not die: %+v", r)
			}
			if wrote := !slices.Equal(m.Local(), all); wrote != slices.Contains([]string{"one added", "one disabled", "all written", "written"}, at) {
				t.Fatalf("at %q the rules are %v", at, m.names())
			}
			waiting, err := filepath.Glob(filepath.Join(m.Folder(), "wait.*"))
			if err != nil || len(waiting) > 1 {
				t.Fatal(waiting, err)
			}
			switch {
			case at == "tasks registered":
				m.expect(m.ask(t.Context(), "revert", reversion(m.look().Lease.Number)), "undone")
			case len(waiting) == 1:
				os.Remove(waiting[0]) // as revert does
				m.settled(time.Minute)
			}
			if !slices.Equal(m.Local(), all) {
				t.Fatalf("left: %v\n%s", m.names(), m.log())
			}
		})
	}
	m.t = t
	m.applied([]object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"})
}

func TestATokenWithoutASwitchEndsWithItsWindow(t *testing.T) {
	soak(t)
	t.Parallel()
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	if r := m.askText(dying(t, "change", "armed"), plan(m.look(), 30*time.Second, []object{addition(markA, "443")}, nil, nil)); r.Result != "" {
		t.Fatalf("it did not die: %+v", r)
	}
	during := m.ask(t.Context(), "recover", object{"format": 1})
	late := m.ask(t.Context(), "change", plan(m.look(), 5*time.Minute, []object{addition(markA, "443")}, nil, nil))
	if during.Result != "pending" || late.Result != "taken" || late.Holder != "adm@ctl run run-1" {
		t.Fatalf("while armed: %+v, another change: %+v", during, late)
	}
	time.Sleep(time.Duration(late.LeftMS) * time.Millisecond)
	m.expect(m.ask(t.Context(), "recover", object{"format": 1}), "undone")
	m.applied([]object{addition(markA, "443")}, nil, nil)
	m.mustBe("+" + markA + ":2")
}

func TestAConfirmThatDiesIsFinished(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	mark, other := markA, markB
	m.applied([]object{addition(mark, "443")}, nil, nil)
	for i, at := range points("record staged", "confirm won", "old rules removed", "record written", "confirmed", "token done") {
		t.Run(at, func(t *testing.T) {
			m.t = t
			old := m.Named("farmwall:")
			r := m.change("applied", plan(m.look(), 5*time.Minute, []object{addition(other, "443")}, nil, []string{field(old[0], "Name")}))
			if c := m.askText(dying(t, "confirm", at), confirmation(r.Lease)); c.Result != "" {
				t.Fatalf("it did not die: %+v", c)
			}
			recovered := m.ask(t.Context(), "recover", object{"format": 1})
			want := "confirmed"
			switch at {
			case "record staged":
				m.expect(recovered, "pending")
				recovered = m.ask(t.Context(), "confirm", confirmation(r.Lease))
			case "token done":
				want = "idle"
			}
			m.expect(recovered, want)
			m.mustBe("+" + other + ":" + field(m.Named("farmwall:")[0], "Name")[len(other)+1:])
			s := m.observe()
			if s.Lease.Number != i+2 || s.Token.State != "done" || s.Record.Run != "run-1" || s.Switch != "" {
				t.Fatalf("after recover: %+v", s)
			}
			mark, other = other, mark
		})
	}
}

func TestAnUndoThatDiesIsFinished(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443")}, nil, nil)
	all := m.Local()
	for _, at := range []string{"undo loaded", "token done"} {
		t.Run(at, func(t *testing.T) {
			m.t = t
			// The switch runs the same text, and dies of it.
			r := m.askText(dying(t, "change", at), plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}))
			m.expect(r, "applied")
			os.Remove(filepath.Join(m.Folder(), "wait."+itoa(r.Lease)))
			for end := time.Now().Add(time.Minute); !slices.Equal(m.Local(), all); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("not undone: %v\n%s", m.names(), m.log())
				}
			}
			time.Sleep(500 * time.Millisecond)
			want := "undone"
			if at == "token done" {
				want = "idle"
			}
			m.expect(m.ask(t.Context(), "recover", object{"format": 1}), want)
			m.settled(time.Second)
			if !slices.Equal(m.Local(), all) {
				t.Fatalf("left: %v", m.names())
			}
		})
	}
}

func TestAHostThatBootsInsideTheWindowUndoes(t *testing.T) {
	t.Parallel()
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443")}, nil, nil)
	all := m.Local()
	for _, late := range []time.Duration{0, 4 * time.Second} {
		m.SetFaults(func(f *lab.Faults) { f.LateFirewall = late })
		r := m.change("applied", plan(m.look(), 10*5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}))
		m.Reboot()
		m.settled(time.Minute)
		if !slices.Equal(m.Local(), all) {
			t.Fatalf("left after the boot: %v\n%s", m.names(), m.log())
		}
		m.expect(m.ask(t.Context(), "confirm", confirmation(r.Lease)), "too-late")
		if s := m.observe(); s.Lease.SinceMS != 0 || s.Lease.Number != r.Lease {
			t.Fatalf("the lease of before the boot: %+v", s.Lease)
		}
	}
	// A confirm that was won is finished at boot, never undone.
	r := m.change("applied", plan(m.look(), 10*5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}))
	m.askText(dying(t, "confirm", "confirm won"), confirmation(r.Lease))
	m.Reboot()
	m.settled(time.Minute)
	m.mustBe("+" + markB + ":" + itoa(r.Lease))
}

func TestAnApplyThatHangsPastTheWindowIsEnded(t *testing.T) {
	soak(t)
	t.Parallel()
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443")}, nil, nil)
	all := m.Local()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	hung := make(chan struct{})
	m.SetFaults(func(f *lab.Faults) {
		f.AfterWrite = func(what, rule string) {
			if what == "add" && strings.HasPrefix(rule, markB) {
				close(hung)
				<-ctx.Done()
			}
		}
	})
	ended := make(chan report)
	request := plan(m.look(), 20*time.Second, []object{addition(markB, "443"), addition(markC, "3389")}, nil, []string{markA + ":1"})
	go func() { ended <- m.ask(t.Context(), "change", request) }()
	select {
	case <-hung:
	case r := <-ended:
		t.Fatalf("it did not hang: %+v\n%s", r, m.log())
	}
	m.settled(time.Minute)
	if r := <-ended; r.Result != "" {
		t.Fatalf("the apply answered %+v", r)
	}
	stop()
	if !slices.Equal(m.Local(), all) {
		t.Fatalf("left: %v\n%s", m.names(), m.log())
	}
	if !bytes.Contains([]byte(m.log()), []byte("ending the change that holds the lock")) {
		t.Fatalf("the log:\n%s", m.log())
	}
}
