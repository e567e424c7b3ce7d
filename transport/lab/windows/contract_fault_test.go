package windows_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	dialect "farmwall/rules/windows"
	"farmwall/transport"
	"farmwall/transport/lab/windows"
)

// What goes wrong while the rules are written is taken back.
func TestContractWritesThatFail(t *testing.T) {
	for name, fault := range map[string]func(f *windows.Faults){
		"access denied on Add":         func(f *windows.Faults) { f.DenyAdd = true },
		"the service stops in between": func(f *windows.Faults) { f.StopAfterWrites = 1 },
		"another writer adds a twin":   func(f *windows.Faults) { f.TwinOnAdd = true },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
				before := m.applied([]object{addition(markA, "443")}, nil, nil)
				all := m.Local()
				m.SetFaults(fault)
				r := m.must("change", request(before, 10*time.Minute, []object{addition(markB, "443"), addition(markC, "80")}, nil, []string{markA + ":1"}), "failed")
				if r.Message == "" || r.Lease != 2 {
					t.Errorf("the answer is %+v", r)
				}
				m.SetFaults(func(f *windows.Faults) { *f = windows.Faults{} })
				m.SetService("MpsSvc", "Running")
				after := m.settled(90 * time.Second)
				if !slices.Equal(m.Local(), all) || after.Ours != before.Ours {
					t.Fatalf("left: %v", m.Named("farmwall:"))
				}
				m.must("revert", reversion(2), "undone")
			})
		})
	}
}

// Before anything is changed, what is missing is said.
func TestContractNoChangePossible(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(m *machine)
		says  string
	}{
		"not an administrator": {func(m *machine) { m.SetFaults(func(f *windows.Faults) { f.NotAdmin = true }) }, "administrator"},
		"no task scheduler":    {func(m *machine) { m.SetService("Schedule", "Stopped") }, "Task Scheduler"},
		"no firewall":          {func(m *machine) { m.SetService("MpsSvc", "Stopped") }, "MpsSvc"},
		"somebody's folder":    {func(m *machine) { m.SetFaults(func(f *windows.Faults) { f.FolderOwner = `LAB\eve` }) }, `LAB\eve`},
		"a full disk":          {func(m *machine) { m.SetFaults(func(f *windows.Faults) { f.FullDisk = true }) }, "full"},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
				before := m.applied([]object{addition(markA, "443")}, nil, nil)
				all := m.Local()
				c.fault(m)
				r := m.must("change", request(before, 10*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}), "refused")
				if !strings.Contains(r.Message, c.says) {
					t.Errorf("it says %q", r.Message)
				}
				if !slices.Equal(m.Local(), all) || len(m.Tasks()) != 0 {
					t.Fatalf("left: %v, %v", m.names(), m.Tasks())
				}
			})
		})
	}
}

func TestContractSwitchThatDoesNotStart(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain, Faults: windows.Faults{BrokenTasks: true}}, func(t *testing.T, m *machine) {
		m.must("change", request(m.observe(), 20*time.Second, []object{addition(markB, "443")}, nil, nil), "refused")
		m.mustBe()
		if s := m.observe(); len(m.Tasks()) != 0 || s.Token.State == "armed" {
			t.Fatalf("left: %v, %+v", m.Tasks(), s.Token)
		}
	})
}

// A confirm that cannot take the old rules off stays won, and is finished later.
func TestContractRemoveThatLeavesARule(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		s := m.applied([]object{addition(markA, "443")}, nil, nil)
		m.must("change", request(s, 10*time.Minute, []object{addition(markB, "443")}, nil, []string{markA + ":1"}), "applied")
		m.SetFaults(func(f *windows.Faults) { f.RemoveLeavesTwin = true })
		m.must("confirm", confirmation(2), "pending")
		if s := m.observe(); s.Token.State != "confirming" {
			t.Fatalf("the token is %+v", s.Token)
		}
		m.must("revert", reversion(2), "pending")
		m.SetFaults(func(f *windows.Faults) { f.RemoveLeavesTwin = false })
		m.must("recover", object{"format": 1}, "confirmed")
		m.mustBe("+" + markB + ":2")
		if s := m.observe(); s.Token.State != "done" || s.Record["run"] != "run-1" || len(m.Tasks()) != 0 {
			t.Fatalf("after recover: %+v, %v", s, m.Tasks())
		}
	})
}

func TestContractHostsThatRunNothing(t *testing.T) {
	for name, c := range map[string]struct {
		faults windows.Faults
		want   error
	}{
		"constrained language": {windows.Faults{ConstrainedLanguage: true}, transport.ErrConstrained},
		"PowerShell 2":         {windows.Faults{PSVersion: "2.0"}, transport.ErrOldPowerShell},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, windows.Options{Faults: c.faults}, func(t *testing.T, m *machine) {
				if _, err := m.run(t.Context(), dialect.New().Observe()); !errors.Is(err, c.want) {
					t.Fatalf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

// Nobody enumerates the rules by COM, so a slow enumeration slows nothing down.
func TestContractSlowEnumeration(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain, Faults: windows.Faults{EnumerationDelay: time.Hour}}, func(t *testing.T, m *machine) {
		m.applied([]object{addition(markA, "443")}, nil, nil)
		m.mustBe("+" + markA + ":1")
	})
}

// Both engines see the same host alike.
func TestContractObserve(t *testing.T) {
	excluded := windows.Interface{Name: "Backup", GUID: "{0E4C2A10-8B7D-4F0A-9C51-5D2B6A7F3E02}", Index: 7, Excluded: 5}
	for name, o := range map[string]windows.Options{
		"plain": {Rules: plain, GPO: windows.Foreign(windows.Server2016, nil, 9), System: windows.Server2016},
		"a session host": {Rules: windows.AppX("", plain, 20_000), Restricted: 301, CleanAppX: true, Active: 6, System: windows.Server2012R2,
			Policy:      map[string]map[string]uint32{"StandardProfile": {"DoNotAllowExceptions": 1, "DefaultInboundAction": 1}},
			GroupPolicy: map[string]map[string]uint32{"PrivateProfile": {"AllowLocalPolicyMerge": 0, "DefaultOutboundAction": 1}, "DomainProfile": {}}},
		"stopped":       {Services: map[string]string{"MpsSvc": "Stopped", "Schedule": "Missing"}, System: windows.Server2022},
		"no folder":     {Faults: windows.Faults{FolderOwner: `LAB\eve`}},
		"not an admin":  {Faults: windows.Faults{NotAdmin: true, FolderOwner: `LAB\eve`}},
		"two adapters":  {Interfaces: []windows.Interface{excluded, {Name: "LAN", GUID: "{1}", Index: 9, Down: true, Type: "lan", Profile: 4}}},
		"modify state":  {Faults: windows.Faults{GPOverride: true}},
		"merge, all OK": {Faults: windows.Faults{ModifyStateOK: true}, GroupPolicy: map[string]map[string]uint32{"DomainProfile": {"AllowLocalPolicyMerge": 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			var both []map[string]any
			for _, e := range []windows.Engine{windows.Model, windows.PowerShell} {
				m := boot(t, e, o)
				out, err := m.run(t.Context(), dialect.New().Observe())
				if err != nil {
					t.Fatal(e, err)
				}
				if _, err := dialect.New().Decode(out); err != nil {
					t.Errorf("%s: %v", e, err)
				}
				var s map[string]any
				if err := json.Unmarshal(out, &s); err != nil {
					t.Fatal(err)
				}
				delete(s, "now")
				delete(s, "uptime_ms")
				both = append(both, s)
			}
			for key, model := range both[0] {
				real := both[1][key]
				switch key {
				case "folder": // the places differ
					model, real = len(model.(string)) > 0, len(real.(string)) > 0
				case "policy":
					model, real = withoutText(model), withoutText(real)
				}
				if !reflect.DeepEqual(model, real) {
					t.Errorf("%s: the model has\n%v, PowerShell has\n%v", key, brief(model), brief(real))
				}
			}
			if len(both[0]) != len(both[1]) {
				t.Errorf("%d and %d keys", len(both[0]), len(both[1]))
			}
		})
	}
}

// withoutText keeps of an error only that there is one.
func withoutText(policy any) any {
	p := policy.(map[string]any)
	p["error"] = p["error"] != ""
	return p
}

func brief(v any) string {
	text, _ := json.Marshal(v)
	return string(text[:min(len(text), 2000)])
}

// A script that its controller gives up on ends, and writes nothing more.
func TestContractCancel(t *testing.T) {
	onBoth(t, windows.Options{Rules: plain}, func(t *testing.T, m *machine) {
		before := m.applied([]object{addition(markA, "443")}, nil, nil)
		all := m.Local()
		ctx, stop := context.WithCancel(t.Context())
		m.SetFaults(func(f *windows.Faults) {
			f.AfterWrite = func(what, _ string) {
				if what == "add" {
					stop()
					time.Sleep(200 * time.Millisecond)
				}
			}
		})
		if r, err := m.ask(ctx, "change", request(before, m.window(), []object{addition(markB, "443"), addition(markC, "80")}, nil, []string{markA + ":1"})); err == nil {
			t.Fatalf("it answered %+v", r)
		}
		m.mustBe("+"+markA+":1", "+"+markB+":2")
		m.settled(90 * time.Second)
		if !slices.Equal(m.Local(), all) {
			t.Fatalf("left: %v", m.names())
		}
	})
}
