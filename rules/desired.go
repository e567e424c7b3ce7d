package rules

import (
	"slices"
	"strings"

	"farmwall/inventory"
)

// Desired returns the host's wanted rules with the reason for each, and what a
// person should know about them. Outbound rules may be OnlyIfBlocked: Settle
// the set against the host's state before comparing. The error names every
// mistake at once (inventory.Problems).
func (p *Policy) Desired(h *inventory.Host) (Set, []Note, error) {
	if p.err != nil {
		return nil, nil, p.err
	}
	w := &wanted{policy: p, host: h, farm: p.farmOf(h)}
	if !farmForm.MatchString(w.farm) {
		w.wrong(h.At, "farm name %q is not 1 to 32 of a-z, 0-9 and hyphen", w.farm)
	}
	for _, f := range p.rowsFor(h) {
		if roles := f.of(h); len(roles) > 0 {
			w.row(f.Row, roles)
		}
	}
	for i := range h.Rules {
		w.extra(&h.Rules[i])
	}
	if len(w.problems) > 0 {
		return nil, w.notes, w.problems
	}
	set, err := NewSet(w.rules)
	if err == nil && h.Exposure.Value == inventory.ExposureRestrict && !h.Windows() {
		set, err = NewSet(append(set, closing(set, decider(h.Exposure, string(h.Exposure.Value)))...))
	}
	if err != nil {
		return nil, w.notes, inventory.Problems{{At: h.At, Text: "host " + h.Name + ": " + err.Error()}}
	}
	return set, append(w.notes, widenings(set.Allows())...), nil
}

// farmOf is the farm whose marks the host's rules carry; a host that is no
// member borrows the policy's.
func (p *Policy) farmOf(h *inventory.Host) string {
	switch {
	case h.Farm != "":
		return h.Farm
	case p.farm != "":
		return p.farm
	}
	return "farm"
}

// wanted collects one host's rules.
type wanted struct {
	policy   *Policy
	host     *inventory.Host
	farm     string
	rules    []Rule
	notes    []Note
	problems inventory.Problems
	second   *endpoint // the second-level authentication servers, once known
	said     map[string]bool
}

func (w *wanted) note(kind NoteKind, rule, text string) {
	w.notes = append(w.notes, Note{Kind: kind, Rule: rule, Text: text})
}

// once notes a text about the whole host a single time.
func (w *wanted) once(kind NoteKind, text string) {
	if w.said == nil {
		w.said = map[string]bool{}
	}
	if !w.said[text] {
		w.said[text] = true
		w.note(kind, "", text)
	}
}

// row adds the catalogue row's rule, or notes why there is none.
func (w *wanted) row(r *Row, roles []inventory.Role) {
	why := &Why{Role: roles[0], Row: r.ID, Text: r.Commentary}
	if len(roles) > 1 {
		why.Deciders = append(why.Deciders, "roles "+join(roles))
	}
	if r.MinVersion != "" || r.MaxVersion != "" {
		why.Deciders = append(why.Deciders, w.version(r))
	}
	for _, name := range r.When {
		on, text := w.condition(name)
		if !on {
			w.note(NoteOff, r.ID, text)
			return
		}
		why.Deciders = append(why.Deciders, text)
	}
	rule := Rule{ID: r.ID, Farm: w.farm, Direction: In, Protocol: r.Protocol, Why: why}
	if r.Port != 0 {
		rule.Ports = []PortRange{{First: r.Port, Last: r.Port}}
	}
	switch {
	case r.Direction == "local":
		rule.Loopback = true
	case r.Direction == "out":
		rule.Direction = Out
		if !w.egress(&rule) || !w.endpoint(&rule, r) {
			return
		}
	case r.Scope == External:
	case slices.Contains(r.When, "agent_push"):
		rule.Remotes = w.pushers(r, why)
	case r.Scope == Internal:
		rule.Remotes = w.internal(r, why)
	default:
		// Whatever says neither from where nor for whom opens to nobody.
		rule.Remotes = canonical(nil)
	}
	if r.Advice != "" {
		w.note(NoteAdvice, r.ID, r.Advice)
	}
	w.add(rule)
}

// add keeps a rule unless there is nobody to open to.
func (w *wanted) add(rule Rule) {
	if rule.Remotes.Empty() {
		text := "nobody to open to"
		if n := len(rule.Why.Deciders); n > 0 {
			text += ": " + rule.Why.Deciders[n-1]
		}
		w.note(NoteNobody, rule.ID, text)
		return
	}
	w.rules = append(w.rules, rule)
}

// egress says whether outbound rules are written at all.
func (w *wanted) egress(rule *Rule) bool {
	s := w.host.Egress
	if s.Value == "" {
		s.Value = inventory.EgressAuto
	}
	text := decider(s, string(s.Value))
	if s.Value == inventory.EgressNever {
		w.once(NoteOff, "no outbound rules: "+text)
		return false
	}
	rule.OnlyIfBlocked = s.Value == inventory.EgressAuto
	rule.Why.Deciders = append(rule.Why.Deciders, text)
	return true
}

func (w *wanted) version(r *Row) string {
	s := w.host.Version
	v := versionOf(w.host)
	text := decider(s, number(v.Major)+"."+number(v.Minor))
	switch {
	case r.MaxVersion == "":
		return text + ", the row is for " + r.MinVersion + " and later"
	case r.MinVersion == "":
		return text + ", the row is for " + r.MaxVersion + " and earlier"
	}
	return text + ", the row is for " + r.MinVersion + " to " + r.MaxVersion
}

// condition says whether a setting that a row needs is on, and who decided.
func (w *wanted) condition(name string) (bool, string) {
	var s inventory.Setting[bool]
	switch h := w.host; name {
	case "ssl":
		s = h.SSL
	case "rdp_udp":
		s = h.RDPUDP
	case "client_manager":
		s = h.ClientManager
	case "rdp_load_balancing":
		s = h.RDPLoadBalancing
	case "direct_mode":
		s = h.DirectMode
	case "agent_push":
		return w.agentPush()
	default:
		return false, "farmwall knows no setting " + name
	}
	return s.Value, decider(s, onOff(s.Value))
}

// agentPush: where nothing is set, every component gets it but HALB, which is an
// appliance, and the client, which is a user's device.
func (w *wanted) agentPush() (bool, string) {
	s := w.host.AgentPush
	if s.Set {
		return s.Value, decider(s, onOff(s.Value))
	}
	for _, r := range w.host.Roles {
		if r != inventory.HALB && r != inventory.Client {
			return true, "ras_agent_push is on (default for " + string(r) + ")"
		}
	}
	return false, "ras_agent_push is off (default for " + join(w.host.Roles) + ")"
}

func join(roles []inventory.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}
