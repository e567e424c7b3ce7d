package linux

import (
	"fmt"
	"sort"
	"strings"

	"farmwall/rules"
)

// System is the dialect of Linux hosts: one way to read them, and a manager for
// each way to write them.
type System struct {
	Managers []Manager
}

// New makes the dialect with the managers that can be written.
func New(managers ...Manager) *System { return &System{Managers: managers} }

// Manager is the one that rules the host, nil where farmwall cannot write it.
func (s *System) Manager(st *rules.State) Manager {
	for _, m := range s.Managers {
		if m.Name() == st.Manager {
			return m
		}
	}
	return nil
}

// Check refuses what cannot be done on this host, all of it at once.
func (s *System) Check(st *rules.State, want rules.Set) error {
	r, err := reading(st)
	if err != nil {
		return err
	}
	refusals := r.refusals()
	if m := s.Manager(st); m != nil {
		if r.Ruleset != nil {
			refusals = append(refusals, m.Check(st, want)...)
		}
	} else if st.Manager != "" {
		refusals = append(refusals, s.unwritable(st.Manager))
	}
	if len(refusals) > 0 {
		return refusals
	}
	return nil
}

// unwritable refuses a manager by name.
func (s *System) unwritable(manager string) rules.Refusal {
	names := make([]string, len(s.Managers))
	for i, m := range s.Managers {
		names[i] = m.Name()
	}
	sort.Strings(names)
	return rules.Refusal{
		Text: fmt.Sprintf("%s rules this host, and farmwall cannot write %s", manager, manager),
		Hint: "it can write " + strings.Join(names, ", ") + "; leave this host out with -l, or change its firewall to one of these",
	}
}

// Diff compares the host with the wanted rules; nil where Check refuses the manager.
func (s *System) Diff(st *rules.State, want rules.Set) []rules.Change {
	if m := s.Manager(st); m != nil {
		return m.Diff(st, want)
	}
	return nil
}

// Target is the copy that makes want true of the host.
func (s *System) Target(st *rules.State, want rules.Set) (rules.Copy, error) {
	m := s.Manager(st)
	if m == nil {
		return nil, rules.Refusals{s.unwritable(st.Manager)}
	}
	return m.Target(st, want)
}

// Undo is the copy that puts back what is ours now.
func (s *System) Undo(st *rules.State) (rules.Copy, error) {
	m := s.Manager(st)
	if m == nil {
		return nil, rules.Refusals{s.unwritable(st.Manager)}
	}
	return m.Undo(st)
}

// reading is what Decode kept in the state.
func reading(st *rules.State) (*Reading, error) {
	if r, ok := st.Native.(*Reading); ok && r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("this state was not read from a Linux host")
}

// refusals are the reasons why nothing can be written here, whoever manages the host.
func (r *Reading) refusals() rules.Refusals {
	var out rules.Refusals
	if r.UID != 0 {
		out = append(out, rules.Refusal{
			Text: fmt.Sprintf("logged in with user number %d, and only root can read and change the firewall", r.UID),
			Hint: "log in as root, or use sudo with -b or ansible_become",
		})
	}
	if r.Nft == "" {
		out = append(out, rules.Refusal{
			Text: "nft is missing on this host",
			Hint: "install the package nftables",
		})
	}
	for _, f := range r.Folders {
		out = append(out, rules.Refusal{
			Text: f,
			Hint: "find out who changed it, then remove it or make it mode 0700 and root's",
		})
	}
	for _, u := range r.Unreadable {
		out = append(out, rules.Refusal{Text: u, Hint: "remove that text from the ruleset"})
	}
	return out
}
