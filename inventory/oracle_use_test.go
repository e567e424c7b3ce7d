package inventory

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// patternInventory has one level of groups only: below it Ansible's order of hosts
// changes from run to run.
const patternInventory = `loose
[web]
web[1:12].example.com
web-a
10.0.0.1
[db]
db1
db2
web3.example.com
[canary]
web1.example.com
db2
[odd-name]
x_y
Upper
[v6]
fe80::a
2001:db8::1
`

// patterns are what both understand.
func patterns() []string {
	return []string{"all", "*", "web", "db", "web:db", "web,db", "web:&db", "web:!db", "!web", "&canary", "web:!web1*", "all:!web:!db", "db:&canary:!web1.example.com",
		"web[0]", "web[-1]", "web[0:3]", "web[1:]", "web[2:0]", "web[4:99]", "web[12]", "web[1-2]", "all[0]", "db[0],web[0]", "web:&db[2]", "!db[0]",
		"web1.example.com", "web?.example.com", "web1*", "*.example.com", "web[12].example.com", "web[!1]*", "w*:!*2*", "~web[12]\\.example", "~w.*3", "~.*b2$", "~(web|db)1", "~^db",
		"10.0.0.1", "10.*", "fe80::a", "2001:db8::1", "v6,!fe80::a", "odd-name", "x_y", "Upper", "U*", "loose", "ungrouped", "ungrouped,db", "canary:db", "db:canary",
		"web,&canary", "all,!ungrouped", " web , db ", "web db", "web:", "web,,db", "@list", "@list,!db1", "web,@signs", "w*.*", "*1", "*[13]", "d*[0]", "[wd]*", "~[wd]b?1", "*:!*.*", "all:&~.*2"}
}

func TestPatternsAreAnsibles(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": patternInventory, "list": "db1\nweb2.example.com\n\n  web-a  \n", "signs": "!web1.example.com\n~web1[0-2]\n&web\n"})
	var jobs []ansibleJob
	for _, p := range patterns() {
		jobs = append(jobs, ansibleJob{"ansible", []string{"all", "-i", "hosts", "--limit", p, "--list-hosts"}, dir})
	}
	answers := ask(t, jobs)
	t.Chdir(dir)
	inv, err := Load(t.Context(), []string{"hosts"}, Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range patterns() {
		var want []string
		for _, line := range strings.Split(answers[i].Out, "\n")[1:] {
			if line = strings.TrimSpace(line); line != "" {
				want = append(want, line)
			}
		}
		if answers[i].Exit != 0 || len(want) == 0 {
			t.Errorf("%q: Ansible says %s%s", p, answers[i].Out, answers[i].Err)
			continue
		}
		hosts, err := inv.Select(p)
		if err != nil {
			t.Errorf("%q: %v, Ansible selects %q", p, err, want)
		} else if got := hostNames(hosts); got != strings.Join(want, " ") {
			t.Errorf("%q:\n got %s\nwant %s", p, got, strings.Join(want, " "))
		}
	}
}

// What Ansible takes for every host, or for none, with no more than a warning is
// refused.
func TestPatternsThatGoWrongInAnsible(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": patternInventory, "empty": "\n\n", "folder/x": ""})
	refused := []string{"", ",", ":", " ", "@empty", "~[", "~web[0-9]{1,2}", "v6:!fe80::a", "web:!typo", "@missing", "@folder", "~(?:web|db)1", "web[99]", "nosuch", "web:&nosuch", "!", "web[1:0:2]"}
	var jobs []ansibleJob
	for _, p := range refused {
		jobs = append(jobs, ansibleJob{"ansible", []string{"all", "-i", "hosts", "--limit", p, "--list-hosts"}, dir})
	}
	answers := ask(t, jobs)
	t.Chdir(dir)
	inv, err := Load(t.Context(), []string{"hosts"}, Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	everything := 0
	for i, p := range refused {
		if hosts, err := inv.Select(p); err == nil {
			t.Errorf("%q selects %s; Ansible: %s", p, hostNames(hosts), answers[i].Out)
		}
		if strings.Contains(answers[i].Out, fmt.Sprintf("hosts (%d):", len(inv.Hosts))) {
			everything++
		}
	}
	if everything < 4 {
		t.Errorf("only %d of these select everything in Ansible", everything)
	}
}

const templateVars = `{"name":"web1.example.com","port":8080,"yes":true,"nothing":null,"list":["a","b","c"],"map":{"key":"v","inner":{"deep":5},"n":1},"empty":"","indirect":"{{ port }}","indirect2":"{{ indirect }}",
"big":123456789012345678901234,"listtpl":["{{ port }}","{{ name }}"],"strlist":"['a', 'b']","falsestr":"False","raw":"{{ name }}","text":"it's \"so\"\n","sp":"  a  b ","f":1.5,"nested":{"a":["{{ list }}",{"b":"{{ map.key }}"}]}}`

// templates are what both understand.
func templates() []string {
	return []string{
		"{{ name }}", "{{ name }}-x", "{{ port }}", "{{port}}", "{{ port }}0", " {{ port }}", "{{ port + 1 }}", "{{ yes }}", "{{ nothing }}", "{{ nothing }}x", "a{{ yes }}", "{{ list }}", "x{{ list }}", "{{ map }}", "{{ big }}", "{{ f }}",
		"{{ map.key }}", "{{ map['key'] }}", "{{ list[0] }}", "{{ list[-1] }}", "{{ list.0 }}", "{{ map.inner.deep }}", "{{ map['in' ~ 'ner']['deep'] }}", "{{ list[0:1] }}", "{{ list[1:] }}", "{{ list[:-1] }}", "{{ name[:3] }}", "{{ 'ab'[1] }}",
		"{{ missing | default('d') }}", "{{ map.missing | default('d') }}", "{{ missing.deep | default('d') }}", "{{ empty | default('d', true) }}", "{{ empty | default('d') }}", "{{ empty | default('d', boolean=true) }}", "{{ missing | default }}", "{{ missing | d('x') ~ 'b' }}", "{{ nothing | default('x') }}", "{{ nothing | default('x', true) }}",
		"{{ name | upper }}", "{{ name | upper | lower }}", "{{ port | upper }}", "{{ list | join(',') }}", "{{ list | join }}", "{{ [name, port] | join(':') }}", "{{ 'abc' | join('-') }}",
		"{{ 'a,b' | split(',') }}", "{{ sp | split }}", "{{ 'a-b-c' | split('-', 1) }}", "{{ name.split('.')[0] }}", "{{ name.split('.') | first }}", "{{ sp.split() | last }}", "{{ name | split('.') | last }}",
		"{{ '12' | int }}", "{{ '12' | int + 1 }}", "{{ ' 12 ' | int }}", "{{ 'x' | int }}", "{{ 'x' | int(7) }}", "{{ '1.9' | int }}", "{{ 2.7 | int }}", "{{ '0x1f' | int(base=16) }}", "{{ yes | int }}", "{{ '1.5' | float }}", "{{ 10 | float }}", "{{ 'x' | float }}",
		"{{ 'yes' | bool }}", "{{ 'No' | bool }}", "{{ '1' | bool }}", "{{ 'x' | bool }}", "{{ 1 | bool }}", "{{ port | bool }}", "{{ nothing | bool }}", "{{ 'true' | bool and yes }}",
		"{{ name | replace('.', '-') }}", "{{ name.replace('e', 'E') }}", "{{ 'aaa' | replace('a', 'b', 2) }}", "{{ port | string | length }}", "{{ list | length }}", "{{ map | count }}", "{{ name | length }}", "{{ sp | trim }}", "{{ sp.strip() }}",
		"{{ list | first }}", "{{ list | last }}", "{{ ['b','a','B'] | sort }}", "{{ [3,1,2] | sort | join }}", "{{ [1,1,2] | unique }}", "{{ 'abc' | list }}", "{{ 'a' | b64encode }}", "{{ 'YQ==' | b64decode }}", "{{ yes | ternary('a','b') }}", "{{ empty | ternary('a','b') }}",
		"{{ name ~ '.' ~ port }}", "{{ 'x' ~ nothing ~ yes ~ 1.0 }}", "{{ name + 'x' }}", "{{ list + ['z'] }}", "{{ 'a' * 3 }}", "{{ 7 / 2 }}", "{{ 7 // 2 }}", "{{ -7 // 2 }}", "{{ 7 % 2 }}", "{{ -7 % 3 }}", "{{ 2 ** 3 }}", "{{ -port }}", "{{ 1 + 2 * 3 }}", "{{ (1 + 2) * 3 }}", "{{ 1.5 + 1 }}", "{{ 7.0 // 2 }}", "{{ 10 - 2 - 3 }}",
		"{{ 'a' if yes else 'b' }}", "{{ 'a' if missing is defined else 'b' }}", "{{ 'a' if empty else 'b' if port else 'c' }}", "{{ port == 8080 }}", "{{ port == '8080' }}", "{{ 1 < 2 < 3 }}", "{{ 3 > 2 > 2 }}", "{{ 'a' < 'b' }}", "{{ not yes }}", "{{ 'e' in name }}", "{{ 'z' not in list }}", "{{ 'key' in map }}", "{{ port > 80 and yes }}", "{{ true and 'x' }}", "{{ false or 'y' }}", "{{ not 'a' == 'b' }}", "{{ 1 == 1.0 }}", "{{ list == ['a', 'b', 'c'] }}",
		"{{ missing is not defined }}", "{{ missing is undefined }}", "{{ nothing is none }}", "{{ 'x' is string }}", "{{ map is mapping }}", "{{ port is number }}", "{{ yes is boolean }}",
		"{{ [1, 'a', true, none, 1.5] }}", "{{ {'a': 1, 'b': [true]} }}", "{{ [] }}", "{{ '' }}", "{{ 1.0 }}", "{{ 3.50 }}", "{{ 1e3 }}", "{{ 'it''s' }}", `{{ "a\nb" }}`, `{{ 'C:\x' }}`, "{{ 'True' }}", "{{ '[1]' }}", "{{ '8080' }}", "{{ '{1' }}",
		"{{ indirect }}", "{{ indirect + 1 }}", "{{ indirect2 }}", "{{ indirect2 }}0", "{{ listtpl }}", "{{ listtpl[0] }}", "{{ strlist }}", "{{ strlist[0] }}", "{{ falsestr }}", "{{ raw }}", "{{ nested }}", "{{ [text] }}x", "x{{ [1.0, none, 'a'] }}",
		"{# c #}x", "a {# c #} b", "x {{ name }} {{ port }}", "{{ name }} ", "{{ name }}\n", "{% raw %}{{ x }}{% endraw %}", "a {{- port -}} b", "{{ map.get('key') }}", "{{ map.get('nope', 'd') }}", "{{ name.upper() }}", "{{ (name | upper).lower() }}", "{{ name.startswith('w') }}", "{{ name.endswith('x') }}", "{{ '-'.join(list) }}", "plain", "{ {x} }",
		"{{ lookup('env', 'FARMWALL_PROBE') }}", "{{ lookup('ansible.builtin.env', 'FARMWALL_PROBE') | upper }}", "{{ lookup('pipe', 'echo \"a b\"') }}", "{{ lookup('file', '/etc/hostname') | length > 0 }}",
	}
}

func TestTemplatesAreAnsibles(t *testing.T) {
	answers := ask(t, []ansibleJob{{"template", append([]string{templateVars}, templates()...), t.TempDir()}})
	var want []struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal([]byte(answers[0].Out), &want); err != nil {
		t.Fatal(err, answers[0].Err)
	}
	t.Setenv("FARMWALL_PROBE", "from outside")
	for i, text := range templates() {
		got, err := worked(t, templateVars, text)
		switch {
		case want[i].Error != "":
			t.Errorf("%s: Ansible says %s", text, want[i].Error)
		case err != nil:
			t.Errorf("%s: %v, Ansible: %s", text, err.text, want[i].Value)
		default:
			var a, b any
			decode(t, []byte(jsonValue(got, 0)), &a)
			decode(t, want[i].Value, &b)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s: got %s, want %s", text, jsonValue(got, 0), want[i].Value)
			}
		}
	}
}

func decode(t *testing.T, text []byte, into *any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// worked is what becomes of a text on a host with these variables.
func worked(t testing.TB, vars, text string) (any, *templateError) {
	t.Helper()
	dir := tree(t, map[string]string{"hosts.yml": "gateway: {hosts: {g: " + vars + "}}\n"})
	inv, err := Load(t.Context(), []string{filepath.Join(dir, "hosts.yml")}, Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	r := newResolver(inv, &Options{}, &lookups{ctx: t.Context(), done: map[[2]string]lookedUp{}})
	v, _, e := r.resolve(inv.Host("g"), "probe", Value{Any: text})
	return v.Any, e
}

// ansible-vault opens what we write, and we open what it writes.
func TestVaultIsAnsibles(t *testing.T) {
	dir := tree(t, map[string]string{"pw": "a pässword", "theirs": "secret: ä\n", "labelled": "x", "empty": ""})
	v := &Vault{}
	v.Add("", NewSecret("a pässword"))
	ours := map[string]string{"ours": "secret: ö\n", "block": strings.Repeat("x", 32), "nothing": ""}
	jobs := []ansibleJob{
		{"ansible-vault", []string{"encrypt", "--vault-password-file", "pw", "theirs", "empty"}, dir},
		{"ansible-vault", []string{"encrypt", "--vault-id", "dev@pw", "labelled"}, dir},
	}
	names := sortedKeys(ours)
	for _, name := range names {
		sealed, err := v.Encrypt([]byte(ours[name]), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), sealed, 0o600); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, ansibleJob{"ansible-vault", []string{"decrypt", "--vault-password-file", "pw", name}, dir})
	}
	answers := ask(t, jobs)
	for i, name := range names {
		plain, err := os.ReadFile(filepath.Join(dir, name))
		if a := answers[i+2]; a.Exit != 0 || err != nil || string(plain) != ours[name] {
			t.Errorf("%s: %q, %v, %s", name, plain, err, a.Err)
		}
	}
	for name, want := range map[string]string{"theirs": "secret: ä\n", "labelled": "x", "empty": ""} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		plain, label, err := v.Decrypt(data)
		if err != nil || string(plain) != want || (label == "dev") != (name == "labelled") {
			t.Errorf("%s: %q, %q, %v", name, plain, label, err)
		}
	}
}
