package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const selectable = `[web]
web[1:12]
[db]
db1
[v6]
fe80::a
fe80::b
[gateway]
[gateway:children]
web
[empty]
[dc:children]
db
web
`

// Where Ansible warns about a part that matches nothing and goes on, Select
// refuses; the rest is what ansible --limit answers.
func TestSelect(t *testing.T) {
	inv := must(t, selectable)
	all := "fe80::a fe80::b web1 web2 web3 web4 web5 web6 web7 web8 web9 web10 web11 web12 db1"
	web := strings.Join(strings.Fields(all)[2:14], " ")
	tests := map[string]string{
		"all": all, "*": all, "web:db": web + " db1", "web db": web + " db1", "web1 , db1": "web1 db1", "v6,!fe80::a": "fe80::b", "fe80::a": "fe80::a",
		"web[1]": "web2", "web[2:0]": "web3", "web[-1]": "web12", "web[4:99]": "web5 web6 web7 web8 web9 web10 web11 web12", "web[0-1]": "web1 web2",
		"web[1:]": "web2 web3 web4 web5 web6 web7 web8 web9 web10 web11 web12", "web[12]*": "web1 web2 web10 web11 web12", "~web1$": "web1",
		"~eb": "", "web1*:!web12": "web1 web10 web11", "!web": "fe80::a fe80::b db1", "&web:web1": "web1", "web*[0]": "web1", "web[:2]": "web2", "db:web[0:1]": "web1 web2 db1",
		"~w.*[0]": "web10", "*[3]": "web2", "web[-2:-1]": "web2", "web[1-]": "web2 web3 web4 web5 web6 web7 web8 web9 web10 web11 web12", "web[-3:]": "web3",
		"web?": "web1 web2 web3 web4 web5 web6 web7 web8 web9", "web[!1]": "web2 web3 web4 web5 web6 web7 web8 web9", "dc": web + " db1", "gateway": web,
		"all:!empty": all, "!web:web1:db": "db1", "web1,,": "web1", "ungrouped:db1": "db1", "dc[0]": "db1", "~(?i)WEB1$": "web1", "dc:&web:!web1*": "web2 web3 web4 web5 web6 web7 web8 web9",
	}
	for pattern, want := range tests {
		hosts, err := inv.Select(pattern)
		if want == "" {
			if !errors.Is(err, ErrNoHost) {
				t.Errorf("%s: got %s, %v, want ErrNoHost", pattern, hostNames(hosts), err)
			}
			continue
		}
		if err != nil || hostNames(hosts) != want {
			t.Errorf("%s: got %s, %v\nwant %s", pattern, hostNames(hosts), err, want)
		}
	}
	if hosts, err := inv.Select(); err != nil || len(hosts) != 15 {
		t.Errorf("no pattern: %d hosts, %v", len(hosts), err)
	}
	if hosts, err := inv.Select("web1", "db"); err != nil || hostNames(hosts) != "web1 db1" {
		t.Errorf("two patterns: %s, %v", hostNames(hosts), err)
	}
}

func TestSelectRefuses(t *testing.T) {
	inv := must(t, selectable)
	noHost := []string{"nosuch", "nosuch:web1", "all:!nosuch", "web[3:1]", "web[99]", "web[12]", "WEB1", "web:22", "v6:!fe80::a", "web1:db1,db", "web[0]:&nosuch",
		"empty", "web:!web", "~WEB1", "web&db", "web[0,1]", "~web[0-9]{1,2}", "web:&db", "web[-13]"}
	for _, pattern := range noHost {
		hosts, err := inv.Select(pattern)
		if !errors.Is(err, ErrNoHost) || hosts != nil {
			t.Errorf("%s: got %s, %v", pattern, hostNames(hosts), err)
		}
	}
	for _, pattern := range []string{"", ",", " ", ":", "~[", "~(?:a|b)", "&", "!", "web:!", "web[", "@/nonexistent", "@" + t.TempDir(), "web[1", "~web[", "~(", "]"} {
		hosts, err := inv.Select(pattern)
		if err == nil || errors.Is(err, ErrNoHost) {
			t.Errorf("%q: got %d hosts, %v", pattern, len(hosts), err)
		}
	}
	if _, err := inv.Select("web", ""); err == nil {
		t.Error("an empty second pattern is accepted")
	}
	_, err := inv.Select("wbe1")
	if err == nil || !strings.Contains(err.Error(), `did you mean "web1"?`) {
		t.Errorf("no suggestion: %v", err)
	}
}

func TestSelectFile(t *testing.T) {
	inv := must(t, selectable)
	dir := tree(t, map[string]string{
		"good": "web1\r\n\n  web2  \n!web2\ndb\n", "empty": "\n \n", "comment": "# all\nweb1\n", "comma": "web1,web2\n", "nofinal": "\ufeffweb3",
	})
	at := func(name string) string { return "@" + filepath.Join(dir, name) }
	if hosts, err := inv.Select(at("good")); err != nil || hostNames(hosts) != "web1 db1" {
		t.Errorf("got %s, %v", hostNames(hosts), err)
	}
	if hosts, err := inv.Select("web4," + at("nofinal")); err != nil || hostNames(hosts) != "web3 web4" {
		t.Errorf("got %s, %v", hostNames(hosts), err)
	}
	for _, name := range []string{"empty", "comment", "comma"} {
		if hosts, err := inv.Select(at(name)); err == nil {
			t.Errorf("%s: got %s", name, hostNames(hosts))
		}
	}
	if err := os.Remove(filepath.Join(dir, "good")); err != nil {
		t.Fatal(err)
	}
}

// An inventory made by hand, without Load, can be asked too.
func TestSelectWithoutLoad(t *testing.T) {
	inv := &Inventory{Hosts: []*Host{{Name: "a"}, {Name: "b"}}, Groups: []*Group{{Name: "all", Children: []string{"g"}}, {Name: "g", Hosts: []string{"b"}}}}
	if hosts, err := inv.Select("g"); err != nil || hostNames(hosts) != "b" {
		t.Errorf("got %s, %v", hostNames(hosts), err)
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		glob, name string
		want       bool
	}{
		{"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a?c", "abc", true}, {"a[b-d]e", "ace", true}, {"a[!b-d]e", "ace", false}, {"a[]]b", "a]b", true},
		{"a[b", "a[b", true}, {"a.c", "abc", false}, {"[!]]", "]", false}, {"[d-b]", "c", false}, {"[!d-b]", "c", true}, {"[a-]", "-", true}, {`[\d]`, "5", false}, {`[\d]`, `\`, true},
		{"*", "", true}, {"a*", "A", false}, {"*\n*", "a\nb", true},
	}
	for _, test := range tests {
		matches, err := nameMatcher(test.glob)
		if err != nil || matches(test.name) != test.want {
			t.Errorf("%s and %q: want %v, %v", test.glob, test.name, test.want, err)
		}
	}
}
