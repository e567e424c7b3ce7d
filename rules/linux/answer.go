package linux

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"farmwall/rules"
)

// Answer reads what a script of the frame printed: the line "farmwall answer 1", lines
// KEY VALUE, the line "end".
func (s *System) Answer(out []byte) (*rules.Report, error) {
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) < 3 || lines[0] != "farmwall answer 1" || lines[len(lines)-1] != "end" {
		return nil, fmt.Errorf("the host's answer is cut off or no answer: %s", brief(out))
	}
	var r rules.Report
	var messages []string
	seen := make(map[string]bool)
	for _, l := range lines[1 : len(lines)-1] {
		key, value, _ := strings.Cut(l, " ")
		if seen[key] && key != "message" {
			return nil, fmt.Errorf("the host's answer says %s twice", key)
		}
		seen[key] = true
		var err error
		switch key {
		case "result":
			r.Result, err = result(value)
		case "lease":
			r.Lease, err = strconv.ParseUint(value, 10, 63)
		case "left":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 31)
			r.Left = time.Duration(n) * time.Second
		case "holder":
			r.Holder = strings.TrimSpace(value)
		case "ours":
			r.Ours = value
		case "unsaved":
			r.Unsaved = value
		case "message":
			messages = append(messages, value)
		default:
			err = fmt.Errorf("unknown line")
		}
		if err != nil {
			return nil, fmt.Errorf("the host's answer holds %s: %w", brief([]byte(l)), err)
		}
	}
	if r.Result == "" {
		return nil, fmt.Errorf("the host's answer has no result: %s", brief(out))
	}
	r.Message = strings.Join(messages, "\n")
	return &r, nil
}

func result(s string) (rules.Result, error) {
	switch r := rules.Result(s); r {
	case rules.Applied, rules.Confirmed, rules.Undone, rules.Idle, rules.Pending, rules.Taken,
		rules.StaleOurs, rules.StaleRest, rules.Refused, rules.Failed, rules.TooLate:
		return r, nil
	}
	return "", fmt.Errorf("unknown result")
}
