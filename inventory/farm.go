package inventory

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var farmName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// defaultFarm is the farm's name where no host has ras_farm.
const defaultFarm = "farm"

// farms finds out who is a member of which farm.
type farms struct {
	*reading
	inv    *Inventory
	byName map[string]*Farm
	named  bool           // some host has ras_farm
	chosen map[*Host]bool // whose passwords are fetched at once
}

// read gives a host its roles, settings and access.
func (f *farms) read(h *Host, opt *Options) {
	v := &variables{reading: f.reading, of: h, host: h.Name, at: h.At, vars: h.Vars}
	h.Settings = v.settings()
	h.Roles = v.roles(h)
	member := setting(v, "ras_member", false, readBool)
	if member.Set && !member.Value && len(h.Roles) > 0 {
		value := h.Vars["ras_member"]
		v.tell("ras_member", value, value.At, "take the host out of the group that gives it the role, or the variable away", "ras_member is off but host %q has the role %s", h.Name, h.Roles[0])
	}
	h.member = len(h.Roles) > 0 || member.Value
	if h.member && h.ProbeOutsider.Value {
		value := h.Vars["farmwall_probe_outsider"]
		v.tell("farmwall_probe_outsider", value, value.At, "name a host that has no role, or leave it to the controller", "host %q is a member of the farm and cannot be the outsider of its probes", h.Name)
	}
	farm := setting(v, "ras_farm", "", readFarm)
	f.named = f.named || farm.Set
	h.farm = farm.Value
	v.quiet = !h.Contacted() && !h.ProbeOutsider.Value
	v.later = v.quiet || !f.chosen[h]
	h.Access = v.access(opt)
	h.Access.Problems = v.silent
	if !h.Addresses.Set {
		h.Addresses = v.dialled(h)
	}
}

// dialled is the address of a host that names none with ras_addresses: the one to
// dial, where that is an address and not a name.
func (r *variables) dialled(h *Host) Setting[[]netip.Addr] {
	s := Setting[[]netip.Addr]{Name: "ansible_host", At: h.At}
	given := Value{Any: h.Name, At: h.At}
	ip, err := netip.ParseAddr(h.Access.Address)
	if err != nil {
		return s
	}
	for _, name := range []string{"ansible_host", "ansible_ssh_host", "ansible_winrm_host", "ansible_psrp_host"} {
		v, set := r.find(name)
		if text, _ := textOf(v.Any); set && text == h.Access.Address {
			given = v
			s.Name, s.Set, s.At = name, true, given.At
		}
	}
	if oneHost(ip) {
		s.Value = []netip.Addr{ip.Unmap()}
	} else if h.member {
		r.tell(s.Name, given, s.At, "set ras_addresses", "%s is no address that other members could use for host %q", show(h.Access.Address), h.Name)
	}
	return s
}

// Contacted says whether farmwall opens a line to the host: a member, or a host
// that has farmwall_rules of its own.
func (h *Host) Contacted() bool { return h.Member() || h.member || len(h.Rules) > 0 }

// MarkFarm is the farm whose name the host's rules carry: its own, or for a host
// with farmwall_rules that is no member its ras_farm, else "farm".
func (h *Host) MarkFarm() string {
	switch {
	case h.Farm != "":
		return h.Farm
	case h.farm != "":
		return h.farm
	}
	return defaultFarm
}

func readFarm(p part, bad complaint) string {
	text, _ := p.text()
	if !farmName.MatchString(text) {
		bad(p.at, "1 to 32 of a-z, 0-9 and dash", "%s is no farm's name", show(p.any))
	}
	return text
}

// roles are those that groups give and those of ras_roles, sorted, each once.
func (r *variables) roles(h *Host) []Role {
	roles := setting(r, "ras_roles", nil, readRoles).Value
	shared := true // the slice belongs to every host with the same ras_roles
	for _, g := range h.Groups {
		role, ok := r.groupRole(g)
		if !ok || slices.Contains(roles, role) {
			continue
		}
		if shared {
			roles, shared = slices.Clone(roles), false
		}
		roles = append(roles, role)
	}
	if !shared {
		slices.Sort(roles)
	}
	return roles
}

func (r *reading) groupRole(group string) (Role, bool) {
	role, known := r.groupRoles[group]
	if !known {
		role, _ = groupRole(group)
		r.groupRoles[group] = role
	}
	return role, role != ""
}

func readRoles(p part, bad complaint) []Role {
	items, ok := p.items()
	if !ok {
		bad(p.at, "a list, or a text with commas", "%s is no list of roles", show(p.any))
	}
	var roles []Role
	for _, item := range items {
		text, _ := item.text()
		role, ok := ParseRole(text)
		if !ok {
			bad(item.at, suggestOr("the roles are "+list(roleNames()), lower(text), roleNames()...), "unknown role %s", show(item.any))
		} else if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return roles
}

// gather puts the members into their farms.
func (f *farms) gather() {
	for _, h := range f.inv.Hosts {
		if !h.Contacted() {
			continue
		}
		if f.named && h.farm == "" {
			what := "farmwall_rules"
			if len(h.Roles) > 0 {
				what = "the role " + string(h.Roles[0])
			} else if h.member {
				what = "ras_member"
			}
			f.problem(h.At, "other hosts have ras_farm: say which farm this one belongs to", "host %q has %s but no ras_farm", h.Name, what)
			continue
		}
		if !h.member {
			continue
		}
		h.Farm = h.MarkFarm()
		farm := f.byName[h.Farm]
		if farm == nil {
			farm = &Farm{Name: h.Farm}
			f.byName[h.Farm] = farm
			f.inv.Farms = append(f.inv.Farms, farm)
		}
		farm.Members = append(farm.Members, h)
	}
}

// check looks for what only the whole inventory shows: a farm without members,
// and two members with one address.
func (f *farms) check(noRoles bool) {
	if len(f.inv.Farms) == 0 && !slices.ContainsFunc(f.inv.Hosts, (*Host).Contacted) && len(f.problems) == 0 {
		tell := f.problem
		if noRoles {
			tell = f.warn
		}
		tell(f.first, "put hosts into groups named "+list(roleNames())+", or set ras_roles", "empty farm: no host has a role")
	}
	for _, farm := range f.inv.Farms {
		owner := map[netip.Addr]*Host{}
		for _, h := range farm.Members {
			for _, ip := range h.Addresses.Value {
				if other := owner[ip]; other != nil {
					f.problem(h.Addresses.At, "one of the two is wrong; a shared address belongs into ras_vip", "hosts %q and %q of farm %s have the same address %s", other.Name, h.Name, farm.Name, ip)
				} else {
					owner[ip] = h
				}
			}
		}
	}
	f.nearRoles()
}

// nearRoles warns about groups whose names miss a role's by little.
func (f *farms) nearRoles() {
	for _, g := range f.inv.Groups {
		name := strings.TrimSuffix(g.Name, "s")
		if _, is := groupRole(g.Name); is || name == g.Name {
			continue
		}
		if role, ok := groupRole(name); ok {
			f.warn(g.At, "name it "+name+", or make it a parent of that group", "group %q gives no role; %q would give %s", g.Name, name, role)
		}
	}
}

func roleNames() []string {
	names := make([]string, 0, len(Roles()))
	for _, r := range Roles() {
		names = append(names, string(r))
	}
	return names
}
