package windows

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// owned are farmwall's rules in a store.
func owned(s *store) []modelOld {
	var out []modelOld
	for _, e := range s.entries {
		if isOurs(e.Text) && !perUser(e.Text) {
			out = append(out, modelOld{e.ID, e.Text, valueOf(e.Text, "Active") == "TRUE"})
		}
	}
	return out
}

// plan tests undo and target before anything is armed and makes the new rules, detached.
func (r *modelRun) plan(q *modelRequest, stage *modelStage) ([]*RuleObject, error) {
	if q.Target.Refuse != "" {
		return nil, errors.New(q.Target.Refuse)
	}
	var sent []string
	for _, u := range q.Undo.Rules {
		sent = append(sent, sortedFields(u.Text))
	}
	if !sameTexts(sent, stage.texts) {
		return nil, errors.New("the undo that was sent is not what is here")
	}
	here, keep, off := map[string][]modelOld{}, count(q.Target.Keep), count(q.Target.Off)
	for _, o := range stage.old {
		here[nameOf(o.text)] = append(here[nameOf(o.text)], o)
		if q.Target.All {
			off[nameOf(o.text)]++
		}
	}
	for name, twins := range here {
		if keep[name]+off[name] != len(twins) {
			return nil, fmt.Errorf("there are %d rules called %s, and the plan speaks of %d", len(twins), name, keep[name]+off[name])
		}
		stage.off = append(stage.off, twins[keep[name]:]...)
	}
	for _, names := range []map[string]int{keep, off} {
		for name := range names {
			if here[name] == nil {
				return nil, fmt.Errorf("the rule %s is not here", name)
			}
		}
	}
	var added []*RuleObject
	for _, a := range q.Target.Add {
		rule, err := r.build(a, stage.lease)
		if err != nil {
			return nil, err
		}
		if here[*rule.last.name] != nil {
			return nil, fmt.Errorf("there is a rule called %s already", *rule.last.name)
		}
		added = append(added, rule)
	}
	return added, nil
}

func count(names []string) map[string]int {
	n := map[string]int{}
	for _, name := range names {
		n[name]++
	}
	return n
}

// again is the order in which the rest of a rule's properties is set.
var again = []string{"Grouping", "ApplicationName", "serviceName", "IcmpTypesAndCodes", "LocalAddresses", "Action", "Profiles", "InterfaceTypes", "EdgeTraversalOptions", "SecureFlags", "Enabled"}

func (r *modelRun) build(a modelAddition, lease uint64) (*RuleObject, error) {
	rule := r.h.NewRule()
	name := a.Mark + ":" + strconv.FormatUint(lease, 10)
	if a.Part > 0 {
		name += ":" + strconv.Itoa(a.Part)
	}
	if a.RemoteAddresses == "" {
		return nil, fmt.Errorf("%s has no remote addresses", name)
	}
	type assignment struct {
		property string
		value    any
	}
	all := []assignment{{"Name", name}, {"Grouping", "farmwall"}, {"Protocol", a.Protocol}, {"RemoteAddresses", a.RemoteAddresses}, {"Direction", a.Direction}, {"Enabled", true}}
	for _, t := range []assignment{{"Description", a.Description}, {"LocalPorts", a.LocalPorts}, {"RemotePorts", a.RemotePorts}} {
		if t.value != "" {
			all = append(all, t)
		}
	}
	for _, p := range again {
		if v, ok := a.Again[p]; ok {
			all = append(all, assignment{p, value(v)})
		}
	}
	for _, s := range all {
		if err := r.h.set(rule, s.property, s.value, r.who); err != nil {
			return nil, fmt.Errorf("%s: %s cannot be %q: %w", name, s.property, fmt.Sprint(s.value), err)
		}
	}
	return rule, nil
}

// load writes: what blocks goes first and comes last.
func (r *modelRun) load(stage *modelStage, added []*RuleObject) error {
	blocks := func(o modelOld) bool { return valueOf(o.text, "Action") == "Block" }
	disable := func(block bool) error {
		for _, o := range stage.off {
			if blocks(o) == block && o.enabled {
				if err := r.h.set(&RuleObject{id: o.id}, "Enabled", false, r.who); err != nil {
					return fmt.Errorf("%s was not disabled: %w", nameOf(o.text), err)
				}
			}
		}
		return nil
	}
	add := func(block bool) error {
		for _, n := range added {
			if (n.last.action == 0) == block {
				if err := r.h.add(n, r.who); err != nil {
					return fmt.Errorf("%s was not added: %w", *n.last.name, err)
				}
			}
		}
		return nil
	}
	for _, step := range []func() error{
		func() error { return disable(true) }, func() error { return add(false) },
		func() error { return disable(false) }, func() error { return add(true) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	// What stands now must be what was written, and nothing more.
	want := map[string]bool{}
	for _, o := range stage.old {
		want[o.id] = o.enabled
	}
	for _, o := range stage.off {
		want[o.id] = false
	}
	for _, n := range added {
		want[n.id] = n.last.enabled
	}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	now := owned(&r.h.local)
	if len(now) != len(want) || slices.ContainsFunc(now, func(o modelOld) bool { on, ok := want[o.id]; return !ok || on != o.enabled }) {
		return errors.New("the rules that are read back are not those that were written")
	}
	return nil
}
