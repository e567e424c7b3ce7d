package windows_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	lab "farmwall/transport/lab/windows"
)

func TestAHostThatCannotTakeAChangeRefusesIt(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443")}, nil, nil)
	all := m.Local()
	bad := addition(markC, "3389")
	none := addition(markC, "3389")
	none["remote_addresses"] = ""
	pipe := addition(markC, "80-70")
	refused := object{"format": 1, "keep": []string{}, "add": []object{}, "off": []string{}, "refuse": "the saved undo holds what COM cannot make"}
	for _, c := range []struct {
		name    string
		message string
		faults  func(*lab.Faults)
		service string
		request func(object)
	}{
		{name: "no administrator", message: "only an administrator", faults: func(f *lab.Faults) { f.NotAdmin = true }},
		{name: "folder of somebody else", message: "belongs to S-1-5-21-9", faults: func(f *lab.Faults) { f.FolderOwner = "S-1-5-21-9" }},
		{name: "Task Scheduler stopped", message: "Task Scheduler (service Schedule) does not run", service: "Schedule"},
		{name: "firewall stopped", message: "service MpsSvc is stopped", service: "MpsSvc"},
		{name: "tasks do nothing", message: "the switch did not become ready in time", faults: func(f *lab.Faults) { f.BrokenTasks = true }, request: func(r object) { r["window_ms"] = 4000 }},
		{name: "full disk", message: "full", faults: func(f *lab.Faults) { f.FullDisk = true }},
		{name: "no remote addresses", message: "has no remote addresses", request: func(r object) { r["target"].(object)["add"] = []object{none} }},
		{name: "bad ports", message: "LocalPorts cannot be", request: func(r object) { r["target"].(object)["add"] = []object{pipe} }},
		{name: "rule in neither list", message: "1 rules called " + markA + ":1, and the plan speaks of 0", request: func(r object) { r["target"].(object)["keep"] = []string{} }},
		{name: "rule that is not here", message: markC + ":9 is not here", request: func(r object) { r["target"].(object)["off"] = []string{markC + ":9"} }},
		{name: "undo of another host", message: "the undo that was sent", request: func(r object) { r["undo"] = object{"format": 1, "rules": []object{}} }},
		{name: "refused copy", message: "COM cannot make", request: func(r object) { r["target"] = refused }},
		{name: "run", message: "no good run", request: func(r object) { r["run"] = "x;$(calc)" }},
		{name: "window", message: "no good window_ms", request: func(r object) { r["window_ms"] = "1" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.t = t
			request := plan(m.look(), 5*time.Minute, []object{bad}, []string{markA + ":1"}, nil)
			if c.request != nil {
				c.request(request)
			}
			if c.faults != nil {
				m.SetFaults(c.faults)
			}
			if c.service != "" {
				m.SetService(c.service, "Stopped")
			}
			r := m.ask(t.Context(), "change", request)
			m.SetFaults(func(f *lab.Faults) { *f = lab.Faults{} })
			if c.service != "" {
				m.SetService(c.service, "Running")
			}
			if r.Result != "refused" && !(r.Result == "" && (c.name == "run" || c.name == "window")) || !strings.Contains(r.Message, c.message) {
				t.Fatalf("answered %+v", r)
			}
			if !slices.Equal(m.Local(), all) || len(m.Tasks()) != 0 {
				t.Fatalf("the host changed: %v, tasks %v", m.names(), m.Tasks())
			}
			if slices.Contains(m.files(), "token.armed") {
				t.Fatalf("left: %v", m.files())
			}
		})
	}
}

func TestAHostThatMovedIsStale(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	s := m.applied([]object{addition(markA, "443")}, nil, nil)
	request := plan(s, 5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"})
	block := lab.Entry{ID: "{B}", Text: "v2.29|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=443|Name=Blocked|"}
	m.EditRules(func(e []lab.Entry) []lab.Entry { return append(e, block) })
	m.change("stale-rest", request)
	m.EditRules(func(e []lab.Entry) []lab.Entry {
		for i := range e {
			if strings.Contains(e[i].Text, markA) {
				e[i].Text = strings.Replace(e[i].Text, "LPort=443", "LPort=444", 1)
			}
		}
		return e
	})
	all := m.Local()
	request["lease"] = 2
	m.change("stale-ours", request)
	// A script that comes late or twice finds another number.
	request["lease"] = 1
	r := m.change("taken", request)
	if r.Lease != 3 || r.Holder != "adm@ctl run run-1" || !slices.Equal(m.Local(), all) {
		t.Fatalf("a late change: %+v, %v", r, m.names())
	}
}

func TestAFirewallThatFailsBetweenTwoWritesIsUndone(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
	all := m.Local()
	for _, c := range []struct {
		name, message string
		faults        func(*lab.Faults)
	}{
		{"access denied on Add only", "0x80070005", func(f *lab.Faults) { f.DenyAdd = true }},
		{"service stops between two writes", "0x800706D9", func(f *lab.Faults) { f.StopAfterWrites = 1 }},
		{"another writer adds a twin", "read back", func(f *lab.Faults) { f.TwinOnAdd = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.t = t
			m.SetFaults(c.faults)
			request := plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1", markC + ":1"})
			r := m.change("failed", request)
			if !strings.Contains(r.Message, c.message) {
				t.Errorf("it says %q", r.Message)
			}
			time.Sleep(time.Second)
			m.SetService("MpsSvc", "Running")
			m.settled(time.Minute)
			m.SetFaults(func(f *lab.Faults) { *f = lab.Faults{} })
			if !slices.Equal(m.Local(), all) {
				t.Fatalf("left: %v\n%s", m.names(), m.log())
			}
			m.expect(m.ask(t.Context(), "revert", reversion(r.Lease)), "undone")
		})
	}
}

func TestARuleThatStaysIsRemovedLater(t *testing.T) {
	soak(t)
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443")}, nil, nil)
	r := m.change("applied", plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}))
	m.SetFaults(func(f *lab.Faults) { f.RemoveLeavesTwin = true })
	m.expect(m.ask(t.Context(), "confirm", confirmation(r.Lease)), "pending")
	if s := m.observe(); s.Token.State != "confirming" {
		t.Fatalf("the token is %+v", s.Token)
	}
	m.SetFaults(func(f *lab.Faults) { *f = lab.Faults{} })
	m.expect(m.ask(t.Context(), "confirm", confirmation(r.Lease)), "confirmed")
	m.mustBe("+" + markB + ":2")
}

func TestAConfirmNeedsNoSpaceOnceItIsWon(t *testing.T) {
	soak(t)
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443")}, nil, nil)
	r := m.change("applied", plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}))
	full := func(f *lab.Faults) { f.FullDisk = true }
	m.SetFaults(full)
	if c := m.ask(t.Context(), "confirm", confirmation(r.Lease)); c.Result != "refused" || c.LeftMS <= 0 {
		t.Fatalf("on a full disk: %+v", c)
	}
	m.SetFaults(func(f *lab.Faults) { f.FullDisk = false })
	m.askText(dying(t, "confirm", "confirm won"), confirmation(r.Lease))
	m.SetFaults(full)
	m.expect(m.ask(t.Context(), "recover", object{"format": 1}), "confirmed")
	m.mustBe("+" + markB + ":2")
	if s := m.observe(); s.Record.Digest != strings.Repeat("d", 64) {
		t.Fatalf("the record is %+v", s.Record)
	}

	// Nor does the undo.
	m.SetFaults(func(f *lab.Faults) { f.FullDisk = false })
	r = m.change("applied", plan(m.look(), 5*time.Minute, nil, nil, []string{markB + ":2"}))
	m.SetFaults(full)
	m.expect(m.ask(t.Context(), "revert", reversion(r.Lease)), "undone")
	m.mustBe("+" + markB + ":2")
}

func TestWhatLiesInTheFolderIsNotTrusted(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, m.Folder()); err != nil {
		t.Fatal(err)
	}
	s := m.observe()
	if !strings.Contains(s.Folder, "is a link") {
		t.Fatalf("a link is seen as %q", s.Folder)
	}
	r := m.change("refused", plan(s, 5*time.Minute, []object{addition(markA, "443")}, nil, nil))
	if left, _ := os.ReadDir(elsewhere); len(left) != 0 || !strings.Contains(r.Message, "is a link") {
		t.Fatalf("answered %+v and wrote %v", r, left)
	}
	os.Remove(m.Folder())
	m.applied([]object{addition(markA, "443")}, nil, nil)
	if err := os.WriteFile(filepath.Join(m.Folder(), "lease"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = m.observe()
	r = m.change("refused", plan(s, 5*time.Minute, nil, nil, []string{markA + ":1"}))
	if !strings.Contains(s.Folder, "is damaged") || !strings.Contains(r.Message, "is damaged") {
		t.Fatalf("a damaged lease: %q, %+v", s.Folder, r)
	}
	m.mustBe("+" + markA + ":1")
}
