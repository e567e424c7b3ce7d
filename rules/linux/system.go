package linux

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"farmwall/rules"
)

// System is the dialect of Linux hosts: one way to read them, and a manager for
// each way to write them.
type System struct {
	Managers []Manager
	// Wall is the user's word on who rules the host (farmwall_wall); empty: Walls finds
	// out.
	Wall []string
}

// order is how walls are written; an undo goes the other way. What a daemon rules comes
// first: it can refuse, and then nothing has changed.
var order = [...]string{firewalldWall, ufwWall, iptablesWall, nftablesWall}

// New makes the dialect with the managers that can be written.
func New(managers ...Manager) *System {
	s := &System{}
	for _, name := range order {
		for _, m := range managers {
			if m.Name() == name {
				s.Managers = append(s.Managers, m)
			}
		}
	}
	return s
}

// task is what one manager has to hold.
type task struct {
	Manager
	want rules.Set
}

// tasks are the managers that a change writes, in the fixed order: the host's walls,
// which hold what is wanted, and others with whom something of ours was left.
func (s *System) tasks(st *rules.State, r *Reading, want rules.Set) (tasks []task, unwritable []string) {
	walls := s.walls(r)
	for _, name := range order {
		m, wall := s.manager(name), slices.Contains(walls, name)
		switch {
		case m == nil && wall:
			unwritable = append(unwritable, name)
		case m == nil:
		case wall:
			tasks = append(tasks, task{m, want})
		case r.Ruleset != nil && len(m.Places(r)) > 0:
			tasks = append(tasks, task{m, nil})
		}
	}
	return tasks, unwritable
}

func (s *System) manager(name string) Manager {
	for _, m := range s.Managers {
		if m.Name() == name {
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
	refusals := append(r.refusals(), s.refuseWalls(r)...)
	tasks, unwritable := s.tasks(st, r, want)
	for _, name := range unwritable {
		refusals = append(refusals, s.unwritable(name))
	}
	if r.Ruleset != nil {
		for _, t := range tasks {
			refusals = append(refusals, t.Check(st, t.want)...)
		}
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
// While a change is armed nothing is said of the persistent copy: it is written by the
// confirm.
func (s *System) Diff(st *rules.State, want rules.Set) []rules.Change {
	r, err := reading(st)
	if err != nil {
		return nil
	}
	tasks, unwritable := s.tasks(st, r, want)
	if len(unwritable) > 0 {
		return nil
	}
	perWall := make([][]rules.Change, len(tasks))
	for i, t := range tasks {
		perWall[i] = t.Diff(st, t.want)
	}
	if len(tasks) == 1 && len(perWall[0]) > 0 {
		return perWall[0]
	}
	if changes := rules.MergeChanges(perWall...); len(changes) > 0 {
		return changes
	}
	return s.keptRepairs(st, r, want)
}

// keptRepairs says what is wrong with the persistent copy where all else is right.
func (s *System) keptRepairs(st *rules.State, r *Reading, want rules.Set) []rules.Change {
	if r.Init == "" || r.Ruleset == nil || st.Token.State == "armed" || st.Token.State == "confirming" {
		return nil
	}
	repair := func(note string) []rules.Change {
		return []rules.Change{{Verb: rules.Repair, Places: []string{"persistent copy"}, Note: note}}
	}
	switch {
	case len(want) == 0 && (r.Kept != nil || r.KeptEnabled):
		return repair("it is still loaded at boot")
	case len(want) == 0:
		return nil
	case r.Kept == nil:
		return repair("it is missing: the rules would not survive a reboot")
	case !r.KeptEnabled:
		return repair("nothing loads it at boot")
	}
	if target, err := s.Target(st, want); err == nil && !sameCopy(r.Kept, target) {
		return repair("it is not what is wanted: the rules would change with a reboot")
	}
	return nil
}

// Target is the copy that makes want true of the host.
func (s *System) Target(st *rules.State, want rules.Set) (rules.Copy, error) {
	return s.copyOf(st, want, func(t *task) (rules.Copy, error) { return t.Target(st, t.want) })
}

// Undo is the copy that puts back what is ours now.
func (s *System) Undo(st *rules.State) (rules.Copy, error) {
	return s.copyOf(st, nil, func(t *task) (rules.Copy, error) { return t.Undo(st) })
}

// copyOf joins the sections of all managers that have one, after a line that names them:
//
//	farmwall walls NAME NAME...
func (s *System) copyOf(st *rules.State, want rules.Set, section func(t *task) (rules.Copy, error)) (rules.Copy, error) {
	r, err := reading(st)
	if err != nil {
		return nil, err
	}
	tasks, unwritable := s.tasks(st, r, want)
	if len(unwritable) > 0 {
		return nil, rules.Refusals{s.unwritable(unwritable[0])}
	}
	head, body := "farmwall walls", bytes.Buffer{}
	for i := range tasks {
		head += " " + tasks[i].Name()
		text, err := section(&tasks[i])
		if err != nil {
			return nil, err
		}
		body.Write(whole(text))
	}
	return append([]byte(head+"\n"), body.Bytes()...), nil
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
