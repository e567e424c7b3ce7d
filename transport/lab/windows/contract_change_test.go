package windows_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

func TestContractChangeAndConfirm(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		foreign := m.Local()
		s := m.applied([]object{addition(markA, "80,443"), addition(markC, "3389")}, nil, nil)
		m.mustBe("+"+markA+":1", "+"+markC+":1")
		if s.Lease.Number != 1 || s.Token.State != "done" || s.Switch != "" ||
			!maps.Equal(s.Record, map[string]string{"run": "run-1", "controller": "u@c", "digest": strings.Repeat("d", 64), "time": "2026-11-23T13:20:00Z"}) {
			t.Fatalf("after the confirm: %+v", s)
		}
		r := m.must("change", request(s, 10*time.Minute, []object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"}), "applied")
		m.mustBe("+"+markB+":2", "+"+markC+":1", "-"+markA+":1")
		during := m.observe()
		if during.Token.State != "armed" || during.Token.LeftMS <= 0 || during.Token.LeftMS > 600_000 || during.Switch != "farmwall-switch farmwall-boot" || during.Ours != r.Ours || during.Ours == s.Ours || during.Rest != s.Rest {
			t.Fatalf("while armed: %+v, answer %+v", during, r)
		}
		if during.Lease.Holder != "u@c run run-1" || during.Lease.Run != "run-1" {
			t.Fatalf("the lease is %+v", during.Lease)
		}
		m.must("confirm", object{"format": 1, "run": "other", "controller": "u@c", "lease": 2, "time": "2026-11-23T13:20:00Z"}, "refused")
		done := m.must("confirm", confirmation(2), "confirmed")
		m.mustBe("+"+markB+":2", "+"+markC+":1")
		if again := m.must("confirm", confirmation(2), "confirmed"); again.Ours != done.Ours || done.Ours != m.observe().Ours {
			t.Fatalf("a second confirm: %+v", again)
		}
		m.must("revert", reversion(2), "too-late")
		m.must("recover", object{"format": 1}, "idle")
		if !slices.Equal(m.Others("farmwall:"), foreign) {
			t.Fatal("foreign rules were touched")
		}
	})
}

func TestContractSwitchFires(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		m.must("change", request(before, m.window(), []object{addition(markB, "443")}, nil, []string{markA + ":1"}), "applied")
		m.mustBe("+"+markB+":2", "-"+markA+":1")
		after := m.settled(90 * time.Second)
		if !slices.Equal(m.Local(), all) {
			t.Fatalf("the undo left %v", m.names())
		}
		if after.Ours != before.Ours || after.Rest != before.Rest || after.Lease.Number != 2 || !maps.Equal(after.Record, before.Record) {
			t.Fatalf("after the undo: %+v", after)
		}
		m.must("confirm", confirmation(2), "too-late")
		m.must("revert", reversion(2), "undone")
		m.must("recover", object{"format": 1}, "idle")
	})
}

func TestContractRevert(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		m.must("revert", reversion(7), "taken")
		m.must("change", request(before, 10*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}), "applied")
		if r := m.must("revert", reversion(2), "undone"); r.Ours != before.Ours {
			t.Fatalf("revert: %+v, was %s", r, before.Ours)
		}
		if !slices.Equal(m.Local(), all) || len(m.Tasks()) != 0 {
			t.Fatalf("the revert left %v, tasks %v", m.names(), m.Tasks())
		}
		m.must("confirm", confirmation(2), "too-late")
	})
}

func TestContractNothingKnown(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		m.must("revert", reversion(1), "pending")
		m.must("confirm", confirmation(1), "too-late")
		m.must("recover", object{"format": 1}, "idle")
	})
}

func TestContractStaleAndTaken(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		s := m.applied([]object{addition(markA, "443")}, nil, nil)
		old := s
		old.Lease.Number = 0
		if r := m.must("change", request(old, 10*time.Minute, nil, []string{markA + ":1"}, nil), "taken"); r.Lease != 1 || r.Holder != "u@c run run-1" {
			t.Fatalf("taken: %+v", r)
		}
		m.EditRules(func(all []windows.Entry) []windows.Entry {
			return append(all, windows.Entry{ID: "{B}", Text: "v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=443|Name=block|"})
		})
		r := m.must("change", request(s, 10*time.Minute, nil, []string{markA + ":1"}, nil), "stale-rest")
		s = m.observe()
		if r.Lease != s.Lease.Number || s.Token.State == "armed" {
			t.Fatalf("after stale: %+v", s)
		}
		old = s
		m.EditRules(func(all []windows.Entry) []windows.Entry {
			for i := range all {
				all[i].Text = strings.Replace(all[i].Text, "LPort=443|RA4=10.0.0.0", "LPort=444|RA4=10.0.0.0", 1)
			}
			return all
		})
		writes := m.Writes()
		m.must("change", request(old, 10*time.Minute, nil, []string{markA + ":1"}, nil), "stale-ours")
		if m.Writes() != writes {
			t.Fatal("a stale change wrote")
		}
		s = m.observe()
		m.must("change", request(s, 10*time.Minute, []object{addition(markB, "80")}, []string{markA + ":1"}, nil), "applied")
		live := m.observe()
		if r := m.must("change", request(live, 10*time.Minute, nil, nil, nil), "taken"); r.LeftMS == 0 {
			t.Fatalf("a live change has nothing left: %+v", r)
		}
		m.must("confirm", confirmation(live.Lease.Number), "confirmed")
	})
}

func TestContractRefused(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		s := m.applied([]object{addition(markA, "443")}, nil, nil)
		for name, q := range map[string]object{
			"a rule that the target forgets": request(s, 10*time.Minute, nil, nil, nil),
			"a rule that is not here":        request(s, 10*time.Minute, nil, []string{markA + ":1", markB + ":9"}, nil),
			"ports that are none":            request(s, 10*time.Minute, []object{addition(markB, "90-80")}, []string{markA + ":1"}, nil),
			"nobody to open to":              request(s, 10*time.Minute, []object{{"mark": markB, "part": 0, "description": "", "direction": 1, "protocol": 6, "local_ports": "80", "remote_ports": "", "remote_addresses": ""}}, []string{markA + ":1"}, nil),
		} {
			q["lease"] = m.observe().Lease.Number
			writes := m.Writes()
			m.must("change", q, "refused")
			if m.Writes() != writes || len(m.Tasks()) != 0 {
				t.Fatalf("%s: written, or tasks left %v", name, m.Tasks())
			}
		}
		q := request(m.observe(), 10*time.Minute, nil, []string{markA + ":1"}, nil)
		q["undo"] = object{"format": 1, "rules": []object{}}
		m.must("change", q, "refused")
		for _, bad := range []object{{"format": 2}, {"format": 1}, {}} {
			if r, err := m.ask(t.Context(), "change", bad); !exitError(err) {
				t.Fatalf("%v: %+v, %v", bad, r, err)
			}
		}
	})
}

func TestContractTwins(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		m.applied([]object{addition(markA, "443")}, nil, nil)
		m.EditRules(func(all []windows.Entry) []windows.Entry {
			twin := all[len(all)-1]
			return append(all, windows.Entry{ID: "{T1}", Text: twin.Text}, windows.Entry{ID: "{T2}", Text: twin.Text})
		})
		s := m.observe()
		all := m.Local()
		name := markA + ":1"
		m.must("change", request(s, 10*time.Minute, nil, []string{name}, []string{name, name}), "applied")
		m.mustBe("+"+name, "-"+name, "-"+name)
		m.must("revert", reversion(2), "undone")
		if !slices.Equal(m.Local(), all) {
			t.Fatalf("the undo left %v", m.Named("farmwall:"))
		}
		s = m.observe()
		m.must("change", request(s, 10*time.Minute, nil, []string{name}, []string{name, name}), "applied")
		m.must("confirm", confirmation(3), "confirmed")
		m.mustBe("+" + name)
	})
}

func TestContractParts(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		a, b := addition(markA, "443"), addition(markA, "443")
		b["part"], b["remote_addresses"] = 1, "192.0.2.0/24,2001:db8::/64"
		m.applied([]object{a, b}, nil, nil)
		m.mustBe("+"+markA+":1", "+"+markA+":1:1")
		s := m.observe()
		m.must("change", request(s, 10*time.Minute, nil, nil, []string{markA + ":1", markA + ":1:1"}), "applied")
		m.mustBe("-"+markA+":1", "-"+markA+":1:1")
		m.must("confirm", confirmation(2), "confirmed")
		m.mustBe()
	})
}

// A script that hangs until its window has gone changes nothing, and what the switch
// has ended writes no more.
func TestContractLateApply(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		hung := make(chan struct{})
		m.SetFaults(func(f *windows.Faults) {
			f.BeforeWrite = func(what, rule string) {
				if what == "add" && strings.HasPrefix(rule, markC) {
					<-hung
				}
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan error, 1)
		go func() {
			r, err := m.ask(ctx, "change", request(before, m.window(), []object{addition(markB, "443"), addition(markC, "80")}, nil, []string{markA + ":1"}))
			if err == nil && r.Result == "applied" {
				t.Errorf("the late apply answered %+v", r)
			}
			ended <- err
		}()
		for len(m.Tasks()) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if m.engine == windows.Model { // it has no process that could be ended
			time.AfterFunc(m.window()+3*time.Second, func() { close(hung) })
		} else {
			defer close(hung)
		}
		m.settled(2 * time.Minute)
		<-ended
		if !slices.Equal(m.Local(), all) {
			t.Fatalf("left: %v", m.names())
		}
	})
}
