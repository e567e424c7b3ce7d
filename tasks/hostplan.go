package tasks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// compare fills in what a reading of the host says about its plan: what would
// change, why it cannot, and what a person should know.
func (hp *HostPlan) compare(d rules.Dialect, h *inventory.Host, s *rules.State, opt PlanOptions) {
	hp.System, hp.Manager = s.System, s.Manager
	hp.Ours, hp.Rest, hp.Lease, hp.BlocksOutbound = s.Ours, s.Rest, s.Lease.Number, s.BlocksOutbound
	hp.Findings = append(hp.Findings, s.Findings...)
	hp.Warnings = append(hp.Warnings, disowned(h, s)...)
	if hp.Problem = busy(s); hp.Problem != nil {
		return
	}
	settled := hp.Wanted.Settle(s)
	changes, err := prepare(d, h, hp.Farm, s, settled, opt.TakeOver)
	if err != nil {
		hp.Problem = problem(&stepError{"plan", err})
		if hp.Problem.Hint == "" {
			hp.Problem.Hint = "nothing on this host changes until that is settled"
		}
		return
	}
	if hp.Exact == nil {
		hp.Changes = changes
	}
	if len(changes) > 0 && s.Persistence == "" {
		hp.Warnings = append(hp.Warnings, "not persistent on this host: nothing here can load our rules at boot")
	}
	m := remember(d)
	hp.Flows = defeated(m, s, settled, changes)
	for _, f := range hp.Flows {
		hp.Warnings = append(hp.Warnings, "in place, but "+findingText(f))
	}
	will, wont := closedBy(changes, exposed(m, s, settled))
	hp.Findings = append(hp.Findings, exposureFindings(will, "; this plan closes it")...)
	hp.Findings = append(hp.Findings, exposureFindings(wont, "")...)
	hp.Flows = append(hp.Flows, notClosed(h, settled, wont)...)
	if opt.Strict && len(hp.Flows) > 0 {
		hp.Problem = &Problem{Status: Refused, Step: "plan", Text: "strict: " + findingText(hp.Flows[0]),
			Hint: "remove what closes it, or plan without --strict"}
	}
}

// prepare says what must change on a host, or why that is refused.
func prepare(d rules.Dialect, h *inventory.Host, farm string, s *rules.State, settled rules.Set, takeOver string) ([]rules.Change, error) {
	var refusals rules.Refusals
	for _, f := range s.Farms {
		if f != farm && f != takeOver {
			refusals = append(refusals, rules.Refusal{Text: fmt.Sprintf("the host carries rules of farm %s", f),
				Hint: fmt.Sprintf("if farm %s has given it up, use --take-over %s", f, f)})
		}
	}
	if err := d.Check(s, settled); err != nil {
		var more rules.Refusals
		if !errors.As(err, &more) {
			return nil, err
		}
		refusals = append(refusals, more...)
	}
	if len(refusals) > 0 {
		return nil, refusals
	}
	if refusals = rules.Guard(d, s, settled, kept(d, s, h)); len(refusals) > 0 {
		return nil, refusals
	}
	return d.Diff(s, settled), nil
}

// kept is the flows that no change may close: our own connection's, the user's, and
// the platform's.
func kept(d rules.Reader, s *rules.State, h *inventory.Host) []rules.Flow {
	flows := rules.Kept(s, h)
	if k, ok := d.(rules.FlowKeeper); ok {
		flows = append(flows, k.KeptFlows(s)...)
	}
	return flows
}

// busy says that a change is under way on the host, or nil.
func busy(s *rules.State) *Problem {
	switch s.Token.State {
	case "armed":
		return &Problem{Status: LeaseTaken, Step: "observe", Text: fmt.Sprintf("being changed by %s; its switch fires in %s unless it is confirmed", heldBy(s.Lease), s.Token.Left),
			Hint: "wait for that run, or `farmwall recover` if its controller died"}
	case "confirming", "undoing":
		return &Problem{Status: LeaseTaken, Step: "observe", Text: fmt.Sprintf("the change of %s is %s", heldBy(s.Lease), s.Token.State),
			Hint: "`farmwall recover` finishes it"}
	}
	return nil
}

// heldBy is who holds a lease, and since when: by the host's own monotonic clock,
// which is the only one that counts.
func heldBy(l rules.Lease) string {
	if l.Since <= 0 {
		return l.Holder // of before the host's last boot
	}
	return fmt.Sprintf("%s, who took it %s ago by the host's own clock", l.Holder, max(l.Since.Round(time.Second), time.Second))
}

// disowned warns about listed addresses that the host does not have.
func disowned(h *inventory.Host, s *rules.State) []string {
	if len(s.Addresses) == 0 {
		return nil
	}
	var warnings []string
	for _, ip := range h.Addresses.Value {
		if !slices.ContainsFunc(s.Addresses, func(own netip.Addr) bool { return own.Unmap() == ip.Unmap() }) {
			warnings = append(warnings, fmt.Sprintf("the host does not have its listed address %s itself; that is right only behind NAT", ip))
		}
	}
	return warnings
}

// defeated judges the rules of a settled set that are in place already: a flow
// that is closed all the same is closed by something that is not ours.
func defeated(d rules.Reader, s *rules.State, settled rules.Set, changes []rules.Change) []JudgedFlow {
	moving := map[string]bool{}
	for _, c := range changes {
		if c.Verb == rules.Repair {
			return nil // how our rules hang is wrong, so nothing can be said yet
		}
		if c.Want != nil {
			moving[c.Want.ID] = true
		}
	}
	var flows []JudgedFlow
	cuts := cutsOf(d, s, settled)
	for i := range settled {
		if !moving[settled[i].ID] {
			flows = append(flows, only(judgeRule(d, s, cuts, &settled[i]), rules.Denied)...)
		}
	}
	return flows
}
