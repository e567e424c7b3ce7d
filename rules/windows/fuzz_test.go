package windows

import (
	"encoding/json"
	"testing"

	"farmwall/rules"
)

func FuzzDecode(f *testing.F) {
	f.Add(holding(held(f)).answer())
	f.Add(twoInterfaces(real[1:11]...).answer())
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := New().Decode(b)
		if err != nil {
			return
		}
		set := held(t)
		New().Diff(s, set)
		_ = New().Check(s, set)
		for _, e := range rules.Flows(set) {
			if v := New().Judge(s, e.Flow); v.Answer == rules.Unknown && v.Reason == "" || v.Answer != rules.Unknown && v.By == "" {
				t.Errorf("%s: %+v", e.Flow, v)
			}
		}
		New().KeptFlows(s)
		New().PortBounds(s)
		c, err := New().Target(s, set)
		if err != nil || !json.Valid(c) {
			t.Errorf("%v: %s", err, c)
		}
		if undo, err := New().Undo(s); err != nil || !json.Valid(exact(undo)) {
			t.Errorf("%v: %s", err, undo)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"format":1,"result":"applied","lease":4,"ours":"","left_ms":0,"holder":"","message":"","unsaved":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := New().Answer(b); (err == nil) != (r != nil) || r != nil && r.Left < 0 {
			t.Errorf("%q: %+v %v", b, r, err)
		}
	})
}

// FuzzRequest: whatever the values are, they reach the host as the values that they are.
func FuzzRequest(f *testing.F) {
	f.Add("run", "me@here", `{"format":1}`)
	f.Fuzz(func(t *testing.T, run, controller, copied string) {
		s := New().Change(rules.ChangeRequest{Run: run, Controller: controller, Target: rules.Copy(copied), Undo: rules.Copy(copied)})
		var w changeWire
		if err := decodeStrict(s.Input, &w); err != nil {
			t.Fatalf("%v: %s", err, s.Input)
		}
		if again := New().Change(rules.ChangeRequest{Run: w.Run, Controller: w.Controller}); again.Body != s.Body {
			t.Error("a value is script text")
		}
	})
}
