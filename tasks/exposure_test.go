package tasks

import (
	"context"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// restricted is a farm whose hosts accept by default and are to close what outsiders
// reach.
func restricted(t *testing.T, hosts int) *fakeFarm {
	f := newFarm(t, hosts)
	for i := range f.hosts {
		f.hosts[i].wall.Policy = "accept"
		f.inv.Hosts[i].Exposure = inventory.Setting[inventory.Exposure]{Value: inventory.ExposureRestrict, Name: "farmwall_exposure", Set: true}
	}
	return f
}

func findings(list []rules.Finding, kind string) string {
	var out []string
	for _, x := range list {
		if x.Kind == kind {
			out = append(out, x.Text)
		}
	}
	return strings.Join(out, "; ")
}

// What outsiders reach is named by plan, apply, verify and drift, with what lets them.
func TestExposureIsNamed(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	f.hosts[0].wall.Policy = "accept"
	const want = "tcp 20002: reachable from anywhere, allowed by policy accept"
	p, s := f.plan()
	if got := findings(s.Outcomes[0].Findings, "exposed"); got != want {
		t.Errorf("plan: %q", got)
	}
	for name, s := range map[string]*Summary{
		"apply":  f.applied(ctx, p, Rollout{}),
		"verify": f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})),
		"drift":  f.drift(DriftOptions{}),
	} {
		if got := findings(s.Outcomes[0].Findings, "exposed"); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	f.want(f.drift(DriftOptions{}), OK) // it was so when it was applied, and is only reported
}

func TestRestrictCloses(t *testing.T) {
	ctx := context.Background()
	f := restricted(t, 1)
	p, s := f.plan()
	if got := verbs(s.Outcomes[0].Changes); got != "add member, add web, add exposure.tcp-20002" {
		t.Errorf("plan: %s", got)
	}
	if got := findings(s.Outcomes[0].Findings, "exposed"); !strings.HasSuffix(got, "; this plan closes it") {
		t.Errorf("plan: %q", got)
	}
	s = f.applied(ctx, p, Rollout{Strict: true})
	f.want(s, Changed)
	f.has(f.hosts[0], "member", "web", "exposure.tcp-20002")
	s = f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{Strict: true}))
	f.want(s, OK)
	if len(s.Outcomes[0].Flows) != 3 { // two wanted, one outsider: nothing is wanted of a rule that blocks
		t.Errorf("%+v", s.Outcomes[0].Flows)
	}
	f.want(f.drift(DriftOptions{}), OK)
	f.hosts[0].wall.Loaded = f.hosts[0].wall.Loaded[:2] // somebody takes the block away
	f.want(f.drift(DriftOptions{}), Differs)
	f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})), NotOpen)
	f.want(f.drift(DriftOptions{Fix: true}), Changed)
	f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})), OK)
	f.inv.Hosts[0].Exposure.Value = inventory.ExposureReport
	f.want(f.apply(ctx, Rollout{}), Changed)
	f.has(f.hosts[0], "member", "web")
}

// Where something foreign still lets outsiders in, the rules stay and it is not right.
func TestRestrictThatDoesNotClose(t *testing.T) {
	ctx := context.Background()
	f := restricted(t, 2)
	through := foreignRule{20002, "accept"}
	f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, through)
	s := f.apply(ctx, Rollout{MaxFail: Portion{N: 9}})
	f.want(s, NotOpen, Changed)
	if o := s.Outcomes[0]; !strings.Contains(o.Error, "reachable from anywhere: allowed by foreign accept") || !strings.Contains(o.Hint, "restrict") {
		t.Errorf("%s; %s", o.Error, o.Hint)
	}
	f.has(f.hosts[0], "member", "web", "exposure.tcp-20002")
	f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})), NotOpen, OK)
	f.want(f.apply(ctx, Rollout{}), NotOpen, OK) // nothing to do, and still not right
	s = f.drift(DriftOptions{})
	f.want(s, Differs, OK)
	if o := s.Outcomes[0]; o.Cause != "foreign rule" || len(o.Flows) != 1 || !o.Flows[0].Outsider() {
		t.Errorf("%+v", o)
	}
	// Somebody else's work after the apply is a foreign rule's too.
	f.hosts[1].wall.Foreign = append(f.hosts[1].wall.Foreign, through)
	s = f.drift(DriftOptions{Fix: true})
	f.want(s, Differs, Differs)
	if s.Run != "" {
		t.Error("a foreign rule was put right")
	}
}

// A kept flow that a block would close is refused while planning.
func TestRestrictKeepsTheWayIn(t *testing.T) {
	f := restricted(t, 1)
	f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, extra("ssh", "internal", 22))
	_, s := f.plan()
	f.want(s, Refused)
	if o := s.Outcomes[0]; !strings.Contains(o.Error, "tcp 22 from 10.0.0.250 must stay open") && !strings.Contains(o.Error, "must stay open, and farmwall_exposure: restrict") {
		t.Errorf("%s; %s", o.Error, o.Hint)
	}
	if f.hosts[0].writes != 0 {
		t.Error("the host was written to")
	}
}
