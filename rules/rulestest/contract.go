// Package rulestest is the contract that every dialect passes, as far as it is
// about values alone: what a script may be, what decoding must refuse, what a
// comparison and a verdict must say. That the real tools accept what a dialect
// writes is each dialect's own test.
package rulestest

import (
	"testing"

	"farmwall/rules"
)

// Fixture is a real host that holds a known set and is in order: nothing is to
// be repaired, and nothing else of ours lies on it.
type Fixture struct {
	Name string
	// Observed is what the dialect's observe script printed there.
	Observed []byte
	// Holds is the settled set that the host holds; it is not empty.
	Holds rules.Set
	// Allowed and Denied are flows whose fate on that host is known, because
	// packets were sent or a person followed the ruleset by hand.
	Allowed, Denied []rules.Flow
}

// Contract reports everything in which the dialect breaks the contract.
func Contract(t *testing.T, d rules.Dialect, fixtures ...Fixture) {
	t.Helper()
	report := func(t *testing.T, errs []error) {
		t.Helper()
		for _, err := range errs {
			t.Error(err)
		}
	}
	t.Run("scripts", func(t *testing.T) { report(t, Scripts(d)) })
	t.Run("answers", func(t *testing.T) { report(t, Answers(d)) })
	if len(fixtures) == 0 {
		t.Error("no fixture: what a dialect reads, compares and judges was not tried")
	}
	for _, f := range fixtures {
		t.Run(f.Name, func(t *testing.T) {
			s, errs := Reading(d, f)
			report(t, errs)
			if s == nil {
				return
			}
			report(t, Comparing(d, s, f))
			report(t, Copies(d, s, f))
			report(t, Judging(d, s, f))
		})
	}
}
