package windows

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

func TestRequests(t *testing.T) {
	h := holding(held(t))
	s := h.state(t)
	c := target(t, h, held(t))
	undo, err := New().Undo(s)
	if err != nil {
		t.Fatal(err)
	}
	r := rules.ChangeRequest{Run: "r4", Controller: "me@here", Lease: 3, Ours: s.Ours, Rest: s.Rest, Window: 90 * time.Second, Target: c, Undo: undo, Digest: held(t).Digest()}
	script := New().Change(r)
	var w changeWire
	if err := decodeStrict(script.Input, &w); err != nil {
		t.Fatal(err)
	}
	if script.Shell != rules.PowerShell || w.Format != 1 || w.Run != "r4" || w.Controller != "me@here" || w.Lease != 3 || w.WindowMS != 90_000 ||
		w.Ours != s.Ours || w.Rest != s.Rest || string(w.Target) != string(c) || string(w.Undo) != string(undo) || w.Digest != r.Digest {
		t.Errorf("%s", script.Input)
	}
	var u undoCopy
	if err := decodeStrict(w.Undo, &u); err != nil || len(u.Rules) != 4 || !u.Rules[0].Enabled || !strings.Contains(u.Rules[0].Text, u.Rules[0].Name) {
		t.Errorf("%v: %s", err, w.Undo)
	}
	for name, script := range map[string]rules.Script{
		`{"format":1,"run":"r4","controller":"me@here","lease":4,"time":"2026-11-23T13:20:00Z"}`: New().Confirm(rules.ConfirmRequest{Run: "r4", Controller: "me@here", Lease: 4, Time: time.Date(2026, 11, 23, 14, 20, 0, 0, time.FixedZone("", 3600))}),
		`{"format":1,"run":"r4","lease":4}`: New().Revert(rules.RevertRequest{Run: "r4", Lease: 4}),
		`{"format":1}`:                      New().Recover(),
	} {
		if string(script.Input) != name {
			t.Errorf("%s: %s, want %s", script.Name, script.Input, name)
		}
	}
	for _, script := range []rules.Script{New().Observe(), script, New().Recover()} {
		if first, _, _ := strings.Cut(script.Body, "\n"); first != "# farmwall "+script.Name+" 1" {
			t.Errorf("%s begins with %q", script.Name, first)
		}
		for _, c := range script.Body {
			if c >= 0x80 {
				t.Errorf("%s is not ASCII: %q", script.Name, c)
				break
			}
		}
	}
}

func TestACopyThatIsNoneGoesAsText(t *testing.T) {
	for _, c := range []string{"", "null", "[]", `"x"`, `{"a":1} {"b":2}`, "{", "\xff"} {
		if got := object(rules.Copy(c)); len(got) == 0 || got[0] != '"' || !json.Valid(got) {
			t.Errorf("%q became %s", c, got)
		}
	}
}

// TestASavedUndoBringsHandEditsBack is a rollback of a host that was edited by hand before
// the run: its rules come back as they were, edits and all.
func TestASavedUndoBringsHandEditsBack(t *testing.T) {
	set := held(t)
	h := holding(set)
	h.edit(0, "|Name=", `|App=C:\x.exe|Svc=y|LA4=10.0.0.5|IFType=Lan|Edge=TRUE|Defer=App|Name=`)
	h.edit(0, "|LPort", "|Profile=Domain|Profile=Public|LPort")
	h.edit(1, "Active=TRUE", "Active=FALSE")
	h.edit(2, "Action=Allow", "Action=Block")
	h.edit(3, "Desc=Written", "Desc=Rewritten")
	before := h.state(t)
	undo, err := New().Undo(before)
	if err != nil {
		t.Fatal(err)
	}
	h.apply(t, target(t, h, set))
	h.confirm()

	var w changeWire
	if err := decodeStrict(New().Change(rules.ChangeRequest{Target: undo}).Input, &w); err != nil {
		t.Fatal(err)
	}
	var c targetCopy
	if err := decodeStrict(w.Target, &c); err != nil {
		t.Fatal(err)
	}
	if c.Refuse != "" || !c.All || len(c.Add) != 4 {
		t.Fatalf("%s", w.Target)
	}
	mark := set.Find("gateway.https").Mark()
	for _, a := range c.Add {
		switch {
		case a.Mark == mark:
			if m := a.Again; a.LocalPorts != "443" || a.RemoteAddresses != "*" || *m.ApplicationName != `C:\x.exe` || *m.ServiceName != "y" || *m.LocalAddresses != "10.0.0.5" ||
				*m.InterfaceTypes != "Lan" || *m.Edge != 2 || *m.Profiles != domain|public || m.Action != nil || !*m.Enabled || *m.Grouping != "farmwall" {
				t.Errorf("%s", encode(a))
			}
		case strings.Contains(a.Mark, "halb"):
			if *a.Again.Enabled || a.Protocol != 112 || a.RemoteAddresses != "10.0.0.9" {
				t.Errorf("%s", encode(a))
			}
		case strings.Contains(a.Mark, "out.dns"):
			if *a.Again.Action != 0 || a.Direction != 2 || a.RemotePorts != "53" || a.RemoteAddresses != "10.0.0.2/255.255.255.254" {
				t.Errorf("%s", encode(a))
			}
		default:
			if !strings.HasPrefix(a.Description, "Rewritten") || a.LocalPorts != "20001-20003,20030" {
				t.Errorf("%s", encode(a))
			}
		}
	}
}

func TestASavedUndoThatCannotBeMadeAgainIsRefused(t *testing.T) {
	for name, change := range map[string]func(*host){
		"versions of Windows": func(h *host) { h.edit(0, "|Name=", "|Platform=2:6:1|Name=") },
		"names interfaces":    func(h *host) { h.edit(0, "|Name=", "|IF={A}|Name=") },
		"Newer=1":             func(h *host) { h.edit(0, "|Name=", "|Newer=1|Name=") },
		"users, machines":     func(h *host) { h.edit(0, "|Name=", "|Security=Authenticate|Name=") },
		"field LSM":           func(h *host) { h.edit(0, "|Name=", "|LSM=TRUE|Name=") },
		"has a twin":          func(h *host) { h.add(h.Local[0][1]) },
		"none that farmwall":  func(h *host) { h.add(allowTCP + "Name=farmwall: hello|") },
	} {
		h := holding(held(t))
		change(h)
		undo, err := New().Undo(h.state(t))
		if err != nil {
			t.Fatal(err)
		}
		var c targetCopy
		if err := decodeStrict(exact(undo), &c); err != nil || !strings.Contains(c.Refuse, name) || !c.All {
			t.Errorf("%s: %v %q", name, err, c.Refuse)
		}
	}
	if c := exact(rules.Copy(`{"rules":[{}]}`)); !strings.Contains(string(c), "cannot be read") {
		t.Errorf("%s", c)
	}
}

func TestAnswers(t *testing.T) {
	const whole = `{"format":1,"result":"pending","lease":4,"ours":"","left_ms":1500,"holder":"me run r","message":"m","unsaved":""}`
	r, err := New().Answer([]byte(whole))
	if err != nil || r.Result != rules.Pending || r.Lease != 4 || r.Left != 1500*time.Millisecond || r.Holder != "me run r" || r.Message != "m" {
		t.Errorf("%v %+v", err, r)
	}
	for _, bad := range []string{
		strings.Replace(whole, "pending", "fine", 1), strings.Replace(whole, `"format":1`, `"format":2`, 1), strings.Replace(whole, `"ours":""`, `"ours":"x"`, 1),
		strings.Replace(whole, `"lease":4`, `"lease":-4`, 1), strings.Replace(whole, `"lease":4`, `"lease":4,"lease":5`, 1), strings.Replace(whole, `"lease"`, `"Lease"`, 1),
		strings.Replace(whole, `,"unsaved":""`, "", 1), strings.Replace(whole, `"m"`, "null", 1), whole + "{}", whole[:50],
		strings.Replace(whole, `}`, `,"more":1}`, 1), strings.Replace(whole, `"m"`, `["m"]`, 1), strings.Replace(whole, `"m"`, "\"\xff\"", 1),
	} {
		if r, err := New().Answer([]byte(bad)); err == nil {
			t.Errorf("%s passes for %+v", bad, r)
		}
	}
}
