package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"sort"

	"farmwall/inventory"
	"farmwall/rules"
)

// lookups is how many names are looked up at a time.
const lookups = 16

// resolved is an inventory whose members have addresses, as far as they could
// be found out.
type resolved struct {
	// inv is a copy; the inventory that was given stays as it is.
	inv    *inventory.Inventory
	byName map[string]*inventory.Host // the copies
	given  map[string]*inventory.Host // the hosts as they were given
	// names are the answers for outbound endpoints.
	names rules.Resolved
	// failed says, by farm, what could not be resolved or is there twice.
	failed map[string]inventory.Problems
}

// resolve looks up what the farms need, each name once: members' addresses where
// the inventory gives none, and endpoints where it says so.
func (r *Runner) resolve(ctx context.Context, inv *inventory.Inventory) (*resolved, error) {
	out := &resolved{inv: copyOf(inv), byName: map[string]*inventory.Host{}, given: map[string]*inventory.Host{}, names: rules.Resolved{}, failed: map[string]inventory.Problems{}}
	wanted := map[*inventory.Host][]string{}
	names := map[string]bool{}
	for _, f := range out.inv.Farms {
		for _, h := range f.Members {
			if len(h.Addresses.Value) == 0 {
				names[h.Access.Address] = true
			}
		}
	}
	for i, h := range out.inv.Hosts {
		out.byName[h.Name], out.given[h.Name] = h, inv.Hosts[i]
		if h.ResolveEndpoints.Value && (h.Member() || len(h.Rules) > 0) {
			// Which names a host needs depends on its rows, not on addresses.
			wanted[h] = rules.NewPolicy(r.Rows, &inventory.Farm{Name: h.Farm}, nil).Endpoints(h)
			for _, name := range wanted[h] {
				names[name] = true
			}
		}
	}
	answers, err := r.lookUp(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, f := range out.inv.Farms {
		out.failed[f.Name] = giveAddresses(f, answers)
	}
	for _, h := range out.inv.Hosts {
		for _, name := range wanted[h] {
			a := answers[name]
			if a.err != nil {
				out.failed[h.Farm] = append(out.failed[h.Farm], inventory.Problem{At: h.ResolveEndpoints.At,
					Text: fmt.Sprintf("the endpoint %q of %s does not resolve: %v", name, h.Name, a.err),
					Hint: "check DNS, or leave farmwall_resolve_endpoints off to allow it by port"})
			}
			out.names[name] = a.addrs // nobody where it failed; only drift and verify go on then
		}
	}
	for farm, problems := range out.failed {
		if len(problems) == 0 {
			delete(out.failed, farm)
		}
	}
	return out, nil
}

type answer struct {
	name  string
	addrs []netip.Addr
	err   error
}

func (r *Runner) lookUp(ctx context.Context, names map[string]bool) (map[string]answer, error) {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	sort.Strings(list)
	found := each(ctx, lookups, list, func(ctx context.Context, name string) answer {
		addrs, err := r.Lookup(ctx, name)
		if err == nil && len(addrs) == 0 {
			err = fmt.Errorf("no address")
		}
		for i := range addrs {
			addrs[i] = addrs[i].Unmap().WithZone("")
		}
		sort.Slice(addrs, func(i, j int) bool { return addrs[i].Less(addrs[j]) })
		return answer{name, addrs, err}
	}, func(name string) answer { return answer{name: name, err: ctx.Err()} })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	answers := make(map[string]answer, len(found))
	for _, a := range found {
		answers[a.name] = a
	}
	return answers, nil
}

// giveAddresses fills in what was looked up, and refuses an address that two
// members share; the virtual addresses of HALB are not members'.
func giveAddresses(f *inventory.Farm, answers map[string]answer) inventory.Problems {
	var problems inventory.Problems
	owner := map[netip.Addr]*inventory.Host{}
	for _, h := range f.Members {
		if len(h.Addresses.Value) == 0 {
			a := answers[h.Access.Address]
			if a.err != nil {
				problems = append(problems, inventory.Problem{At: h.At,
					Text: fmt.Sprintf("the address of %s is not known: %q does not resolve: %v", h.Name, h.Access.Address, a.err),
					Hint: "set ras_addresses, or check DNS"})
				continue
			}
			h.Addresses.Value = a.addrs
		}
		for _, ip := range h.Addresses.Value {
			if first := owner[ip.Unmap()]; first != nil && first != h {
				problems = append(problems, inventory.Problem{At: h.At,
					Text: fmt.Sprintf("%s and %s of farm %s have the same address %s", first.Name, h.Name, f.Name, ip),
					Hint: "give each member its own ras_addresses"})
				continue
			}
			owner[ip.Unmap()] = h
		}
	}
	return problems
}

// copyOf copies an inventory as deep as resolve changes it.
func copyOf(inv *inventory.Inventory) *inventory.Inventory {
	out := *inv
	hosts := make(map[*inventory.Host]*inventory.Host, len(inv.Hosts))
	out.Hosts = make([]*inventory.Host, len(inv.Hosts))
	copied := func(h *inventory.Host) *inventory.Host {
		if hosts[h] == nil {
			c := *h
			hosts[h] = &c
		}
		return hosts[h]
	}
	for i, h := range inv.Hosts {
		out.Hosts[i] = copied(h)
	}
	out.Farms = make([]*inventory.Farm, len(inv.Farms))
	for i, f := range inv.Farms {
		farm := &inventory.Farm{Name: f.Name, Members: make([]*inventory.Host, len(f.Members))}
		for j, m := range f.Members {
			farm.Members[j] = copied(m)
		}
		out.Farms[i] = farm
	}
	return &out
}

// refuse says why nothing can be planned for a host of a farm that did not
// resolve, or nil.
func (res *resolved) refuse(farm string) *Problem {
	problems := res.failed[farm]
	if len(problems) == 0 {
		return nil
	}
	return &Problem{Status: Failed, Step: "resolve", Text: problems.Error(), Hint: problems[0].Hint}
}
