package tasks

import (
	"slices"
	"testing"

	"farmwall/rules"
)

// counting is a reader that knows where its foreign rules begin and end, and counts
// how often it is asked.
type counting struct {
	fakeDialect
	asked *int
	mute  bool // it cannot say where verdicts change
}

func (c counting) Judge(s *rules.State, f rules.Flow) rules.Verdict {
	*c.asked++
	return c.fakeDialect.Judge(s, f)
}

func (c counting) PortBounds(s *rules.State) ([]uint16, bool) {
	w := s.Native.(*seen).Wall
	var out []uint16
	for _, f := range w.Foreign {
		out = append(out, f.Port, f.Port+1)
	}
	for _, r := range w.Loaded {
		for _, p := range r.Ports {
			out = append(out, p.First)
			if p.Last < 65535 {
				out = append(out, p.Last+1)
			}
		}
	}
	slices.Sort(out)
	return out, !c.mute
}

func allPorts() rules.Set {
	return rules.Set{{Farm: "farm", ID: "all", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 1, Last: 65535}}}}
}

// One closed port among 65,535 is found, and not by asking for each of them.
func TestALongRangeIsJudgedWholeAndFast(t *testing.T) {
	set := allPorts()
	state := func(foreign ...foreignRule) *rules.State {
		return &rules.State{Native: &seen{Wall: fakeWall{Policy: "drop", Loaded: set, Foreign: foreign}}}
	}
	asked := 0
	d := counting{asked: &asked}
	open, hole := state(foreignRule{22, "accept"}), state(foreignRule{22, "accept"}, foreignRule{31_234, "drop"})

	if got := judgeSet(d, open, set); len(got) != 1 || got[0].Verdict.Answer != rules.Allowed || got[0].Flow.Port != 1 {
		t.Errorf("all open: %+v", got)
	}
	if got := judgeSet(d, hole, set); len(got) != 1 || got[0].Verdict.Answer != rules.Denied || got[0].Flow.Port != 31_234 {
		t.Errorf("one closed: %+v", got)
	}
	// What is guarded was found on another reading than the one that closes it.
	guarded := protected(d, open, nil, set, set)
	if _, _, found := closed(d, open, guarded); found {
		t.Error("something is closed where nothing is")
	}
	if g, by, found := closed(d, hole, guarded); !found || g.flow.Port != 31_234 || by != "foreign drop" {
		t.Errorf("closed: %+v %q %v", g, by, found)
	}
	some := allPorts()
	some[0].Remotes = rules.NewAddresses(nil)
	exposed := only(outsiders(d, state(foreignRule{40_000, "accept"}), some), rules.Allowed)
	if len(exposed) != 1 || exposed[0].Flow.Port != 40_000 {
		t.Errorf("exposed: %+v", exposed)
	}
	if asked > 60 {
		t.Errorf("the reader was asked %d times", asked)
	}

	// Both sets together decide which flows are guarded.
	half := allPorts()
	half[0].Ports[0].Last = 30_000
	if g, _, found := closed(d, hole, protected(d, open, nil, half, set)); found {
		t.Errorf("port %d was never wanted before", g.flow.Port)
	}

	// A reader that cannot say is asked for every port.
	asked = 0
	d.mute = true
	if got := judgeSet(d, hole, set); got[0].Flow.Port != 31_234 || asked != 31_234 {
		t.Errorf("%+v after %d questions", got, asked)
	}
}

func TestCuts(t *testing.T) {
	c := cuts{at: []uint16{5, 10, 11, 65535}}
	for _, x := range []struct {
		of   rules.PortRange
		want []rules.PortRange
	}{
		{rules.PortRange{}, []rules.PortRange{{}}},
		{rules.PortRange{First: 5, Last: 5}, []rules.PortRange{{First: 5, Last: 5}}},
		{rules.PortRange{First: 5, Last: 9}, []rules.PortRange{{First: 5, Last: 9}}},
		{rules.PortRange{First: 4, Last: 10}, []rules.PortRange{{First: 4, Last: 4}, {First: 5, Last: 9}, {First: 10, Last: 10}}},
		{rules.PortRange{First: 12, Last: 65535}, []rules.PortRange{{First: 12, Last: 65534}, {First: 65535, Last: 65535}}},
	} {
		if got := c.parts(x.of); !slices.Equal(got, x.want) {
			t.Errorf("%v is cut into %v, not %v", x.of, got, x.want)
		}
	}
}
