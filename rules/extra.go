package rules

import (
	"fmt"
	"regexp"
	"strings"

	"farmwall/inventory"
)

var (
	idForm   = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)
	farmForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
)

func (w *wanted) wrong(at inventory.Position, format string, args ...any) {
	w.problems = append(w.problems, inventory.Problem{At: at, Text: fmt.Sprintf(format, args...)})
}

// extra adds a rule of farmwall_rules. It needs no role.
func (w *wanted) extra(e *inventory.ExtraRule) {
	if !within(versionOf(w.host), boundOf(e.MinVersion), boundOf(e.MaxVersion)) {
		w.note(NoteOff, e.ID, "its version bounds leave out RAS "+number(versionOf(w.host).Major)+"."+number(versionOf(w.host).Minor))
		return
	}
	if !w.sayable(e) {
		return
	}
	why := &Why{Row: e.ID, Text: e.Commentary, Deciders: []string{"farmwall_rules"}}
	if at := e.At.String(); at != "" {
		why.Deciders[0] += " (" + at + ")"
	}
	rule := Rule{ID: e.ID, Farm: w.farm, Direction: In, Protocol: Protocol(e.Protocol), Ports: e.Ports, Why: why}
	if e.Direction == "out" {
		rule.Direction = Out
		if !w.egress(&rule) {
			return
		}
	}
	switch {
	case len(e.Remotes) > 0:
		rule.Remotes = w.policy.lists.networks(e.Remotes)
	case e.RemoteName != "":
		end := w.named(nil, []string{e.RemoteName})
		if end == nil {
			return
		}
		rule.Remotes = end.to
		why.Deciders = append(why.Deciders, end.deciders...)
	case e.Direction == "local" || e.Scope == string(Localhost):
		rule.Loopback = true
	case e.Scope == string(External) || e.Scope == string(AnyScope):
	default:
		rule.Remotes = w.everyMember(why)
	}
	w.add(rule)
}

// sayable reports what would make a rule other than the one that was meant.
func (w *wanted) sayable(e *inventory.ExtraRule) bool {
	before := len(w.problems)
	wrong := func(format string, args ...any) {
		w.wrong(e.At, "farmwall_rules: rule %q "+format, append([]any{e.ID}, args...)...)
	}
	if !idForm.MatchString(e.ID) {
		wrong("needs a name of 1 to 64 of a-z, 0-9, dot and hyphen")
	}
	if strings.HasPrefix(e.ID, exposurePrefix) {
		wrong("has a name that begins with %q, which is kept for the rules of farmwall_exposure; give it another", exposurePrefix)
	}
	if w.policy.ids[e.ID] {
		wrong("has the name of a row of the port reference; give it another")
	}
	ported := Protocol(e.Protocol) == TCP || Protocol(e.Protocol) == UDP
	if ported != (len(e.Ports) > 0) {
		wrong("must have ports with TCP and UDP, and none with another protocol")
	}
	for _, p := range e.Ports {
		if p.First == 0 || p.First > p.Last {
			wrong("has the ports %d-%d", p.First, p.Last)
		}
	}
	if e.RemoteName != "" && e.Direction != "out" {
		wrong("comes from a name; only outbound rules lead to one")
	}
	if len(e.Remotes) > 0 && (e.Direction == "local" || e.Scope == string(Localhost)) {
		wrong("is for this host alone and names remotes")
	}
	return len(w.problems) == before
}
