package tasks

import (
	"context"
	"reflect"
	"testing"

	"farmwall/rules"
)

// What drift compares with afterwards is kept beside what was written, where the two
// differ; the chain of the journal holds it too.
func TestTheJournalKeepsABaseline(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	j := openJournal(t, dir)
	written, baseline := sampleSet(t, "a"), sampleSet(t, "a", "b")
	block := rules.Rule{ID: "exposure.tcp-135", Farm: "farm", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 135, Last: 135}}, Block: true}
	baseline, err := rules.NewSet(append(baseline, block))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		j.Begin(ctx, RunRecord{ID: "r1", Verb: "drift", Controller: "ann@desk"}),
		j.Intend(ctx, HostRecord{Run: "r1", Farm: "farm", Host: "web1", Target: written, Baseline: baseline, Undo: rules.Copy("undo")}),
		j.Finish(ctx, "r1", "farm", "web1", Changed, "", "bb"),
		j.End(ctx, "r1", 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	j = openJournal(t, dir)
	last, err := j.Last(ctx, "farm", "web1")
	if err != nil || !reflect.DeepEqual(last.Set, baseline) || last.Digest != written.Digest() || !last.Set[len(last.Set)-1].Block {
		t.Errorf("%+v, %v", last, err)
	}
	run, err := j.Run(ctx, "r1")
	if err != nil || !reflect.DeepEqual(run.Hosts[0].Target, written) || !reflect.DeepEqual(run.Hosts[0].Baseline, baseline) {
		t.Errorf("%+v, %v", run, err)
	}
	if _, _, err := j.Verify(ctx); err != nil {
		t.Error(err)
	}
	recordChange(t, j, "r2", "web1", nil, written)
	if last, err := j.Last(ctx, "farm", "web1"); err != nil || !reflect.DeepEqual(last.Set, written) {
		t.Errorf("%+v, %v", last, err)
	}
}
