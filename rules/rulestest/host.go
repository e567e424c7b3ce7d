package rulestest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"farmwall/rules"
)

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Reading checks that a host is read the same each time, and never from half
// an answer. The state is nil where it could not be read.
func Reading(d rules.Dialect, f Fixture) (*rules.State, []error) {
	var s *rules.State
	errs := quietly("Decode", func() (err error) { s, err = d.Decode(f.Observed); return err })
	if s == nil || len(errs) > 0 {
		return nil, errs
	}
	again, err := d.Decode(f.Observed)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("read again: %w", err))
	case again.Ours != s.Ours || again.Rest != s.Rest || len(d.Diff(again, f.Holds)) != len(d.Diff(s, f.Holds)):
		errs = append(errs, fmt.Errorf("one answer was read as two states"))
	}
	if !digestForm.MatchString(s.Ours) || !digestForm.MatchString(s.Rest) || s.Ours == s.Rest {
		errs = append(errs, fmt.Errorf("the fingerprints are %q and %q", s.Ours, s.Rest))
	}
	whole := bytes.TrimRight(f.Observed, "\r\n")
	for n := range 64 {
		part := whole[:len(whole)*n/64]
		errs = append(errs, quietly("Decode of a part", func() error {
			if _, err := d.Decode(part); err == nil {
				return fmt.Errorf("the first %d of %d bytes were taken for a whole answer", len(part), len(whole))
			}
			return nil
		})...)
	}
	for _, b := range spoiled(f.Observed, 200) {
		errs = append(errs, quietly("Decode of a spoiled answer", func() error {
			if odd, err := d.Decode(b); err == nil {
				d.Diff(odd, f.Holds)
				for _, e := range rules.Flows(f.Holds) {
					d.Judge(odd, e.Flow)
				}
			}
			return nil
		})...)
	}
	return s, errs
}

// Comparing checks what the comparison finds: nothing on a host in order, all of
// ours when nothing is wanted, and one rule when one more is.
func Comparing(d rules.Dialect, s *rules.State, f Fixture) []error {
	var errs []error
	if len(f.Holds) == 0 {
		return []error{fmt.Errorf("the fixture holds nothing")}
	}
	if c := d.Diff(s, f.Holds); len(c) > 0 {
		errs = append(errs, fmt.Errorf("a host in order differs: %+v", c[0]))
	}
	if err := d.Check(s, f.Holds); err != nil {
		errs = append(errs, fmt.Errorf("what the host holds is refused: %w", err))
	}
	gone := map[string]bool{}
	for _, c := range d.Diff(s, nil) {
		switch {
		case c.Verb == rules.Remove && c.Have != nil:
			gone[c.Have.ID] = true
		case c.Verb != rules.Repair:
			errs = append(errs, fmt.Errorf("nothing is wanted, and yet: %s", c.Verb))
		}
	}
	for i := range f.Holds {
		if !gone[f.Holds[i].ID] {
			errs = append(errs, fmt.Errorf("nothing is wanted, and yet %s stays", f.Holds[i].ID))
		}
	}
	more, err := rules.NewSet(append(slices.Clone(f.Holds), newRule(f.Holds[0].Farm)))
	if err != nil {
		return append(errs, err)
	}
	added := 0
	for _, c := range d.Diff(s, more) {
		if c.Verb == rules.Add && c.Want != nil && c.Want.ID == newID {
			added++
		} else if c.Verb != rules.Repair {
			errs = append(errs, fmt.Errorf("one rule more is wanted, and yet: %s %+v", c.Verb, c))
		}
	}
	if added != 1 {
		errs = append(errs, fmt.Errorf("one rule more is wanted, and %d changes add it", added))
	}
	return append(errs, blocking(d, s, more)...)
}

// blocking checks a rule that blocks: it is refused by name, or it is a rule like any
// other, with a content of its own.
func blocking(d rules.Dialect, s *rules.State, set rules.Set) []error {
	block := newRule(set[0].Farm)
	block.ID, block.Remotes, block.Block = "exposure.tcp-64999-65001", nil, true
	with, err := rules.NewSet(append(slices.Clone(set), block))
	if err != nil {
		return []error{err}
	}
	if err := d.Check(s, with); err != nil {
		var refusals rules.Refusals
		if !errors.As(err, &refusals) || !slices.ContainsFunc(refusals, func(r rules.Refusal) bool { return r.Rule == block.ID }) {
			return []error{fmt.Errorf("a rule that blocks is refused, and not by its name: %w", err)}
		}
		return nil
	}
	var errs []error
	added := 0
	for _, c := range d.Diff(s, with) {
		if c.Verb == rules.Add && c.Want != nil && c.Want.ID == block.ID && c.Want.Block {
			added++
		}
	}
	if added != 1 {
		errs = append(errs, fmt.Errorf("a rule that blocks is wanted, and %d changes add it", added))
	}
	opens := with.Find(block.ID)
	opened := slices.Clone(with)
	opened[len(opened)-1].Block = false
	closed, err := d.Target(s, with)
	if other, otherErr := d.Target(s, opened); err != nil || otherErr != nil || opens == nil || bytes.Equal(closed, other) {
		errs = append(errs, fmt.Errorf("a rule that blocks is written like one that lets in (%v, %v)", err, otherErr))
	}
	return errs
}

const newID = "contract.new-rule"

func newRule(farm string) rules.Rule {
	return rules.Rule{ID: newID, Farm: farm, Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 64999, Last: 65001}},
		Remotes: rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/25"), netip.MustParsePrefix("2001:db8::/48")})}
}

// Copies checks that a copy is made of the rules' content alone, and the same
// each time.
func Copies(d rules.Dialect, s *rules.State, f Fixture) []error {
	var errs []error
	explained := slices.Clone(f.Holds)
	for i := range explained {
		explained[i].Why = &rules.Why{Row: hostile, Text: hostile, Deciders: []string{hostile}}
	}
	first, err := d.Target(s, f.Holds)
	if err != nil {
		return []error{fmt.Errorf("Target: %w", err)}
	}
	for name, set := range map[string]rules.Set{"again": f.Holds, "with hostile reasons": explained} {
		if c, err := d.Target(s, set); err != nil || !bytes.Equal(c, first) {
			errs = append(errs, fmt.Errorf("the target %s is another one (%v)", name, err))
		}
	}
	if none, err := d.Target(s, nil); err != nil || bytes.Equal(none, first) {
		errs = append(errs, fmt.Errorf("the target of the empty set is that of the full one (%v)", err))
	}
	undo, err := d.Undo(s)
	if err != nil {
		return append(errs, fmt.Errorf("Undo: %w", err))
	}
	if again, err := d.Undo(s); err != nil || !bytes.Equal(undo, again) {
		errs = append(errs, fmt.Errorf("two undos of one state differ (%v)", err))
	}
	return errs
}

// Judging checks known verdicts, and that every verdict says why.
func Judging(d rules.Dialect, s *rules.State, f Fixture) []error {
	var errs []error
	judge := func(flow rules.Flow, want rules.Answer) {
		errs = append(errs, quietly("Judge", func() error {
			v := d.Judge(s, flow)
			switch {
			case want != "" && v.Answer != want:
				return fmt.Errorf("%s from %s without %s is %s (%s %s), should be %s", flow, flow.Remotes, flow.Not, v.Answer, v.By, v.Reason, want)
			case v.Answer == rules.Unknown && v.Reason == "":
				return fmt.Errorf("%s is unknown, and nobody says why", flow)
			case (v.Answer == rules.Allowed || v.Answer == rules.Denied) && strings.TrimSpace(v.By) == "":
				return fmt.Errorf("%s is %s, and nobody says by what", flow, v.Answer)
			case v.Answer != rules.Allowed && v.Answer != rules.Denied && v.Answer != rules.Unknown:
				return fmt.Errorf("%s is %q", flow, v.Answer)
			}
			return nil
		})...)
	}
	for _, flow := range f.Allowed {
		judge(flow, rules.Allowed)
	}
	for _, flow := range f.Denied {
		judge(flow, rules.Denied)
	}
	for _, direction := range []rules.Direction{rules.In, rules.Out} {
		for _, protocol := range []rules.Protocol{0, 1, rules.TCP, rules.UDP, 47, 58, rules.VRRP, math.MaxUint8} {
			for _, remotes := range []*rules.Addresses{nil, rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("::/0")}),
				rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("fe80::1/128")})} {
				flow := rules.Flow{Direction: direction, Protocol: protocol, Remotes: remotes}
				if protocol == rules.TCP || protocol == rules.UDP {
					flow.Port = 61234
				}
				judge(flow, "")
				flow.Not = newRule("f").Remotes
				judge(flow, "")
				flow.Not, flow.Loopback = nil, remotes == nil
				judge(flow, "")
			}
		}
	}
	return errs
}
