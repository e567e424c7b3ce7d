package tasks

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// causes is "verb ID cause" of each difference.
func causes(changes []rules.Change) string {
	var out []string
	for i := range changes {
		out = append(out, fmt.Sprintf("%s: %s", brief(&changes[i]), changes[i].Cause))
	}
	return strings.Join(out, ", ")
}

// Three things may move, rule by rule: what was confirmed, the host, the inventory.
func TestCauseOfEachDifference(t *testing.T) {
	f := newFarm(t, 5)
	for _, h := range f.inv.Hosts {
		h.Rules = append(h.Rules, extra("other", "internal", 20003))
	}
	f.want(f.apply(context.Background(), Rollout{}), Changed, Changed, Changed, Changed, Changed)
	policy := func(i int, port uint16) { f.inv.Hosts[i].Rules[0] = extra("web", "external", port) }
	f.lose(0, "member") // the host alone
	f.lose(1, "member") // the host in one rule, the inventory in another
	policy(1, 444)
	f.lose(2, "web") // both in the same rule
	policy(2, 444)
	f.lose(3, "web") // both, and the host has what the inventory wants
	f.inv.Hosts[3].Rules = f.inv.Hosts[3].Rules[1:]
	f.hosts[4].wall.Blocks = true // nothing of ours moved; an outbound rule is needed now
	f.inv.Hosts[4].Egress.Value = inventory.EgressAuto
	s := f.drift(DriftOptions{})
	f.want(s, Differs, Differs, Differs, Differs, OK)
	for i, want := range []struct{ cause, changes, pending string }{
		{"host", "add member: host", ""},
		{"both", "add member: host", "replace web: policy"},
		{"both", "add web: both", "add web: both"},
		{"both", "add web: both", ""},
		{"", "", ""},
	} {
		o := s.Outcomes[i]
		if o.Cause != want.cause || causes(o.Changes) != want.changes || causes(o.Pending) != want.pending {
			t.Errorf("%s: cause %q, changes %q, pending %q", o.Host, o.Cause, causes(o.Changes), causes(o.Pending))
		}
	}
	s = f.drift(DriftOptions{Fix: true})
	f.want(s, Changed, Changed, Changed, Changed, OK)
	if got := causes(s.Outcomes[2].Changes); got != "add web: both" {
		t.Errorf("what was put right has the causes %q", got)
	}
}

// Where what is ours has the fingerprint that it had when it was confirmed, a
// difference comes of what is not ours.
func TestCauseOutsideOfOurs(t *testing.T) {
	set, err := rules.NewSet([]rules.Rule{{ID: "a", Farm: "f", Direction: rules.In, Protocol: 6}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		three threeWays
		want  string
	}{
		{threeWays{last: set, moved: true}, "host"},
		{threeWays{last: set}, "foreign rule"},
		{threeWays{last: set, wanted: set, settled: set, known: true}, "foreign rule"},
		{threeWays{last: set, known: true}, "both"},
	} {
		changes := []rules.Change{{Verb: rules.Add, Want: &set[0]}}
		c.three.explain(changes, nil)
		if changes[0].Cause != c.want || c.three.cause(changes) != c.want {
			t.Errorf("%+v: %q, %q", c.three, changes[0].Cause, c.three.cause(changes))
		}
	}
	// An outbound rule that the host needs only now is no change of the policy.
	out := rules.Rule{ID: "out", Farm: "f", Direction: rules.Out, Protocol: 6, OnlyIfBlocked: true}
	settled := out
	settled.OnlyIfBlocked = false
	three := threeWays{known: true, wanted: rules.Set{out}, settled: rules.Set{settled}}
	pending := []rules.Change{{Verb: rules.Add, Want: &settled}}
	if three.explain(nil, pending); pending[0].Cause != "foreign rule" || three.anyPolicyMoved() {
		t.Errorf("an outbound rule: %q", pending[0].Cause)
	}
}

// A host of which only a part could be read looks empty, and is none whose rules are
// missing either.
func TestAHostThatIsReadInPartIsNoDrift(t *testing.T) {
	for _, known := range []bool{true, false} {
		f := newFarm(t, 1)
		if known {
			f.want(f.apply(context.Background(), Rollout{}), Changed)
		}
		f.hosts[0].wall.Loaded, f.hosts[0].wall.Saved, f.hosts[0].wall.Hidden = nil, nil, true
		s := f.drift(DriftOptions{Fix: true})
		f.want(s, Refused)
		if o := s.Outcomes[0]; len(o.Changes)+len(o.Pending) > 0 || !strings.Contains(o.Error, "could not be read") {
			t.Errorf("known %v: %+v", known, o)
		}
	}
}

// A host that cannot be read is no host whose rules are missing, whether anything is
// known of it or not.
func TestAFailedReadIsNoDrift(t *testing.T) {
	for _, known := range []bool{true, false} {
		f := newFarm(t, 3)
		if known {
			f.want(f.apply(context.Background(), Rollout{}), Changed, Changed, Changed)
		}
		f.hosts[0].down = true
		f.hosts[1].fault = func(_ *fakeHost, script string, _ int) fault {
			if script == "observe" {
				return exitOne
			}
			return fine
		}
		f.hosts[2].fault = func(_ *fakeHost, script string, _ int) fault { return cutAfter }
		s := f.drift(DriftOptions{Fix: true})
		f.want(s, Unreachable, Failed, Unreachable)
		for _, o := range s.Outcomes {
			if len(o.Changes)+len(o.Pending)+len(o.Flows) > 0 || o.Cause != "" {
				t.Errorf("known %v: %s was not read, and differs: %+v", known, o.Host, o)
			}
		}
	}
}
