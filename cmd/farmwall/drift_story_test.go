//go:build linux

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/tasks"
	"farmwall/transport/lab/windows"
)

// driven is a farm of one host of either system.
type driven struct {
	*testing.T
	run  func(args ...string) (string, int)
	host string
	lose func() // takes one of our rules off the host, by hand
	shut func() // makes a foreign rule close a wanted flow
}

func (d *driven) must(code int, args ...string) string {
	d.Helper()
	out, got := d.run(args...)
	if got != code {
		d.Fatalf("%v: exit %d, want %d\n%s", args, got, code, out)
	}
	return out
}

func (d *driven) drift(code int, args ...string) *tasks.Summary {
	d.Helper()
	out := d.must(code, append([]string{"drift", "--output", "json"}, args...)...)
	var s tasks.Summary
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &s); err != nil {
		d.Fatalf("%v\n%s", err, out)
	}
	return &s
}

// causesOf is host-cause/cause of changes/cause of pending, each cause once.
func causesOf(s *tasks.Summary) string {
	o := &s.Outcomes[0]
	seen := map[string]bool{}
	text := string(o.Status) + " " + o.Cause
	for i := range o.Changes {
		seen["changes: "+o.Changes[i].Cause] = true
	}
	for i := range o.Pending {
		seen["pending: "+o.Pending[i].Cause] = true
	}
	for _, side := range []string{"changes", "pending"} {
		for _, cause := range []string{"", "host", "policy", "both", "foreign rule"} {
			if seen[side+": "+cause] {
				text += "; " + side + ": " + cause
			}
		}
	}
	return text
}

// Four combinations of what the host and the inventory did have four outcomes; then
// what is accepted, what the budget keeps, what a foreign rule does.
func driftStory(d *driven) {
	other := []string{"-e", `{"farmwall_rules": [{"id": "more", "protocol": "tcp", "port": 5000}]}`}
	d.must(0, "apply", "-y")
	is := func(got *tasks.Summary, want string) {
		d.Helper()
		if text := causesOf(got); text != want {
			d.Errorf("%s, want %s", text, want)
		}
	}
	is(d.drift(0), "ok ")
	is(d.drift(0, other...), "pending policy; pending: policy")
	d.lose()
	is(d.drift(2), "differs host; changes: host")
	is(d.drift(2, other...), "differs both; changes: host; pending: policy")
	if out := d.must(2, append([]string{"drift"}, other...)...); !strings.Contains(out, "cause: the host and the inventory were changed") || !strings.Contains(out, "[the host was changed]") || !strings.Contains(out, "1 to add") {
		d.Errorf("%s", out)
	}

	accepted := filepath.Join(d.TempDir(), "accepted.yml")
	write := func(text string) {
		d.Helper()
		if err := os.WriteFile(accepted, []byte(text), 0o600); err != nil {
			d.Fatal(err)
		}
	}
	use := []string{"-e", "farmwall_accept=" + accepted}
	write("- {hosts: " + d.host + ", rule: '*', reason: a test bench, expires: 9999-12-31}\n")
	s := d.drift(0, append(use, "--fix", "-y")...)
	if is(s, "ok "); s.Run != "" || len(s.Outcomes[0].Accepted) == 0 || s.Outcomes[0].Accepted[0].Reason != "a test bench" {
		d.Errorf("%+v", s)
	}
	if out := d.must(0, append([]string{"drift"}, use...)...); !strings.Contains(out, "accepted:") || !strings.Contains(out, "until 9999-12-31: a test bench (") {
		d.Errorf("%s", out)
	}
	write("\n- {hosts: " + d.host + ", rule: '*', reason: a test bench, expires: 2020-02-29}\n")
	if out := d.must(2, append([]string{"drift"}, use...)...); !strings.Contains(out, "was accepted until 2020-02-29, and that is over (") || !strings.Contains(out, "accepted.yml:2: a test bench") {
		d.Errorf("%s", out)
	}
	write("- {hosts: nobody, rule: a, expires: soon}\n- {rule: a, reason: r, expires: 2027-01-31}\n")
	if out := d.must(1, append([]string{"drift"}, use...)...); strings.Count(out, "accepted.yml:1") != 2 {
		d.Errorf("%s", out)
	}

	s = d.drift(2, "--fix", "-y", "--max-fix", "0")
	if s.OverBudget == nil || s.OverBudget.Hosts != 1 || s.Run != "" {
		d.Errorf("%+v", s.OverBudget)
	}
	if out := d.must(2, "drift", "--fix", "-y", "--max-fix", "0%"); !strings.Contains(out, "over budget: nothing was put right: 1 host of 1 would have to be changed, and --max-fix allows 0") {
		d.Errorf("%s", out)
	}
	d.must(1, "drift", "--max-fix", "1")
	d.must(1, "drift", "--fix", "--max-fix", "1x")
	if out := d.must(0, "drift", "--fix", "-y", "--max-fix", "100%"); !strings.Contains(out, "1 added") || strings.Contains(out, "to add") {
		d.Errorf("%s", out)
	}
	is(d.drift(0), "ok ")
	d.shut()
	s = d.drift(2)
	if o := &s.Outcomes[0]; o.Cause != "foreign rule" {
		d.Errorf("a foreign rule: %s", causesOf(s))
	}
}

func TestDriftStoryOnLinux(t *testing.T) {
	farm, inv := farmOf(t, 1, "")
	h := farm.Hosts()[0]
	state := filepath.Join(t.TempDir(), "state")
	on := func(script string) {
		t.Helper()
		if res, err := h.Exec(context.Background(), []string{"sh", "-c", script}, nil); err != nil || res.Code != 0 {
			t.Fatalf("%v: %s", err, res.Stderr)
		}
	}
	driftStory(&driven{T: t, host: h.Name,
		run: func(args ...string) (string, int) {
			return inFarm(t, farm, append(args, "-i", inv, "--state", state)...)
		},
		lose: func() {
			on(`nft -a list chain inet farmwall input | sed -n '/dport/s/.*# handle //p' | head -1 | xargs nft delete rule inet farmwall input handle`)
		},
		shut: func() {
			on(`nft 'table inet other { chain in { type filter hook input priority -5; policy accept; tcp dport != 22 drop; }; }'`)
		}})
}

func TestDriftStoryOnWindows(t *testing.T) {
	t.Parallel()
	f := winFarmOf(t, 1, winOptions{})
	h := f.hosts[0]
	driftStory(&driven{T: t, host: "w1",
		run: func(args ...string) (string, int) {
			code, out := f.run(args...)
			return out, code
		},
		lose: func() {
			first := true
			h.EditRules(func(list []windows.Entry) []windows.Entry {
				var kept []windows.Entry
				for _, e := range list {
					if first && strings.Contains(e.Text, "Name=farmwall:") {
						first = false
						continue
					}
					kept = append(kept, e)
				}
				return kept
			})
		},
		shut: func() {
			h.EditRules(func(list []windows.Entry) []windows.Entry {
				return append(list, windows.Entry{ID: "{11111111-2222-3333-4444-555555555555}", Text: "v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=443|Name=no|"})
			})
		}})
}
