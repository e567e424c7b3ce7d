package windows_test

import (
	"slices"
	"testing"
	"time"

	lab "farmwall/transport/lab/windows"
)

func TestAChangeIsAppliedAndConfirmed(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.Foreign(lab.Server2019, lab.BuiltIn(lab.Server2019), 600)})
	foreign := m.Local()
	first := m.observe()
	if first.Lease.Number != 0 || first.Token.State != "" || first.Folder != "" || len(m.files()) != 0 {
		t.Fatalf("a new host is seen as %+v with files %v", first.Lease, m.files())
	}

	m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
	s := m.observe()
	if look := m.look(); s.Ours != look.Ours || s.Rest != look.Rest {
		t.Fatalf("the fingerprints are %s %s, not %s %s", s.Ours, s.Rest, look.Ours, look.Rest)
	}
	m.mustBe("+"+markA+":1", "+"+markC+":1")
	if s.Lease.Number != 1 || s.Token.State != "done" || s.Record.Run != "run-1" || s.Record.Time != "2026-11-23T13:20:00Z" || s.Switch != "" {
		t.Fatalf("after the confirm: %+v %+v %+v, tasks %q", s.Lease, s.Token, s.Record, s.Switch)
	}

	r := m.change("applied", plan(s, 5*time.Minute, []object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"}))
	m.mustBe("+"+markB+":2", "+"+markC+":1", "-"+markA+":1")
	if during := m.observe(); during.Token.State != "armed" || during.Token.LeftMS <= 0 || during.Token.LeftMS > 300000 ||
		during.Switch != "farmwall-switch farmwall-boot" || during.Ours != r.Ours || during.Ours == s.Ours || during.Rest != s.Rest {
		t.Fatalf("while armed: %+v, tasks %q", during.Token, during.Switch)
	}
	done := m.ask(t.Context(), "confirm", confirmation(2))
	m.expect(done, "confirmed")
	m.mustBe("+"+markB+":2", "+"+markC+":1")
	if again := m.ask(t.Context(), "confirm", confirmation(2)); again.Result != "confirmed" || again.Ours != done.Ours {
		t.Fatalf("a second confirm: %+v", again)
	}
	if !slices.Equal(m.Others("farmwall:"), foreign) {
		t.Fatal("foreign rules were touched")
	}
	if files := m.files(); !slices.Equal(files, []string{"before.2", "confirmed.2", "holder", "lease", "lock", "record", "token.done"}) {
		t.Fatalf("left on the host: %v", files)
	}
}

func TestASwitchThatIsNotConfirmedFires(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
	before := m.observe()
	all := m.Local()
	m.change("applied", plan(before, 20*time.Second, []object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"}))
	m.mustBe("+"+markB+":2", "+"+markC+":1", "-"+markA+":1")
	m.settled(time.Minute)
	if !slices.Equal(m.Local(), all) {
		t.Fatalf("the undo left\n%v\n%s", m.names(), m.log())
	}
	after := m.observe()
	if after.Ours != before.Ours || after.Rest != before.Rest || after.Lease.Number != 2 || after.Token.State != "done" || after.Record != before.Record {
		t.Fatalf("after the undo: %+v", after)
	}
	m.expect(m.ask(t.Context(), "confirm", confirmation(2)), "too-late")
	m.expect(m.ask(t.Context(), "revert", reversion(2)), "undone")
	m.expect(m.ask(t.Context(), "recover", object{"format": 1}), "idle")
}
