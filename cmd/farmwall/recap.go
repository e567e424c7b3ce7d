package main

import (
	"fmt"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// recap counts hosts by status, in Ansible's order of words. The first four are
// always there.
func recap(outcomes []tasks.Outcome, c colours) string {
	counts := map[tasks.Status]int{}
	for i := range outcomes {
		counts[outcomes[i].Status]++
	}
	var parts []string
	for i, status := range []tasks.Status{tasks.OK, tasks.Changed, tasks.Unreachable, tasks.Failed, tasks.Restored,
		tasks.PendingOnly, tasks.Refused, tasks.Differs, tasks.Foreign, tasks.NotOpen, tasks.Stale, tasks.LeaseTaken,
		tasks.Doubtful, tasks.Skipped} {
		n := counts[status]
		if n == 0 && i >= 4 {
			continue
		}
		part := fmt.Sprintf("%s=%d", status, n)
		if n > 0 {
			part = paintStatus(c, status, part)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

func paintStatus(c colours, status tasks.Status, s string) string {
	switch status {
	case tasks.OK:
		return c.green(s)
	case tasks.Changed, tasks.Differs, tasks.PendingOnly, tasks.Restored, tasks.Foreign, tasks.Skipped:
		return c.yellow(s)
	}
	return c.red(s)
}

// farmsLine is the first line of every plan: how many farms, how many members.
func farmsLine(farms []tasks.Count) string {
	members := 0
	var names []string
	for _, f := range farms {
		members += f.Members
		names = append(names, fmt.Sprintf("%s (%d)", plain(f.Farm), f.Members))
	}
	s := count(len(farms), "farm") + ", " + count(members, "member")
	if len(names) > 0 {
		s += ": " + strings.Join(names, ", ")
	}
	return s
}

// tally counts what changes would do.
type tally struct{ add, change, remove, repair, hosts, same int }

func (t *tally) take(changes []rules.Change) {
	if len(changes) == 0 {
		t.same++
		return
	}
	t.hosts++
	for i := range changes {
		switch c := &changes[i]; {
		case c.Verb == rules.Repair || c.Have == nil && c.Want == nil:
			t.repair++
		case c.Have == nil:
			t.add++
		case c.Want == nil:
			t.remove++
		default:
			t.change++
		}
	}
}

func (t tally) String() string {
	s := fmt.Sprintf("%d to add, %d to change, %d to remove", t.add, t.change, t.remove)
	if t.repair > 0 {
		s += fmt.Sprintf(", %d to repair", t.repair)
	}
	return s + " on " + count(t.hosts, "host") + "; " + count(t.same, "host") + " unchanged"
}

// done is the tally of what was carried out.
func (t tally) done() string {
	s := fmt.Sprintf("%d added, %d changed, %d removed", t.add, t.change, t.remove)
	if t.repair > 0 {
		s += fmt.Sprintf(", %d repaired", t.repair)
	}
	return s + " on " + count(t.hosts, "host")
}

// driftLine counts what drift put right, and what it found and left.
func driftLine(s *tasks.Summary) string {
	var done, left tally
	for i := range s.Outcomes {
		switch o := &s.Outcomes[i]; {
		case s.Run != "" && len(o.Changes) > 0 && (o.Status == tasks.Changed || o.Status == tasks.NotOpen):
			done.take(o.Changes)
		case o.Status == tasks.OK || o.Status == tasks.PendingOnly || len(o.Changes) > 0:
			left.take(o.Changes)
		}
	}
	line := "Drift: "
	if done.hosts > 0 {
		if line += done.done() + "; "; left.hosts == 0 {
			return line + count(left.same, "host") + " without drift"
		}
	}
	return line + strings.Replace(left.String(), "unchanged", "without drift", 1)
}

// proof counts the verdicts of verify: the wanted flows, then the ports that only
// some may reach, as an outsider meets them.
func proof(outcomes []tasks.Outcome) string {
	var wanted, outside = map[rules.Answer]int{}, map[rules.Answer]int{}
	for i := range outcomes {
		for j := range outcomes[i].Flows {
			f := &outcomes[i].Flows[j]
			if f.Outsider() {
				outside[f.Verdict.Answer]++
			} else {
				wanted[f.Verdict.Answer]++
			}
		}
	}
	s := fmt.Sprintf("%s open, %d closed, %d unknown", count(wanted[rules.Allowed], "wanted flow"), wanted[rules.Denied], wanted[rules.Unknown])
	return s + fmt.Sprintf("; to outsiders %s closed, %d open, %d unknown", count(outside[rules.Denied], "internal flow"), outside[rules.Allowed], outside[rules.Unknown])
}
