package windows

import (
	"fmt"
	"time"

	"farmwall/rules"
)

// Answer reads what a script of the frame answered.
func (s *System) Answer(out []byte) (*rules.Report, error) {
	var w reportWire
	if err := decodeStrict(out, &w); err != nil {
		return nil, fmt.Errorf("the host's answer: %w", err)
	}
	if w.Format != format {
		return nil, fmt.Errorf("the host's answer has the format %d, not %d", w.Format, format)
	}
	switch r := rules.Result(w.Result); r {
	case rules.Applied, rules.Confirmed, rules.Undone, rules.Idle, rules.Pending, rules.Taken,
		rules.StaleOurs, rules.StaleRest, rules.Refused, rules.Failed, rules.TooLate:
	default:
		return nil, fmt.Errorf("the host's answer has the result %q", brief(w.Result))
	}
	if w.Ours != "" && !fingerprintForm.MatchString(w.Ours) {
		return nil, fmt.Errorf("the host's answer has the fingerprint %q", brief(w.Ours))
	}
	left := milliseconds(w.LeftMS)
	return &rules.Report{Result: rules.Result(w.Result), Lease: w.Lease, Ours: w.Ours, Left: left.Truncate(time.Millisecond),
		Holder: w.Holder, Message: w.Message, Unsaved: w.Unsaved}, nil
}
