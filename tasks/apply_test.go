package tasks

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/transport"
)

func TestApply(t *testing.T) {
	f := newFarm(t, 3)
	s := f.apply(context.Background(), Rollout{})
	f.want(s, Changed, Changed, Changed)
	for _, h := range f.hosts {
		f.has(h, "member", "web")
		if h.token != "done" || h.record.Run != s.Run || h.record.Digest == "" {
			t.Errorf("%s: token %q, record %+v", h.name, h.token, h.record)
		}
		// One session to plan; to change: observe, change, observe, confirm over two connections. One to plan again.
		if h.ran["observe"] != 4 || h.ran["change"] != 1 || h.ran["confirm"] != 1 || h.dials != 4 {
			t.Errorf("%s: ran %v over %d connections", h.name, h.ran, h.dials)
		}
	}
	run, err := f.keeper.Run(context.Background(), s.Run)
	if err != nil || run.Ended.IsZero() || len(run.Hosts) != 3 || run.Hosts[0].OursThen != f.hosts[0].wall.ours() {
		t.Errorf("journal: %+v, %v", run, err)
	}
	if s = f.apply(context.Background(), Rollout{}); s.Run != "" || f.hosts[0].writes != 2 {
		t.Errorf("nothing to do began run %q, %d writes", s.Run, f.hosts[0].writes)
	}
	f.want(s, OK, OK, OK)
}

func TestAHostThatFailsStopsNoOther(t *testing.T) {
	f := newFarm(t, 4)
	f.hosts[1].dialErr = transport.ErrRejected
	f.hosts[2].fault = func(_ *fakeHost, script string, _ int) fault {
		if script == "observe" {
			return exitOne
		}
		return fine
	}
	s := f.apply(context.Background(), Rollout{})
	f.want(s, Changed, Unreachable, Failed, Changed)
	if o := s.Outcomes[1]; o.Hint != "mend it" || o.Step != "dial" {
		t.Errorf("outcome = %+v", o)
	}
	if o := s.Outcomes[2]; strings.ContainsAny(o.Error, "\x1b\n") {
		t.Errorf("a host wrote to the terminal: %q", o.Error)
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "h2") || !strings.Contains(err.Error(), "h3") || strings.Contains(err.Error(), "h1") {
		t.Errorf("folded: %v", err)
	}
}

func TestARejectedPlanContactsNobody(t *testing.T) {
	f := newFarm(t, 2)
	f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, inventory.ExtraRule{ID: "Bad Name", Direction: "in", Scope: "external", Protocol: 6})
	f.inv.Hosts[1].Rules = append(f.inv.Hosts[1].Rules, inventory.ExtraRule{ID: "web", Direction: "in", Scope: "external", Protocol: 6, Ports: []inventory.PortRange{{First: 1, Last: 1}}})
	_, _, err := f.runner.Plan(context.Background(), f.inv, f.inv.Hosts, PlanOptions{})
	var problems inventory.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("err = %v", err)
	}
	if f.hosts[0].dials+f.hosts[1].dials != 0 {
		t.Error("a host was contacted")
	}
}

func TestRefusedWhilePlanning(t *testing.T) {
	ctx := context.Background()
	t.Run("what no dialect can say", func(t *testing.T) {
		f := newFarm(t, 2)
		f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, inventory.ExtraRule{ID: "odd", Direction: "in", Scope: "external", Protocol: 99})
		f.want(f.apply(ctx, Rollout{}), Refused, Changed)
		f.has(f.hosts[0])
	})
	t.Run("a kept flow", func(t *testing.T) {
		f := newFarm(t, 1)
		f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, extra("ssh", "external", 22))
		f.want(f.apply(ctx, Rollout{}), Changed)
		f.hosts[0].wall.Foreign = nil // now only our rule lets the controller in
		f.inv.Hosts[0].Rules = f.inv.Hosts[0].Rules[:2]
		s := f.apply(ctx, Rollout{})
		f.want(s, Refused)
		if !strings.Contains(s.Outcomes[0].Error, "must stay open") {
			t.Errorf("error = %q", s.Outcomes[0].Error)
		}
		f.has(f.hosts[0], "member", "ssh", "web")
	})
	t.Run("another farm's marks", func(t *testing.T) {
		f := newFarm(t, 1)
		f.want(f.apply(ctx, Rollout{}), Changed)
		for i := range f.hosts[0].wall.Loaded {
			f.hosts[0].wall.Loaded[i].Farm = "other"
		}
		p, s := f.plan()
		f.want(s, Refused)
		if !strings.Contains(p.Hosts[0].Problem.Text, "farm other") {
			t.Errorf("problem = %+v", p.Hosts[0].Problem)
		}
		p, s, err := f.runner.Plan(ctx, f.inv, f.inv.Hosts, PlanOptions{TakeOver: "other"})
		if err != nil {
			t.Fatal(err)
		}
		f.want(s, Differs)
		f.want(f.applied(ctx, p, Rollout{}), Changed)
		if f.hosts[0].wall.Loaded[0].Farm != "farm" {
			t.Error("not taken over")
		}
	})
}

func TestNotOpen(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 2)
	f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{443, "drop"})
	s := f.apply(ctx, Rollout{})
	f.want(s, NotOpen, Changed)
	if o := s.Outcomes[0]; !strings.Contains(o.Error, "tcp 443") || !strings.Contains(o.Error, "foreign drop") {
		t.Errorf("error = %q", o.Error)
	}
	f.has(f.hosts[0], "member", "web")
	// The same answer where there is nothing left to do, and for verify.
	f.want(f.apply(ctx, Rollout{}), NotOpen, OK)
	f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})), NotOpen, OK)
	if p, _ := f.plan(); len(p.Hosts[0].Warnings) == 0 || len(p.Hosts[0].Flows) != 1 {
		t.Errorf("plan does not warn: %+v", p.Hosts[0])
	}
	f = newFarm(t, 1)
	f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{443, "drop"})
	f.want(f.apply(ctx, Rollout{Strict: true}), Restored)
	f.has(f.hosts[0])
}

func TestExposedAndUnknownAreFindings(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 2)
	f.hosts[0].wall.Policy = "accept"
	f.hosts[1].wall.Foreign = append(f.hosts[1].wall.Foreign, foreignRule{443, "odd"})
	s := f.apply(ctx, Rollout{})
	f.want(s, Changed, Changed)
	for i, kind := range []string{"exposed", "unknown"} {
		found := false
		for _, x := range s.Outcomes[i].Findings {
			found = found || x.Kind == kind
		}
		if !found {
			t.Errorf("no %s: %+v", kind, s.Outcomes[i].Findings)
		}
	}
	f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})), OK, OK)
	f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{Strict: true})), NotOpen, NotOpen)
}

func TestAdopted(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	f.want(f.apply(ctx, Rollout{}), Changed)
	// Another controller with an empty journal finds all right, and knows it from then on.
	other := &memKeeper{now: f.clock.Now}
	f.runner = f.newRunner("bob@lap", other)
	f.want(f.verb(f.runner.Drift(ctx, f.inv, f.inv.Hosts, DriftOptions{})), Foreign)
	s := f.apply(ctx, Rollout{})
	f.want(s, OK)
	if f.hosts[0].writes != 2 {
		t.Errorf("%d writes on the host", f.hosts[0].writes)
	}
	f.want(f.verb(f.runner.Drift(ctx, f.inv, f.inv.Hosts, DriftOptions{})), OK)
}

func TestTheJournalComesFirst(t *testing.T) {
	f := newFarm(t, 2)
	f.keeper.broken = func(op string) error {
		if op == "intend" {
			return errors.New("disk full")
		}
		return nil
	}
	s := f.apply(context.Background(), Rollout{})
	f.want(s, Failed, Failed)
	if f.hosts[0].writes != 0 || !strings.Contains(s.Outcomes[0].Error, "disk full") {
		t.Errorf("%d writes, %q", f.hosts[0].writes, s.Outcomes[0].Error)
	}
	f.keeper.broken = func(op string) error {
		if op == "finish" {
			return errors.New("disk full")
		}
		return nil
	}
	s = f.apply(context.Background(), Rollout{})
	f.want(s, Changed, Changed)
	if !strings.Contains(strings.Join(s.Outcomes[0].Warnings, " "), "recover") {
		t.Errorf("warnings = %q", s.Outcomes[0].Warnings)
	}
	f.keeper.broken = nil
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Changed, Changed)
	f.unfinished(0)
}

func TestRolloutIsChecked(t *testing.T) {
	f := newFarm(t, 1)
	p, _ := f.plan()
	dials := f.hosts[0].dials
	for _, how := range []Rollout{{ConfirmTimeout: 1}, {Serial: []Portion{{0, false}}}, {Serial: []Portion{{101, true}}}, {MaxFail: Portion{-1, false}},
		{OnFail: "all"}, {Manual: true}} {
		if _, err := f.runner.Apply(context.Background(), f.inv, p, how); err == nil {
			t.Errorf("%+v was taken", how)
		}
	}
	if f.hosts[0].dials != dials {
		t.Error("a host was contacted")
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
}
