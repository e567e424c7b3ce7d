package tasks

import (
	"encoding/json"
	"net/netip"
	"slices"

	"farmwall/rules"
)

// fakeDialect speaks to fake hosts.
type fakeDialect struct{}

func input(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (fakeDialect) Observe() rules.Script { return rules.Script{Name: "observe"} }

func (fakeDialect) Decode(out []byte) (*rules.State, error) {
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, err
	}
	st := &rules.State{System: "Fake 1", Manager: "fake", BlocksOutbound: s.Wall.Blocks, Ours: s.Wall.ours(), Rest: s.Wall.rest(),
		Lease: s.Lease, Token: s.Token, Record: s.Record, Client: controllerAddr, Persistence: "systemd", Native: &s}

	st.Local = netip.MustParseAddrPort("192.0.2.1:22")
	place := rules.Place{Name: "fake", Owned: s.Wall.Loaded}
	if !slices.Equal(s.Wall.Saved, marksOrNil(s.Wall.Loaded)) {
		place.Defects = []string{"the persistent copy is another one"}
	}
	for _, r := range s.Wall.Loaded {
		if !slices.Contains(st.Farms, r.Farm) {
			st.Farms = append(st.Farms, r.Farm)
		}
	}
	st.Places = []rules.Place{place}
	return st, nil
}

func marksOrNil(list []rules.Rule) []string {
	if len(list) == 0 {
		return nil
	}
	return marks(list)
}

func (fakeDialect) Judge(s *rules.State, f rules.Flow) rules.Verdict {
	return judgeFake(&s.Native.(*seen).Wall, f)
}

func judgeFake(w *fakeWall, f rules.Flow) rules.Verdict {
	for _, r := range w.Foreign {
		if f.Direction == rules.In && r.Port == f.Port {
			switch r.Action {
			case "drop":
				return rules.Verdict{Answer: rules.Denied, By: "foreign drop"}
			case "accept":
				return rules.Verdict{Answer: rules.Allowed, By: "foreign accept"}
			}
			return rules.Verdict{Answer: rules.Unknown, Reason: "odd foreign rule"}
		}
	}
	for i := range w.Loaded {
		if b := &w.Loaded[i]; b.Block && (rules.Set{*b}).Closes(f).Covers(f.Sources()) && !admittedFake(w, f) {
			return rules.Verdict{Answer: rules.Denied, By: "rule " + b.Mark()}
		}
	}
	if f.Direction == rules.Out && !w.Blocks || f.Direction == rules.In && w.Policy == "accept" {
		return rules.Verdict{Answer: rules.Allowed, By: "policy accept"}
	}
	for i := range w.Loaded {
		if f.Not == nil && rules.Covers(w.Loaded[i], f) {
			return rules.Verdict{Answer: rules.Allowed, By: "rule " + w.Loaded[i].Mark()}
		}
	}
	return rules.Verdict{Answer: rules.Denied, By: "policy drop"}
}

// admittedFake says whether a rule of ours lets some of the flow in before the rules
// that block are asked.
func admittedFake(w *fakeWall, f rules.Flow) bool {
	for i := range w.Loaded {
		if !w.Loaded[i].Block && rules.Covers(w.Loaded[i], f) {
			return true
		}
	}
	return false
}

func (fakeDialect) Check(s *rules.State, want rules.Set) error {
	var refusals rules.Refusals
	if s.Native.(*seen).Wall.Hidden {
		refusals = append(refusals, rules.Refusal{Text: "the ruleset could not be read"})
	}
	for _, r := range want {
		if r.Protocol == 99 {
			refusals = append(refusals, rules.Refusal{Rule: r.ID, Text: "protocol 99 cannot be said"})
		}
	}
	if len(refusals) > 0 {
		return refusals
	}
	return nil
}

func (fakeDialect) Diff(s *rules.State, want rules.Set) []rules.Change {
	var changes []rules.Change
	seenIDs := map[string]bool{}
	have := s.Places[0].Owned
	for i := range have {
		r := &have[i]
		w := want.Find(r.ID)
		switch {
		case w == nil || seenIDs[r.ID]:
			changes = append(changes, rules.Change{Verb: rules.Remove, Have: r})
		case !w.Same(r):
			changes = append(changes, rules.Change{Verb: rules.Replace, Have: r, Want: w})
		}
		seenIDs[r.ID] = true
	}
	for i := range want {
		if !seenIDs[want[i].ID] {
			changes = append(changes, rules.Change{Verb: rules.Add, Want: &want[i]})
		}
	}
	if t := s.Token.State; t != "armed" && t != "confirming" && len(changes) == 0 {
		for _, d := range s.Places[0].Defects {
			changes = append(changes, rules.Change{Verb: rules.Repair, Note: d})
		}
	}
	return changes
}

func (fakeDialect) Target(s *rules.State, want rules.Set) (rules.Copy, error) {
	list := []rules.Rule{}
	for _, r := range want {
		r.Why = nil
		list = append(list, r)
	}
	return input(fakeCopy{Loaded: list}), nil
}

func (fakeDialect) Undo(s *rules.State) (rules.Copy, error) {
	w := s.Native.(*seen).Wall
	return input(fakeCopy{Loaded: w.Loaded}), nil
}

func (fakeDialect) Change(r rules.ChangeRequest) rules.Script {
	return rules.Script{Name: "change", Input: input(r)}
}

func (fakeDialect) Confirm(r rules.ConfirmRequest) rules.Script {
	return rules.Script{Name: "confirm", Input: input(r)}
}

func (fakeDialect) Revert(r rules.RevertRequest) rules.Script {
	return rules.Script{Name: "revert", Input: input(r)}
}

func (fakeDialect) Recover() rules.Script { return rules.Script{Name: "recover"} }

func (fakeDialect) Answer(out []byte) (*rules.Report, error) {
	var r rules.Report
	err := json.Unmarshal(out, &r)
	return &r, err
}
