package tasks

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
)

// accepting gives hosts the entries of a file, read as the inventory reads it.
func (f *fakeFarm) accepting(file string) {
	f.Helper()
	dir := f.TempDir()
	hosts := "[rdsh]\n"
	for _, h := range f.inv.Hosts {
		hosts += h.Name + " ansible_host=" + h.Access.Address + "\n"
	}
	for name, text := range map[string]string{"hosts": hosts + "[rdsh:vars]\nfarmwall_accept=accepted.yml\n", "accepted.yml": file} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	inv, err := inventory.Load(context.Background(), []string{filepath.Join(dir, "hosts")}, inventory.Options{})
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range f.inv.Hosts {
		h.Accept = inv.Host(h.Name).Accept
	}
}

func (f *fakeFarm) lose(i int, ids ...string) {
	loaded := f.hosts[i].wall.Loaded
	f.hosts[i].wall.Loaded = nil
	for _, r := range loaded {
		if !strings.Contains(" "+strings.Join(ids, " ")+" ", " "+r.ID+" ") {
			f.hosts[i].wall.Loaded = append(f.hosts[i].wall.Loaded, r)
		}
	}
	f.hosts[i].wall.Saved = marksOrNil(f.hosts[i].wall.Loaded)
}

func TestAcceptedDifferencesDoNotCount(t *testing.T) {
	f := newFarm(t, 4)
	f.apply(context.Background(), Rollout{})
	f.accepting(`
- {hosts: h1, rule: member, reason: a test bench, expires: 2026-03-31}
- {hosts: h2, rule: "we*", change: remove, reason: never so, expires: 2026-03-31}
- {hosts: h3, rule: web, reason: closed for a week, expires: 2026-03-31, change: closed}
- {hosts: h4, differs: persistent copy, reason: read-only disk, expires: 2026-02-28}
`)
	f.lose(0, "member")
	f.lose(1, "web")
	f.hosts[2].wall.Foreign = append(f.hosts[2].wall.Foreign, foreignRule{443, "drop"})
	f.hosts[3].wall.Saved = nil
	s := f.drift(DriftOptions{})
	f.want(s, OK, Differs, OK, Differs)
	for i, want := range []string{"a test bench", "", "closed for a week", ""} {
		o := s.Outcomes[i]
		got := ""
		for _, a := range o.Accepted {
			got += a.Reason
			if a.Until != "2026-03-31" || !strings.Contains(a.At, "accepted.yml:") || (a.Change == nil) == (a.Flow == nil) {
				t.Errorf("%+v", a)
			}
		}
		if got != want || want != "" && (len(o.Changes)+len(o.Flows)+len(o.Pending) > 0 || o.Cause != "") {
			t.Errorf("%s: accepted %q, %+v", o.Host, got, o)
		}
	}
	if w := strings.Join(s.Outcomes[3].Warnings, " "); !strings.Contains(w, "accepted until 2026-02-28, and that is over (") || !strings.Contains(w, "accepted.yml:5: read-only disk") {
		t.Errorf("%q", w)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "accepted.yml:3: nothing differs that this accepts (we* on h2)") {
		t.Errorf("%q", s.Warnings)
	}
	// Where not all of an entry's hosts were looked at nobody can say that it is idle.
	some := f.verb(f.runner.Drift(context.Background(), f.inv, f.inv.Hosts[:1], DriftOptions{}))
	if len(some.Warnings) != 0 {
		t.Errorf("%q", some.Warnings)
	}
	// The day after the last one it is a difference again.
	f.clock.now = time.Date(2026, 3, 31, 23, 59, 0, 0, time.UTC)
	f.want(f.drift(DriftOptions{}), OK, Differs, OK, Differs)
	f.clock.now = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	f.want(f.drift(DriftOptions{}), Differs, Differs, Differs, Differs)
}

// --fix leaves what is accepted alone, puts the rest right beside it, and the
// acceptance does not become the truth by that.
func TestFixLeavesTheAcceptedAlone(t *testing.T) {
	f := newFarm(t, 2)
	for _, h := range f.inv.Hosts {
		h.Rules = append(h.Rules, extra("other", "internal", 20003))
	}
	f.apply(context.Background(), Rollout{})
	f.accepting("- {rule: member, reason: r, expires: 2026-03-31}\n- {differs: persistent copy, reason: r, expires: 2026-03-31}\n")
	f.lose(0, "member")
	writes := f.hosts[0].writes
	f.want(f.drift(DriftOptions{Fix: true}), OK, OK)
	if f.hosts[0].writes != writes {
		t.Error("what is accepted was put right")
	}
	f.lose(0, "member", "other")
	s := f.drift(DriftOptions{Fix: true})
	f.want(s, Changed, OK)
	f.has(f.hosts[0], "other", "web")
	if len(s.Outcomes[0].Accepted) != 1 {
		t.Errorf("%+v", s.Outcomes[0])
	}
	s = f.drift(DriftOptions{})
	f.want(s, OK, OK)
	if len(s.Outcomes[0].Accepted) != 1 || len(s.Warnings) != 1 {
		t.Errorf("%+v %q", s.Outcomes[0], s.Warnings)
	}
	f.clock.now = f.clock.now.AddDate(0, 1, 0)
	s = f.drift(DriftOptions{Fix: true})
	f.want(s, Changed, OK)
	f.has(f.hosts[0], "member", "other", "web")

	// An edited rule is kept as it is on the host.
	f.clock.now = f.clock.now.AddDate(0, -1, 0)
	f.hosts[0].wall.Loaded[0].Ports[0].First--
	f.hosts[0].wall.Loaded = f.hosts[0].wall.Loaded[:2]
	f.hosts[0].wall.Saved = marksOrNil(f.hosts[0].wall.Loaded)
	f.want(f.drift(DriftOptions{Fix: true}), Changed, OK)
	if p := f.hosts[0].wall.Loaded[0].Ports[0].First; p != 20001 || len(f.hosts[0].wall.Loaded) != 3 {
		t.Errorf("%+v", f.hosts[0].wall.Loaded)
	}
}

// A twin of ours cannot stay where the rest is written anew: the host is left as it is.
func TestFixThatWouldUndoTheAccepted(t *testing.T) {
	f := newFarm(t, 1)
	f.apply(context.Background(), Rollout{})
	f.accepting("- {rule: web, change: remove, reason: r, expires: 2026-03-31}\n")
	f.hosts[0].wall.Loaded = append(f.hosts[0].wall.Loaded, f.hosts[0].wall.Loaded[1]) // a twin of web
	f.lose(0, "member")
	writes := f.hosts[0].writes
	s := f.drift(DriftOptions{Fix: true})
	f.want(s, Differs)
	if w := strings.Join(s.Outcomes[0].Warnings, " "); !strings.Contains(w, "left as it is: to restore the rest would also put right what is accepted (remove web") || f.hosts[0].writes != writes {
		t.Errorf("%q, %d writes", w, f.hosts[0].writes-writes)
	}
}
