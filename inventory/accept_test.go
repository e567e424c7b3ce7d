package inventory

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const acceptHosts = `[gateway]
gw1 ansible_host=10.0.0.1
gw2 ansible_host=10.0.0.2
[rdsh]
rds1 ansible_host=10.0.0.3
`

func loadAccepting(t testing.TB, file string) (*Inventory, error) {
	t.Helper()
	dir := tree(t, map[string]string{"hosts": acceptHosts, "group_vars/all.yml": "farmwall_accept: accepted.yml\n", "accepted.yml": file})
	return Load(context.Background(), []string{filepath.Join(dir, "hosts")}, Options{})
}

func TestAcceptedDifferences(t *testing.T) {
	inv, err := loadAccepting(t, `# reviewed
- hosts: gateway
  rule: gateway.*
  change: replace
  reason: the vendor's own rule, until the upgrade
  expires: 2027-01-31
- differs: persistent copy
  reason: a test bench
  expires: "2026-12-01"
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range inv.Hosts {
		for _, a := range h.Accept {
			got = append(got, h.Name+" "+a.Rule+a.Differs)
		}
	}
	if want := []string{"gw1 gateway.*", "gw1 persistent copy", "gw2 gateway.*", "gw2 persistent copy", "rds1 persistent copy"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	a := inv.Host("gw1").Accept[0]
	if a != inv.Host("gw2").Accept[0] || !a.MatchesRule("gateway.https") || a.MatchesRule("rdsh.rdp") || a.At.Line != 2 || a.Until() != "2027-01-31" ||
		!a.Expires.Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) || a.Change != "replace" || a.Reason != "the vendor's own rule, until the upgrade" {
		t.Errorf("%+v", a)
	}
	if none := inv.Host("rds1").Accept[0]; !none.MatchesRule("") || none.Until() != "2026-12-01" {
		t.Errorf("%+v", none)
	}
}

// Every mistake of the file is told at once, with its line.
func TestBadAcceptedDifferences(t *testing.T) {
	_, err := loadAccepting(t, `- {hosts: gw9, rule: a, reason: r, expires: 2027-01-31}
- hosts: gw1
  rule: a
  expires: 31.01.2027
- rule: a
  reason: r
- {reason: r, expires: "2027-02-30"}
- {rule: a, reason: "", expires: 2027-01-31}
- rule: a
  reasons: r
  reason: x
  expires: 2027-01-31
- just a word
- {rule: a, change: removed, reason: r, expires: 2027-01-31}
- {hosts: "@file", rule: a, reason: r, expires: 2027-01-31}
- {rule: "~(", reason: r, expires: [2027]}
`)
	problems, ok := err.(Problems)
	if !ok {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		if !strings.HasSuffix(p.At.File, "accepted.yml") || p.Hint == "" && !strings.HasPrefix(p.Text, "rule:") {
			t.Errorf("%+v", p)
		}
		got = append(got, p.At.String()[strings.LastIndex(p.At.String(), ":")+1:]+" "+p.Text)
	}
	want := []string{"1 hosts: \"gw9\": no host", "2 an accepted difference needs a reason", `4 expires: "31.01.2027" is no date`, "5 an accepted difference needs an expiry", "7 an accepted difference needs rule or differs",
		`7 expires: "2027-02-30" is no date`, `8 reason: "" is no text`, `10 field "reasons" does not exist`, `13 "just a word" is no accepted difference`, `14 change: "removed" is not known`,
		`15 hosts: "@file" is in another file`, "16 rule: not a regular", "16 expires: a list is no date"}
	if len(got) != len(want) {
		t.Fatalf("%d mistakes:\n%s", len(got), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	for name, c := range map[string]struct{ text, want string }{
		"a map":        {"hosts: gw1\n", "must be a list"},
		"broken":       {"- {\n", "broken YAML"},
		"encrypted":    {"$ANSIBLE_VAULT;1.1;AES256\n00\n", "encrypted"},
		"nobody's own": {"- {hosts: rds1, rule: a, reason: r, expires: 2027-01-31}\n", ""},
	} {
		if _, err := loadAccepting(t, c.text); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoReadsAcceptedDifferences(t *testing.T) {
	load := func(files map[string]string) (*Inventory, error) {
		dir := tree(t, files)
		return Load(context.Background(), []string{filepath.Join(dir, "hosts")}, Options{})
	}
	entry := "- {hosts: HOST, rule: a, reason: r, expires: 2027-01-31}\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"another group's entry": {map[string]string{"hosts": acceptHosts, "group_vars/gateway.yml": "farmwall_accept: a.yml\n", "a.yml": strings.Replace(entry, "HOST", "rds1", 1)}, "none of the hosts"},
		"no such file":          {map[string]string{"hosts": acceptHosts, "group_vars/gateway.yml": "farmwall_accept: a.yml\n"}, "gateway.yml:1: farmwall_accept"},
		"no name":               {map[string]string{"hosts": acceptHosts, "group_vars/gateway.yml": "farmwall_accept: [a.yml]\n"}, "is no file's name"},
		"an empty file":         {map[string]string{"hosts": acceptHosts, "group_vars/gateway.yml": "farmwall_accept: a.yml\n", "a.yml": ""}, ""},
	} {
		if _, err := load(c.files); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAccepted(f *testing.F) {
	f.Add([]byte("- {hosts: gw1, rule: a, reason: r, expires: 2027-01-31}\n"))
	f.Add([]byte("- &a {rule: 'x*', differs: jump, change: repair, reason: r, expires: 2027-01-31}\n- *a\n"))
	f.Add([]byte(`[{"rule": "a", "reason": 1, "expires": "9999-12-31"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, err := loadAccepting(t, string(data))
		if err != nil {
			return
		}
		for _, h := range inv.Hosts {
			for _, a := range h.Accept {
				if a.Reason == "" || a.Expires.IsZero() || a.Rule == "" && a.Differs == "" || a.At.Line == 0 {
					t.Fatalf("%+v", a)
				}
				a.MatchesRule(a.Rule)
			}
		}
	})
}
