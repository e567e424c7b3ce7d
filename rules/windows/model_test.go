package windows

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

// The host of these tests, as small as it can be: it does to rule strings what the
// script does by COM.

// apply is what a change makes of the local store; it leaves the host armed. It refuses
// a target that does not account for every rule of ours.
func (h *host) apply(t testing.TB, c rules.Copy) {
	t.Helper()
	var target targetCopy
	if err := decodeStrict(c, &target); err != nil {
		t.Fatal(err)
	}
	if target.Refuse != "" {
		t.Fatal(target.Refuse)
	}
	h.Lease = leaseWire{Number: h.Lease.Number + 1, Run: "run", Holder: "me run run"}
	h.Token = tokenWire{State: "armed", LeftMS: 60000}
	keep, off := slices.Clone(target.Keep), slices.Clone(target.Off)
	for name := range h.state(t).Native.(*Reading).muddled() {
		if slices.Contains(keep, name) {
			t.Fatalf("the rules called %s are not alike, and the firewall knows them by their name", name)
		}
	}
	take := func(list *[]string, name string) bool {
		i := slices.Index(*list, name)
		if i >= 0 {
			*list = slices.Delete(*list, i, i+1)
		}
		return i >= 0
	}
	twins := 0
	seen := map[string]bool{}
	for i, pair := range h.Local {
		r := parseRule(local, pair[0], pair[1])
		switch {
		case !r.ours():
		case target.All || !slices.Contains(keep, r.name) && take(&off, r.name):
			text := strings.Replace(pair[1], "|Active=TRUE|", "|Active=FALSE|", 1)
			if seen[r.name] { // a twin is renamed, so that it can be told from its like
				twins++
				text = strings.Replace(text, "|Name="+r.name+"|", fmt.Sprintf("|Name=%s off %d %d e|", r.name, h.Lease.Number, twins), 1)
			}
			seen[r.name] = true
			h.Local[i][1] = text
		case take(&keep, r.name):
		default:
			t.Fatalf("the target says nothing of %s", r.name)
		}
	}
	if len(keep)+len(off) > 0 {
		t.Fatalf("the target names rules that are not there: %q %q", keep, off)
	}
	for i, a := range target.Add {
		if a.RemoteAddresses == "" {
			t.Fatalf("%s would be open to everybody", a.Mark)
		}
		h.Local = append(h.Local, [2]string{fmt.Sprintf("{NEW-%d-%d}", h.Lease.Number, i), stored(a, int(h.Lease.Number))})
	}
}

// confirm removes what the change disabled.
func (h *host) confirm() {
	h.Token = tokenWire{State: "done"}
	h.Local = slices.DeleteFunc(h.Local, func(pair [2]string) bool {
		r := parseRule(local, pair[0], pair[1])
		return r.ours() && !r.active
	})
}

// noop says that a target changes nothing.
func noop(t testing.TB, c rules.Copy) bool {
	t.Helper()
	var target targetCopy
	if err := decodeStrict(c, &target); err != nil {
		t.Fatal(err)
	}
	return len(target.Add)+len(target.Off) == 0
}

func diff(t testing.TB, h *host, want rules.Set) []rules.Change {
	t.Helper()
	return New().Diff(h.state(t), want)
}

func target(t testing.TB, h *host, want rules.Set) rules.Copy {
	t.Helper()
	c, err := New().Target(h.state(t), want)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func words(changes []rules.Change) string {
	var out []string
	for _, c := range changes {
		id := ""
		switch {
		case c.Want != nil:
			id = c.Want.ID
		case c.Have != nil:
			id = c.Have.ID
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Verb, id, c.Note)))
	}
	return strings.Join(out, "; ")
}
