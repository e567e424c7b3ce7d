package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
	"farmwall/tasks/evidence"
	"farmwall/tasks/notify"
	"farmwall/tasks/schedule"
)

// namesOf are the names of a value's fields in JSON.
func namesOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			if f.Type.Kind() == reflect.Pointer {
				names = append(names, namesOf(f.Type.Elem())...)
			} else {
				names = append(names, namesOf(f.Type)...)
			}
		case name == "" && f.IsExported():
			names = append(names, f.Name) // a name that JSON takes from the program
		case name != "-" && name != "":
			names = append(names, name)
		}
	}
	return names
}

func TestJSONDocumentNamesEveryField(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "docs", "json.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{document{}, tasks.Outcome{}, tasks.Event{}, tasks.Pong{}, tasks.Count{}, tasks.JudgedFlow{}, tasks.Probed{}, tasks.ProbeSummary{}, tasks.ProbeSource{}, tasks.RunRecord{}, tasks.Pruned{}, notify.Message{}, notify.HostReport{}, schedule.Entry{}, rules.Change{}, rules.Verdict{}, rules.Finding{}, explainDocument{}, tasks.Explained{}, rules.Share{}, rules.Step{},
		evidence.Report{}, evidence.Scope{}, evidence.Farm{}, evidence.Run{}, evidence.Host{}, evidence.Opening{}, evidence.Sources{}, evidence.GroupPart{}, evidence.ProbeCount{},
		evidence.Exposure{}, evidence.Totals{}, evidence.Chain{}, tasks.Pairs{}, tasks.CycleRecord{}, tasks.StepTime{}} {
		for _, name := range namesOf(reflect.TypeOf(v)) {
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("docs/json.md lacks %s of %T", name, v)
			}
		}
	}
	for _, s := range []tasks.Status{tasks.OK, tasks.Changed, tasks.Differs, tasks.PendingOnly, tasks.Refused, tasks.Restored, tasks.Failed, tasks.Unreachable,
		tasks.Doubtful, tasks.Stale, tasks.LeaseTaken, tasks.NotOpen, tasks.Foreign, tasks.Skipped} {
		if !strings.Contains(string(text), "`"+string(s)+"`") {
			t.Errorf("docs/json.md lacks the status %s", s)
		}
	}
	for _, k := range []tasks.EventKind{tasks.RunStarted, tasks.HostStarted, tasks.HostStep, tasks.HostDone, tasks.BatchStarted, tasks.Waiting, tasks.RunDone, tasks.Notice} {
		if !strings.Contains(string(text), "`"+string(k)+"`") {
			t.Errorf("docs/json.md lacks the event %s", k)
		}
	}
}
