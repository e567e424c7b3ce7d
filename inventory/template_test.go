package inventory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Templates in variables that farmwall needs.
func TestTemplatesInUse(t *testing.T) {
	inv := must(t, `---
gateway:
  hosts:
    gw1.corp: {n: 1}
    gw2.corp: {n: 2}
  vars:
    domain: corp.example
    port_base: 2200
    nets: [10.0.0.0/8, "{{ extra_net }}"]
    extra_net: 192.168.0.0/16
    ansible_host: "10.0.0.{{ n }}"
    ansible_port: "{{ port_base + n }}"
    ansible_user: "{{ inventory_hostname_short }}@{{ domain | upper }}"
    ansible_become: "{{ n == 1 }}"
    ras_internal_networks: "{{ nets }}"
    ras_version: "{{ version | default('17.1') }}"
    farmwall_rules:
      - {id: backup, protocol: tcp, port: "{{ port_base | int }}", remote: "{{ nets[0] }}"}
    ras_farm: "{{ groups['gateway'] | length }}-{{ group_names | join('-') }}-{{ hostvars['gw1.corp'].n }}"
`)
	a, b := inv.Host("gw1.corp"), inv.Host("gw2.corp")
	equal(t, "address", a.Access.Address+" "+b.Access.Address, "10.0.0.1 10.0.0.2")
	equal(t, "port", fmt.Sprint(a.Access.Port, b.Access.Port), "2201 2202")
	equal(t, "user", a.Access.User, "gw1@CORP.EXAMPLE")
	equal(t, "become", fmt.Sprint(a.Access.Become, b.Access.Become), "true false")
	equal(t, "networks", fmt.Sprint(a.InternalNetworks.Value), "[10.0.0.0/8 192.168.0.0/16]")
	equal(t, "version", a.Version.Value.String(), "17.1")
	equal(t, "rule", fmt.Sprint(a.Rules[0].Ports, a.Rules[0].Remotes), "[{2200 2200}] [10.0.0.0/8]")
	equal(t, "farm", a.Farm, "2-gateway-1")
	equal(t, "addresses", fmt.Sprint(a.Addresses.Value, " ", a.Addresses.Name), "[10.0.0.1] ansible_host")
	if &a.InternalNetworks.Value[0] != &b.InternalNetworks.Value[0] {
		t.Error("two hosts have copies of one list")
	}
	equal(t, "raw", a.Vars["ansible_port"].Any, "{{ port_base + n }}")
}

// What is beyond farmwall is told with variable, expression and file.
func TestTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{{ x }}": `"x" is not defined`, "{{ x.y }}": `"x" is not defined`, "{{ m.y }}": `"y" of m is not defined`, "{{ l[9] }}": `"9" of l is not defined`,
		"{{ ansible_default_ipv4.address }}": "farmwall gathers no facts", "{{ hostvars['z'].a }}": `the host "z" of hostvars is not defined`,
		"{{ a | regex_replace('x', 'y') }}": `farmwall does not know the filter "regex_replace"`, "{{ a | uper }}": `did you mean "upper"?`, "{% if a %}b{% endif %}": "farmwall knows no statements in templates: {% if a",
		"{{ a": "an expression {{ has no end", "{# a": "a comment {# has no end", "{{ }}": "does not understand the template", "{{ a b }}": `at "b }}"`, "{{ 'a }}": "a quote in the expression is not closed",
		"{{ range(3) }}": `the function "range"`, "{{ a is divisibleby 3 }}": `the test "divisibleby"`, "{{ lookup('url', 'x') }}": `the lookup "url"`, "{{ lookup('env') }}": "takes two arguments", "{{ query('env', 'x') }}": `the function "query"`,
		"{{ a.encode('x') }}": "method encode: farmwall does not know it", "{{ 1 / 0 }}": "division by zero", "{{ a + 1 }}": "a text + a number is not possible", "{{ a < 1 }}": "not possible", "{{ 2 ** 99999 }}": "too large", "{{ 'x' * 9999999 }}": "too long",
		"{{ m ~ a }}": "a map cannot be part of a text", "{{ a | split('') }}": "filter split", "{{ a | join(1) }}": "filter join", "{{ a | default('x', y=1) }}": "does not know its argument y", "{{ a | lower(1) }}": "too many arguments", "{{ a.get }}": `"get" of a is not defined`,
		"{{ loop }}": "the variables refer to each other in a circle: loop -> other -> loop", "{{ self }}": "self -> self", "{{ ((((" + strings.Repeat("(", 200) + " }}": "nested too deeply", "{{ " + strings.Repeat("not ", 300) + "a }}": "nested too deeply",
		"{{ bomb9 }}": "too", "{{ lookup('env', 'FARMWALL_NOT_SET') }}": `the environment variable "FARMWALL_NOT_SET" is not defined`, "{{ lookup('file', '/no/such/file') }}": "no such file", "{{ lookup('pipe', 'exit 3') }}": "exit status 3",
		"{{ lookup('keyring', 'farmwall nosuch') }}": "no keyring can be read here",
	} {
		var b strings.Builder
		fmt.Fprintf(&b, "---\ngateway:\n  hosts: g\n  vars:\n    a: text\n    m: {k: v}\n    l: [1]\n    loop: '{{ other }}'\n    other: '{{ loop }}'\n    self: '{{ self }}'\n    bomb0: xxxxxxxxxx\n")
		for i := range 9 {
			fmt.Fprintf(&b, "    bomb%d: '%s'\n", i+1, strings.Repeat(fmt.Sprintf("{{ bomb%d }}", i), 10))
		}
		line := strings.Count(b.String(), "\n") + 1
		fmt.Fprintf(&b, "    ansible_user: %q\n", text)
		_, err := loadText(t, b.String())
		problems, _ := err.(Problems)
		if len(problems) != 1 || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), fmt.Sprintf("hosts.yml:%d: ansible_user of host \"g\": the", line)) {
			t.Errorf("%.60s: got %v\nwant %s", text, err, want)
		}
	}
}

// memoryKeyring is a keyring for tests.
type memoryKeyring map[string]string

func (k memoryKeyring) Get(service, name string) (string, error) {
	if service == "broken" {
		return "", errors.New("the bus is gone")
	}
	text, ok := k[service+" "+name]
	if !ok {
		return "", ErrNotInKeyring
	}
	return text, nil
}

func TestLookups(t *testing.T) {
	v := passwords("", "p")
	dir := tree(t, map[string]string{"secret": "from a file \n\n", "sealed": sealedBy(t, v, "", "from a vault\n"), "count": ""})
	t.Setenv("FARMWALL_TEST_SECRET", "{{ not a template }} [1]")
	ring := memoryKeyring{"farmwall gw login": "from the keyring", "corp admin": "from another"}
	for text, want := range map[string]string{
		"lookup('env', 'FARMWALL_TEST_SECRET')": "{{ not a template }} [1]", "lookup('file', dir ~ '/secret')": "from a file", "lookup('ansible.builtin.file', dir ~ '/sealed')": "from a vault",
		"lookup('pipe', 'echo x >>' ~ dir ~ '/count; printf \" a b \\n\"')": " a b", "lookup('community.general.keyring', 'farmwall gw login')": "from the keyring", "lookup('keyring', 'corp admin')": "from another",
		"lookup('env', 'FARMWALL_NOT_SET') | default('x')": "x", "lookup('pipe', 'echo [1]')": "[1]",
	} {
		file := filepath.Join(dir, "hosts.yml")
		inventory := fmt.Sprintf("gateway:\n  hosts:\n    'g[1:3]':\n  vars:\n    dir: %s\n    ansible_password: \"{{ %s }}\"\n", dir, strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`))
		if err := os.WriteFile(file, []byte(inventory), 0o600); err != nil {
			t.Fatal(err)
		}
		inv, err := Load(t.Context(), []string{file}, Options{Vault: v, Keyring: ring})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		equal(t, text, inv.Host("g3").Access.Password.Reveal(), want)
	}
	if count, err := os.ReadFile(filepath.Join(dir, "count")); err != nil || string(count) != "x\n" {
		t.Errorf("the command ran for each host: %q, %v", count, err)
	}
	for term, want := range map[string]string{"farmwall other": "store it with farmwall secrets set other", "other": `no secret "other" of farmwall`, "broken x": "the bus is gone"} {
		inv, err := loadText(t, "---\ngateway: {hosts: g}\n")
		if err != nil {
			t.Fatal(err)
		}
		look := &lookups{ctx: t.Context(), keyring: ring, done: map[[2]string]lookedUp{}}
		r := newResolver(inv, &Options{}, look)
		_, _, e := r.resolve(inv.Host("g"), "x", Value{Any: "{{ lookup('keyring', '" + term + "') }}"})
		if e == nil || !strings.Contains(e.text+e.hint, want) {
			t.Errorf("%s: got %v", term, e)
		}
	}
}

// What nobody needs is never worked out: no command runs, no mistake is told.
func TestTemplatesAreLazy(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "[gateway]\ng unused='{{ lookup(\"pipe\", \"touch ran\") }}' broken='{{ x | nosuch }}'\n"})
	t.Chdir(dir)
	if _, err := Load(t.Context(), []string{"hosts"}, Options{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("ran"); err == nil {
		t.Error("the command ran")
	}
}

// Passwords of hosts that are not contacted are fetched only when they are asked
// for, and those of the others at once, with every mistake.
func TestPasswordsAreFetchedWhereTheyAreNeeded(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "[gateway]\ng1\ng2\n[other]\no\n[all:vars]\nansible_password='{{ lookup(\"pipe\", \"echo x >>\" ~ inventory_hostname ~ \"; echo pw\") }}'\n"})
	t.Chdir(dir)
	fetched := func(name string) int {
		text, _ := os.ReadFile(name)
		return strings.Count(string(text), "x")
	}
	inv, err := Load(t.Context(), []string{"hosts"}, Options{NoSecrets: true})
	if err != nil || fetched("g1")+fetched("g2")+fetched("o") != 0 {
		t.Errorf("%v, %d fetched", err, fetched("g1"))
	}
	if inv, err = Load(t.Context(), []string{"hosts"}, Options{Limit: []string{"g1,o"}}); err != nil {
		t.Fatal(err)
	}
	equal(t, "at once", fmt.Sprint(fetched("g1"), fetched("g2"), fetched("o")), "1 0 0")
	for _, name := range []string{"g1", "g2", "o"} {
		s := inv.Host(name).Access.Password
		if s.Empty() || s.Reveal() != "pw" || s.Reveal() != "pw" || fmt.Sprintf("%+v", s) != "***" {
			t.Errorf("%s: %q", name, s.Reveal())
		}
	}
	equal(t, "in the end", fmt.Sprint(fetched("g1"), fetched("g2"), fetched("o")), "1 1 1")
}

// Whatever the template, there is a value or an error, in bounded time.
func FuzzTemplate(f *testing.F) {
	for _, s := range templates() {
		if !strings.Contains(s, "lookup") {
			f.Add(s)
		}
	}
	f.Add("{{ loop }}{{ 9 ** 9 ** 9 }}{{ [[1]*3] }}{{ 'a'.split('') }}{{ -+-1 }}{{ a.b.c[1:][2](3) }}")
	dir := tree(f, map[string]string{"hosts.yml": "gateway: {hosts: {g: " + strings.Replace(templateVars, "{", `{"loop": "{{ loop2 }}", "loop2": "{{ loop }}",`, 1) + "}}\n"})
	inv, err := Load(f.Context(), []string{filepath.Join(dir, "hosts.yml")}, Options{Plain: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := newResolver(inv, &Options{}, nil)
		v, _, e := r.resolve(inv.Host("g"), "probe", Value{Any: text})
		if e != nil {
			if e.text == "" {
				t.Fatal("an error without words")
			}
			return
		}
		checkType(t, v.Any, 0)
		if !isTemplate(text) && v.Any != text {
			t.Fatalf("%q became %v", text, v.Any)
		}
	})
}

// Whatever a script answers, there is an inventory or Problems.
func FuzzScript(f *testing.F) {
	for _, c := range scriptCases() {
		if text, ok := c.files["hosts"]; ok && strings.HasPrefix(text, "#!") {
			_, rest, _ := strings.Cut(text, "<<'END'\n")
			answer, _, _ := strings.Cut(rest, "\nEND")
			f.Add([]byte(answer))
		}
	}
	f.Add([]byte(`{"_meta": {"hostvars": {"a": {"x": {"__ansible_vault": "x"}}}}, "a": {"hosts": ["a"], "children": ["a"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDraft(newReport())
		root := d.scriptJSON("x", data)
		if (root == nil) != (len(d.problems) > 0) {
			t.Fatalf("%v and %v", root, d.problems)
		}
		if root == nil {
			return
		}
		y := &yamlDraft{draft: d, yamlReader: d.yamlReader("x", false)}
		y.addScript(root, nil)
		d.finish()
		inv, err := d.inventory(t.Context(), Options{Plain: true}, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range inv.Hosts {
			for _, v := range h.Vars {
				checkType(t, v.Any, 0)
			}
		}
	})
}
