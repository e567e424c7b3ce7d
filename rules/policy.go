package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"farmwall/inventory"
)

// Resolved is the addresses of named endpoints, as tasks looked them up for
// hosts with farmwall_resolve_endpoints.
type Resolved map[string][]netip.Addr

// Policy is one farm's catalogue and members, ready to say what each host's
// rules are. Address lists are made once and shared by all hosts. Its methods
// may run at the same time.
type Policy struct {
	farm     string
	resolved Resolved
	lists    *lists
	ids      map[string]bool // every row of the catalogue
	fitting  map[inventory.Version][]fit
	rows     []Row
	notes    []Note
	err      error
}

// fit is a row that makes rules for a version.
type fit struct {
	*Row
	roles []inventory.Role // of Row.Roles, those that no earlier row serves
}

// NewPolicy prepares a farm's policy. rows is catalog.All; members' addresses
// are Addresses.Value of each. A mistake in rows is reported by Desired.
func NewPolicy(rows []Row, farm *inventory.Farm, resolved Resolved) *Policy {
	p := &Policy{resolved: resolved, rows: rows, ids: map[string]bool{}, fitting: map[inventory.Version][]fit{}}
	var members []*inventory.Host
	if farm != nil {
		p.farm, members = farm.Name, farm.Members
	}
	p.lists = newLists(members)
	for i := range rows {
		p.ids[rows[i].ID] = true
	}
	versions := []inventory.Version{defaultVersion()}
	for _, h := range members {
		versions = append(versions, versionOf(h))
	}
	for _, v := range versions {
		if _, done := p.fitting[v]; done || p.err != nil {
			continue
		}
		p.fitting[v], p.err = fits(rows, v)
	}
	p.notes = farmNotes(members)
	return p
}

// Notes is what a person should know about the whole farm.
func (p *Policy) Notes() []Note { return p.notes }

// Endpoints returns the names that must be resolved before Desired can answer
// for the host: none unless farmwall_resolve_endpoints is on.
func (p *Policy) Endpoints(h *inventory.Host) []string {
	if !h.ResolveEndpoints.Value || h.Egress.Value == inventory.EgressNever {
		return nil
	}
	var names []string
	for _, f := range p.rowsFor(h) {
		switch {
		case f.Direction != "out" || len(f.of(h)) == 0:
		case secondLevel(f.Row):
			_, some := servers(h)
			names = append(names, some...)
		case f.Remote != "":
			names = append(names, f.Remote)
		}
	}
	for _, e := range h.Rules {
		if e.RemoteName != "" {
			names = append(names, e.RemoteName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rowsFor returns the rows that make rules for the host's version.
func (p *Policy) rowsFor(h *inventory.Host) []fit {
	v := versionOf(h)
	if f, ok := p.fitting[v]; ok {
		return f
	}
	f, _ := fits(p.rows, v) // no member has this version; the rows are known to be good
	return f
}

// fits chooses the rows for a version: bounds fit, not replaced, and not served
// by an earlier row already.
func fits(rows []Row, v inventory.Version) ([]fit, error) {
	var chosen []*Row
	replaced := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		low, err := parseBound(r.MinVersion)
		if err != nil {
			return nil, fmt.Errorf("row %s of the port reference: %w", r.ID, err)
		}
		high, err := parseBound(r.MaxVersion)
		if err != nil {
			return nil, fmt.Errorf("row %s of the port reference: %w", r.ID, err)
		}
		if within(v, low, high) {
			chosen = append(chosen, r)
			replaced[r.Replaces] = true
		}
	}
	type slot struct {
		role     inventory.Role
		protocol Protocol
		port     uint16
		out      bool
		remote   string
	}
	serving := map[slot][]*Row{}
	var out []fit
	for _, r := range chosen {
		if replaced[r.ID] {
			continue
		}
		f := fit{Row: r}
		for _, role := range r.Roles {
			s := slot{role, r.Protocol, r.Port, r.Direction == "out", r.Remote}
			if !slices.ContainsFunc(serving[s], func(earlier *Row) bool { return serves(earlier, r) }) {
				f.roles = append(f.roles, role)
				serving[s] = append(serving[s], r)
			}
		}
		if len(f.roles) > 0 {
			out = append(out, f)
		}
	}
	return out, nil
}

// serves says whether the earlier row opens all that the later one asks for,
// both being for one port of one role: the same scope, or from anywhere under
// no further condition.
func serves(earlier, later *Row) bool {
	if earlier.Scope == later.Scope {
		return true
	}
	return earlier.Scope == External && later.Scope == Internal &&
		!slices.ContainsFunc(earlier.When, func(w string) bool { return !slices.Contains(later.When, w) })
}

// of returns the host's roles that the row is for.
func (f *fit) of(h *inventory.Host) []inventory.Role {
	var out []inventory.Role
	for _, r := range h.Roles {
		if slices.Contains(f.roles, r) {
			out = append(out, r)
		}
	}
	return out
}

// secondLevel says whether the row's endpoint is the farm's own authentication
// servers.
func secondLevel(r *Row) bool { return strings.HasPrefix(r.Remote, "2FA Server") }

func farmNotes(members []*inventory.Host) []Note {
	roles := map[inventory.Role]bool{}
	assumed := false
	for _, h := range members {
		assumed = assumed || !h.Version.Set
		for _, r := range h.Roles {
			roles[r] = true
		}
	}
	var notes []Note
	if assumed {
		notes = append(notes, Note{Kind: NoteDefault, Text: "ras_version is not set: 16.5 is assumed"})
	}
	if roles[inventory.Guest] && !roles[inventory.VDI] {
		notes = append(notes, Note{Kind: NoteAdvice,
			Text: "there are guests but no host has the role vdi, so TCP and UDP 30006, 30007 and 30009 are opened nowhere; where the VDI agent is built into the publishing agents, give these the role vdi too"})
	}
	return notes
}
