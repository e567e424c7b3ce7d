package rules

import (
	"net/netip"

	"farmwall/inventory"
)

// endpoint is where an outbound row leads; to is nil for anywhere.
type endpoint struct {
	to       *Addresses
	deciders []string
}

// endpoint sets where an outbound row leads; false where that is not known and
// a problem was reported.
func (w *wanted) endpoint(rule *Rule, r *Row) bool {
	var e *endpoint
	switch {
	case r.Remote == "":
		e = &endpoint{}
	case secondLevel(r):
		if w.second == nil {
			w.second = w.secondLevel()
		}
		e = w.second
	default:
		e = w.named(nil, []string{r.Remote})
	}
	if e == nil {
		return false
	}
	rule.Remotes = e.to
	rule.Why.Deciders = append(rule.Why.Deciders, e.deciders...)
	return true
}

// secondLevel is the servers of ras_second_level_auth_servers.
func (w *wanted) secondLevel() *endpoint {
	s := w.host.SecondLevelAuthServers
	if len(s.Value) == 0 {
		return &endpoint{to: canonical(nil), deciders: []string{"ras_second_level_auth_servers names none"}}
	}
	ps, names := servers(w.host)
	e := w.named(ps, names)
	if e != nil {
		e.deciders = append([]string{decider(s, plural(len(s.Value), "server"))}, e.deciders...)
	}
	return e
}

// named is the addresses with those of the names, where they are to be
// resolved; otherwise one name means anywhere, for a name cannot be written
// into a firewall.
func (w *wanted) named(ps []netip.Prefix, names []string) *endpoint {
	e := &endpoint{}
	resolve := w.host.ResolveEndpoints
	if len(names) > 0 && !resolve.Value {
		e.deciders = []string{names[0] + " is a name, so the port is allowed to anywhere: " + decider(resolve, "off")}
		return e
	}
	for _, name := range names {
		ips, ok := w.policy.resolved[name]
		if !ok {
			w.wrong(resolve.At, "host %s: %s was not resolved, though %s", w.host.Name, name, decider(resolve, "on"))
			return nil
		}
		ps = append(ps, single(ips)...)
		e.deciders = append(e.deciders, name+" has "+plural(len(ips), "address record")+": "+decider(resolve, "on"))
	}
	e.to = w.policy.lists.networks(ps)
	return e
}

// servers splits ras_second_level_auth_servers into addresses and names.
func servers(h *inventory.Host) (ps []netip.Prefix, names []string) {
	for _, text := range h.SecondLevelAuthServers.Value {
		if p, err := netip.ParsePrefix(text); err == nil {
			ps = append(ps, p)
		} else if ip, err := netip.ParseAddr(text); err == nil {
			ps = append(ps, single([]netip.Addr{ip.WithZone("")})...)
		} else {
			names = append(names, text)
		}
	}
	return ps, names
}
