package rules

import (
	"net/netip"
	"strings"
	"sync"

	"farmwall/inventory"
)

// lists makes each distinct address list of a farm once, so that hosts share
// it by pointer: a farm of n hosts costs n, not n times n.
type lists struct {
	farm   *Addresses                        // every member
	byRole map[inventory.Role][]netip.Prefix // members with the role

	mu       sync.Mutex
	byRoles  map[string]*Addresses        // members with one of the roles, by their names
	byText   map[string]*Addresses        // networks as somebody wrote them
	together map[[2]*Addresses]*Addresses // unions
}

func newLists(members []*inventory.Host) *lists {
	l := &lists{
		byRole: map[inventory.Role][]netip.Prefix{}, byRoles: map[string]*Addresses{},
		byText: map[string]*Addresses{}, together: map[[2]*Addresses]*Addresses{},
	}
	var all []netip.Prefix
	for _, h := range members {
		ps := single(h.Addresses.Value)
		if h.Has(inventory.HALB) {
			ps = append(ps, single(h.VIP.Value)...)
		}
		all = append(all, ps...)
		for _, r := range h.Roles {
			l.byRole[r] = append(l.byRole[r], ps...)
		}
	}
	l.farm = NewAddresses(all)
	return l
}

// single makes a prefix of each address.
func single(ips []netip.Addr) []netip.Prefix {
	ps := make([]netip.Prefix, 0, len(ips))
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.IsValid() {
			ps = append(ps, netip.PrefixFrom(ip, ip.BitLen()))
		}
	}
	return ps
}

// members returns those with at least one of the roles.
func (l *lists) members(roles ...inventory.Role) *Addresses {
	var key strings.Builder
	for _, r := range roles {
		key.WriteString(string(r))
		key.WriteByte(' ')
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.byRoles[key.String()]
	if !ok {
		var ps []netip.Prefix
		for _, r := range roles {
			ps = append(ps, l.byRole[r]...)
		}
		a = NewAddresses(ps)
		l.byRoles[key.String()] = a
	}
	return a
}

// networks returns the list of what somebody wrote; nil, anywhere, only where
// all of IPv4 and all of IPv6 were written.
func (l *lists) networks(ps []netip.Prefix) *Addresses {
	b := make([]byte, 0, 24*len(ps))
	for _, p := range ps {
		b = append(p.AppendTo(b), ' ')
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.byText[string(b)]
	if !ok {
		if a = NewAddresses(ps); a.Covers(nil) {
			a = nil
		}
		l.byText[string(b)] = a
	}
	return a
}

// union returns what is in either.
func (l *lists) union(a, b *Addresses) *Addresses {
	switch {
	case a == nil || b == nil:
		return nil
	case b.Empty():
		return a
	case a.Empty():
		return b
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := [2]*Addresses{a, b}
	u, ok := l.together[key]
	if !ok {
		if u = a.Union(b); u.Covers(nil) {
			u = nil
		}
		l.together[key] = u
	}
	return u
}
