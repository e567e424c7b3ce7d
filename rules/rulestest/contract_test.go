package rulestest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

// plain is a made-up dialect: a host prints its rules as JSON between two
// lines, and drops whatever they do not name. Each switch makes it wrong in one
// way.
type plain struct{ wrong string }

func (d plain) Observe() rules.Script {
	return rules.Script{Name: "observe", Shell: rules.Sh, Body: "print"}
}

func (d plain) Decode(out []byte) (*rules.State, error) {
	begin, end := []byte("begin\n"), []byte("\nend")
	out = bytes.TrimRight(out, "\n")
	if d.wrong == "panics" && len(out) == 0 {
		panic("no bytes")
	}
	if !bytes.HasPrefix(out, begin) || !bytes.HasSuffix(out, end) && d.wrong != "half" {
		return nil, errors.New("no answer")
	}
	var owned []rules.Rule
	if err := json.Unmarshal(bytes.TrimSuffix(bytes.TrimPrefix(out, begin), end), &owned); err != nil && d.wrong != "half" {
		return nil, err
	}
	s := &rules.State{Places: []rules.Place{{Name: "all", Owned: owned}}}
	s.Ours, s.Rest = fmt.Sprintf("%x", sha256.Sum256(out)), strings.Repeat("0", 64)
	if d.wrong == "fingerprint" {
		s.Rest = "none"
	}
	return s, nil
}

func (d plain) Judge(s *rules.State, f rules.Flow) rules.Verdict {
	switch {
	case d.wrong == "verdict":
		return rules.Verdict{Answer: rules.Allowed, By: "me"}
	case d.wrong == "reason":
		return rules.Verdict{Answer: rules.Unknown}
	case rules.Set(s.Places[0].Owned).Admits(f):
		return rules.Verdict{Answer: rules.Allowed, By: "ours"}
	}
	return rules.Verdict{Answer: rules.Denied, By: "policy"}
}

func (d plain) Check(_ *rules.State, want rules.Set) error {
	if d.wrong == "refuses blocks" && len(want.Blocks()) > 0 {
		return errors.New("no")
	}
	return nil
}

func (d plain) Diff(s *rules.State, want rules.Set) []rules.Change {
	if d.wrong == "blind" {
		return nil
	}
	if d.wrong == "no blocks" {
		want = want.Allows()
	}
	return rules.Diff(s.Places[0].Owned, want)
}

func (d plain) Target(_ *rules.State, want rules.Set) (rules.Copy, error) {
	if d.wrong == "reasons" && len(want) > 0 && want[0].Why != nil {
		return rules.Copy(want[0].Why.Text), nil
	}
	if d.wrong == "opens what it should block" {
		want = slices.Clone(want)
		for i := range want {
			want[i].Block = false
		}
	}
	return rules.Copy(want.Digest()), nil
}

func (d plain) Undo(s *rules.State) (rules.Copy, error) { return rules.Copy(s.Ours), nil }

func (d plain) script(name, value string) rules.Script {
	s := rules.Script{Name: name, Shell: rules.Sh, Body: "frame", Input: []byte(value)}
	switch d.wrong {
	case "values in the script":
		s.Body += value
	case "long":
		s.Body = strings.Repeat("x", 100_000)
	case "shell":
		s.Shell = "zsh"
	case "lost values":
		s.Input = nil
	}
	return s
}

func (d plain) Change(r rules.ChangeRequest) rules.Script   { return d.script("change", r.Run) }
func (d plain) Confirm(r rules.ConfirmRequest) rules.Script { return d.script("confirm", r.Run) }
func (d plain) Revert(r rules.RevertRequest) rules.Script   { return d.script("revert", r.Run) }
func (d plain) Recover() rules.Script                       { return d.script("recover", "") }

func (d plain) Answer(out []byte) (*rules.Report, error) {
	if d.wrong == "noise" || string(out) == "applied" {
		return &rules.Report{Result: rules.Applied}, nil
	}
	return nil, errors.New("no answer")
}

func fixture(t *testing.T) Fixture {
	t.Helper()
	rule := newRule("north")
	rule.ID = "held"
	held, err := rules.NewSet([]rules.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	f := Fixture{Name: "plain", Observed: []byte("begin\n" + string(b) + "\nend\n"), Holds: held}
	for _, e := range rules.Flows(held) {
		if e.Want == rules.Allowed {
			f.Allowed = append(f.Allowed, e.Flow)
		} else {
			f.Denied = append(f.Denied, e.Flow)
		}
	}
	return f
}

func TestContractHolds(t *testing.T) { Contract(t, plain{}, fixture(t)) }

func TestContractIsBroken(t *testing.T) {
	f := fixture(t)
	for wrong, want := range map[string]string{
		"panics": "panics", "half": "taken for a whole answer", "fingerprint": "fingerprints", "verdict": "should be denied",
		"reason": "nobody says why", "blind": "stays", "reasons": "hostile reasons", "values in the script": "changes with its values",
		"long": "as base64", "shell": "zsh", "lost values": "do not reach", "noise": "takes",
		"no blocks": "0 changes add it", "opens what it should block": "like one that lets in", "refuses blocks": "not by its name",
	} {
		d := plain{wrong}
		errs := append(Scripts(d), Answers(d)...)
		s, more := Reading(d, f)
		if errs = append(errs, more...); s != nil {
			errs = append(errs, Comparing(d, s, f)...)
			errs = append(errs, Copies(d, s, f)...)
			errs = append(errs, Judging(d, s, f)...)
		}
		if all := errors.Join(errs...); all == nil || !strings.Contains(all.Error(), want) {
			t.Errorf("%s: %v", wrong, all)
		}
	}
}
