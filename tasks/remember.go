package tasks

import (
	"fmt"

	"farmwall/rules"
)

// memory is a Reader that judges each flow of one state once.
type memory struct {
	rules.Reader
	verdicts map[string]rules.Verdict
	bounds   []uint16
	bounded  bool
	asked    bool
}

// remember makes a memory, for one state of one host and for one goroutine.
func remember(d rules.Reader) rules.Reader {
	if m, is := d.(*memory); is {
		return m
	}
	return &memory{Reader: d, verdicts: map[string]rules.Verdict{}}
}

// Judge says what a flow meets on the host.
func (m *memory) Judge(s *rules.State, f rules.Flow) rules.Verdict {
	list := func(a *rules.Addresses) string {
		if a == nil {
			return "-"
		}
		return a.Hash()
	}
	key := fmt.Sprint(f.Direction, f.Protocol, " ", f.Port, " ", f.Loopback, " ", list(f.Remotes), " ", list(f.Not))
	v, known := m.verdicts[key]
	if !known {
		v = m.Reader.Judge(s, f)
		m.verdicts[key] = v
	}
	return v
}

// PortBounds is the Reader's own.
func (m *memory) PortBounds(s *rules.State) ([]uint16, bool) {
	if !m.asked {
		m.asked = true
		if b, can := m.Reader.(rules.PortBounder); can {
			m.bounds, m.bounded = b.PortBounds(s)
		}
	}
	return m.bounds, m.bounded
}
