package evidence_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
)

// What somebody answers for is in the file as a result that is suppressed, with the
// reason and the place of the entry; all else is not.
func TestAcceptedDifferencesAreSuppressed(t *testing.T) {
	s := newSample(t, fiveHosts, true)
	seen, err := s.journal.EvidenceOf(context.Background(), s.run)
	s.must(err)
	s.run = "drift-20261123-052000-accepted"
	e := seen[3]
	open := 0
	for i := range e.After.Flows {
		if f := &e.After.Flows[i]; f.Outsider && f.Port == 445 {
			f.Answer, f.By, open = rules.Allowed, "table inet filter, chain input", open+1
			e.Accepted = append(e.Accepted, tasks.Accepted{Flow: &tasks.JudgedFlow{Rule: f.Rule, Flow: rules.Flow{Not: &rules.Addresses{}}}, Reason: "the backup needs it", Until: "2027-01-31", At: "accepted.yml:7"})
		}
	}
	if open != 1 {
		t.Fatalf("%d flows of port 445", open)
	}
	e.Run, e.Verb, e.Status, e.Changes = s.run, "drift", tasks.Differs, []rules.Change{{Verb: rules.Remove, Have: &rules.Rule{ID: "site.extra"}}}
	e.Accepted = append(e.Accepted, tasks.Accepted{Change: &rules.Change{Verb: rules.Remove, Have: &rules.Rule{ID: "site.kept"}}, Reason: "until the move", Until: "2026-12-31", At: filepath.ToSlash(filepath.Join(s.dir, "accepted.yml:12"))})
	s.must(s.journal.Witness(context.Background(), []tasks.Evidence{e}))
	text := written(t, s.build(nil).WriteSARIF)
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID       string `json:"ruleId"`
				Message      struct{ Text string }
				Suppressions []struct {
					Justification string
					Location      struct {
						Physical struct {
							Artifact struct{ URI string }    `json:"artifactLocation"`
							Region   struct{ StartLine int } `json:"region"`
						} `json:"physicalLocation"`
					}
				}
			}
		}
	}
	s.must(json.Unmarshal([]byte(text), &log))
	got := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		why := ""
		if len(r.Suppressions) > 0 {
			x := r.Suppressions[0]
			why = x.Justification + " " + x.Location.Physical.Artifact.URI
			if x.Location.Physical.Region.StartLine > 0 {
				why += " with its line"
			}
		}
		got[r.Message.Text+" | "+why] = true
	}
	for _, want := range []string{
		"rds1: tcp 445 is open to others too, allowed by table inet filter, chain input | the backup needs it (until 2027-01-31) accepted.yml with its line",
		"rds1: - site.kept protocol 0 from anywhere | until the move (until 2026-12-31) file://" + filepath.ToSlash(s.dir) + "/accepted.yml with its line",
		"rds1: - site.extra protocol 0 from anywhere | ",
	} {
		if !got[want] {
			t.Errorf("no %q in %v", want, got)
		}
	}
}
