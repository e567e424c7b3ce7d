package windows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

func TestContractRebootInsideTheWindow(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain, Faults: windows.Faults{LateFirewall: 1500 * time.Millisecond}}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		m.must("change", request(before, 10*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}), "applied")
		m.Reboot()
		after := m.settled(90 * time.Second)
		if !slices.Equal(m.Local(), all) || after.Ours != before.Ours || after.Boot == before.Boot || after.UptimeMS > before.UptimeMS+60_000 {
			t.Fatalf("after the boot: %v, %+v", m.names(), after)
		}
		m.must("confirm", confirmation(2), "too-late")
	})
}

// The power goes at every write of a change, of the undo and of the confirm: the host
// comes back in its old or in its new state.
func TestContractPowerGoesAtEachWrite(t *testing.T) {
	type step struct{ name, what string }
	for _, at := range []step{{"first add", "add"}, {"first disable", "set enabled"}, {"first remove", "remove"}} {
		t.Run(at.name, func(t *testing.T) {
			onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
				before := m.applied([]object{addition(markA, "443")}, nil, nil)
				all := m.Local()
				cut := false
				m.SetFaults(func(f *windows.Faults) {
					f.AfterWrite = func(what, rule string) {
						if what == at.what && !cut && strings.HasPrefix(rule, "farmwall:") {
							cut = true
							m.Off()
						}
					}
				})
				_, err := m.ask(t.Context(), "change", request(before, 10*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}))
				confirmed := at.what == "remove"
				if confirmed {
					if err != nil {
						t.Fatal(err)
					}
					_, err = m.ask(t.Context(), "confirm", confirmation(2))
				}
				if err == nil || m.Power() != "off" {
					t.Fatalf("the power did not go: %v", err)
				}
				m.On()
				s := m.settled(90 * time.Second)
				if confirmed {
					m.mustBe("+" + markB + ":2")
					if s.Record["run"] != "run-1" {
						t.Fatalf("the record is %v", s.Record)
					}
					m.must("confirm", confirmation(2), "confirmed")
				} else if !slices.Equal(m.Local(), all) {
					t.Fatalf("left: %v", m.names())
				}
			})
		})
	}
}

func TestContractRecover(t *testing.T) {
	// Without a task scheduler at boot nothing undoes by itself.
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		m.must("change", request(before, 10*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}), "applied")
		m.must("recover", object{"format": 1}, "pending")
		m.SetFaults(func(f *windows.Faults) { f.BrokenTasks = true })
		m.Reboot()
		m.SetFaults(func(f *windows.Faults) { f.BrokenTasks = false })
		time.Sleep(300 * time.Millisecond)
		m.mustBe("+"+markB+":2", "-"+markA+":1")
		m.must("recover", object{"format": 1}, "undone")
		if !slices.Equal(m.Local(), all) || len(m.Tasks()) != 0 {
			t.Fatalf("left: %v, %v", m.names(), m.Tasks())
		}
		m.must("recover", object{"format": 1}, "idle")
	})
}

// A reboot in the middle of a change that takes no time: what ran before it writes no
// more, though the host is on.
func TestContractQuickReboot(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		once := false
		var added []string
		m.SetFaults(func(f *windows.Faults) {
			f.BeforeWrite = func(what, rule string) {
				if what == "add" && strings.HasPrefix(rule, markC) && !once {
					once = true
					m.Reboot()
				}
			}
			f.AfterWrite = func(what, rule string) {
				if what == "add" {
					added = append(added, rule)
				}
			}
		})
		if r, err := m.ask(t.Context(), "change", request(before, 10*time.Minute, []object{addition(markB, "443"), addition(markC, "80")}, nil, []string{markA + ":1"})); err == nil {
			t.Fatalf("it answered %+v", r)
		}
		m.settled(90 * time.Second)
		if !slices.Equal(m.Local(), all) || !slices.Equal(added, []string{markB + ":2"}) {
			t.Fatalf("added %v, left %v", added, m.names())
		}
	})
}
