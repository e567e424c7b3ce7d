package tasks

import "farmwall/rules"

// The causes of a difference.
const (
	causeHost    = "host"         // the host is not as it was confirmed
	causePolicy  = "policy"       // only the inventory wants something new
	causeBoth    = "both"         // both
	causeForeign = "foreign rule" // what is ours is as it was confirmed; a rule that is not ours decides now
)

// threeWays is what drift compares a host with: what was last confirmed on it, and
// what the inventory wants now.
type threeWays struct {
	last rules.Set
	// wanted and settled are the inventory's, where it is known.
	wanted, settled rules.Set
	known           bool
	// moved: what is ours on the host has another fingerprint than right after it was
	// confirmed, or none is known.
	moved bool
}

// policyMoved says whether the inventory wants another rule of that name than was
// applied. An outbound rule that comes or goes because the host blocks outbound
// traffic now, or no more, is no change of the policy.
func (t *threeWays) policyMoved(id string) bool {
	if !t.known || id == "" {
		return false
	}
	was, now := t.last.Find(id), t.settled.Find(id)
	if same(was, now) {
		return false
	}
	want := t.wanted.Find(id)
	return want == nil || !want.OnlyIfBlocked || was != nil && now != nil
}

// anyPolicyMoved says whether the inventory wants anything else than was applied.
func (t *threeWays) anyPolicyMoved() bool {
	for _, set := range []rules.Set{t.last, t.settled} {
		for i := range set {
			if t.policyMoved(set[i].ID) {
				return true
			}
		}
	}
	return false
}

// ofHost is why the host is not what was confirmed.
func (t *threeWays) ofHost() string {
	if t.moved {
		return causeHost
	}
	return causeForeign
}

// explain gives each difference its cause. changes lead back to what was confirmed,
// pending to what the inventory wants beyond that.
func (t *threeWays) explain(changes, pending []rules.Change) {
	hostMoved := map[string]bool{}
	for i := range changes {
		id := idOf(&changes[i])
		hostMoved[id] = true
		changes[i].Cause = t.ofHost()
		if t.policyMoved(id) {
			changes[i].Cause = causeBoth
		}
	}
	for i := range pending {
		switch id := idOf(&pending[i]); {
		case t.policyMoved(id) && hostMoved[id]:
			pending[i].Cause = causeBoth
		case t.policyMoved(id), id == "" && t.anyPolicyMoved():
			pending[i].Cause = causePolicy
		default:
			pending[i].Cause = t.ofHost()
		}
	}
}

// cause is why a host with these changes differs.
func (t *threeWays) cause(changes []rules.Change) string {
	if t.anyPolicyMoved() {
		return causeBoth
	}
	for i := range changes {
		if changes[i].Cause == causeForeign {
			return causeForeign
		}
	}
	return causeHost
}

// causeOfPending is why the inventory wants something that the host has not, which is
// as it was confirmed; nobody knows where nothing is known to have been applied.
func (t *threeWays) causeOfPending() string {
	switch {
	case !t.known:
		return ""
	case t.anyPolicyMoved():
		return causePolicy
	}
	return t.ofHost()
}

// idOf is the name of the rule that a change is about, empty for a repair.
func idOf(c *rules.Change) string {
	switch {
	case c.Want != nil:
		return c.Want.ID
	case c.Have != nil:
		return c.Have.ID
	}
	return ""
}

// withCauses gives changes the causes that drift found for the same ones.
func withCauses(changes, found []rules.Change) {
	causes := map[string]string{}
	for i := range found {
		causes[changeKey(&found[i])] = found[i].Cause
	}
	for i := range changes {
		changes[i].Cause = causes[changeKey(&changes[i])]
	}
}
