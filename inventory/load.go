package inventory

import (
	"context"
	"errors"
	"time"
)

// Options is what the command line adds to the sources.
type Options struct {
	// Extra are the variables of -e, which beat every other. ParseExtra makes them.
	Extra map[string]any
	// Vault opens what Ansible Vault encrypted; nil: no password.
	Vault *Vault
	// Keyring answers lookup('community.general.keyring', ...); nil: there is none.
	Keyring Keyring
	// ScriptTime is how long an inventory script may take for one answer; 0: 30 s.
	ScriptTime time.Duration
	// Plain reads hosts, groups and variables and leaves open what they mean: no
	// farms, roles, settings or access, and no mistakes in them.
	Plain bool
	// Limit are the patterns of -l. The passwords of other hosts, and of those that are
	// no members, are fetched only when somebody asks for them; with NoSecrets that is
	// so for every host.
	Limit     []string
	NoSecrets bool
	// NoRoles makes an inventory without any role a warning instead of a mistake.
	NoRoles bool
	// The rest is weaker than the inventory's variables, as Ansible's -u, -k, -K,
	// --private-key, -b and -T are.
	User           string
	Password       Secret
	BecomePassword Secret
	KeyFile        string
	Become         bool
	Timeout        time.Duration
}

// Load reads inventory sources in the order given: files, folders, or lists of
// hosts with a comma ("a,b,"). The error is Problems, which holds every mistake
// in all of them, or the context's error; the inventory is complete or nil.
func Load(ctx context.Context, from []string, opt Options) (*Inventory, error) {
	d, inv, err := load(ctx, from, opt)
	if err != nil {
		return nil, err
	}
	if len(d.problems) > 0 {
		return nil, sorted(d.problems)
	}
	inv.Warnings = sorted(d.warnings)
	return inv, nil
}

// load reads all it can; the mistakes are in the draft.
func load(ctx context.Context, from []string, opt Options) (*draft, *Inventory, error) {
	d := newDraft(newReport())
	if len(from) == 0 {
		d.problem(Position{}, "name one with -i", "there is no inventory")
	}
	s := &sources{draft: d, ctx: ctx, vault: opt.Vault, scriptTime: opt.ScriptTime}
	if len(from) > 0 {
		d.first = Position{File: from[0]}
	}
	for _, source := range from {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		s.add(source)
	}
	read := len(d.problems) == 0
	d.finish()
	s.addVarFiles()
	d.checkSealed(ctx, opt.Vault)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	d.sources = s.places
	inv, err := d.inventory(ctx, opt, read)
	if err == nil && !opt.Plain && read {
		s.acceptances(inv)
	}
	return d, inv, err
}

// inventory makes hosts, groups and farms of the draft. Whole says that every
// source could be read; otherwise what is missing from the result is no mistake
// of its own.
func (d *draft) inventory(ctx context.Context, opt Options, whole bool) (*Inventory, error) {
	extra := make(Vars, len(opt.Extra))
	for name, v := range opt.Extra {
		src := &origin{}
		if s, ok := v.(secretExtra); ok {
			v, src.secret = s.value, true
		}
		extra[name] = Value{Any: plain(v), At: Position{File: "-e"}, src: src}
	}
	if !opt.Plain {
		d.checkNames(extra)
		d.checkConnectionNames()
	}
	inv := &Inventory{hosts: map[string]*Host{}, groups: map[string]*Group{}}
	for _, dg := range d.groupOrder {
		g := &Group{Name: dg.name, At: dg.at}
		for _, c := range dg.children {
			g.Children = append(g.Children, c.name)
		}
		for _, h := range dg.hosts {
			g.Hosts = append(g.Hosts, h.name)
		}
		inv.Groups = append(inv.Groups, g)
		inv.groups[g.Name] = g
	}
	m := newMerger(d, extra)
	values := newResolver(inv, &opt, &lookups{ctx: ctx, vault: opt.Vault, keyring: opt.Keyring, done: map[[2]string]lookedUp{}})
	_, hosts := d.groups["all"].order()
	for i, dh := range hosts {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		h := &Host{Name: dh.name, At: dh.at}
		h.Groups, h.Vars = m.of(dh)
		inv.Hosts = append(inv.Hosts, h)
		inv.hosts[h.Name] = h
		values.sources[h.Name] = dh.source
	}
	if opt.Plain {
		return inv, nil
	}
	f := &farms{reading: newReading(d.report, d.first, values), inv: inv, byName: map[string]*Farm{}, chosen: inv.chosen(&opt)}
	for i, h := range inv.Hosts { // a template of one host may name another
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.read(h, &opt)
	}
	f.gather()
	if whole {
		f.check(opt.NoRoles)
	}
	return inv, nil
}

// chosen are the hosts whose passwords are fetched at once. A pattern that cannot
// be used is told by Select.
func (inv *Inventory) chosen(opt *Options) map[*Host]bool {
	chosen := map[*Host]bool{}
	if opt.NoSecrets {
		return chosen
	}
	hosts, _ := inv.Select(opt.Limit...)
	for _, h := range hosts {
		chosen[h] = true
	}
	return chosen
}

// ErrNoHost says that a selection leaves no host.
var ErrNoHost = errors.New("no host matched")

// Host returns the host of that name, or nil.
func (inv *Inventory) Host(name string) *Host {
	if inv.hosts != nil {
		return inv.hosts[name]
	}
	for _, h := range inv.Hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// Group returns the group of that name, or nil.
func (inv *Inventory) Group(name string) *Group {
	if inv.groups != nil {
		return inv.groups[name]
	}
	for _, g := range inv.Groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}
