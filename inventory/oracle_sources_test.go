package inventory

import "testing"

// script is an inventory script that answers with fixed texts.
func script(list string, hosts string) string {
	return "#!/bin/sh\nif [ \"$1\" = --list ]; then cat <<'END'\n" + list + "\nEND\nelse\nhost=$2\n" + hosts + "\nfi\n"
}

// scriptCases are dynamic inventories.
func scriptCases() []oracleCase {
	run := func(name, list, hosts string) oracleCase {
		return oracleCase{name: "script " + name, files: map[string]string{"hosts": script(list, hosts)}}
	}
	return []oracleCase{
		run("with _meta", `{"web": {"hosts": ["a", "b"], "vars": {"x": 1, "y": [1.5, null, true]}, "children": ["sub"]}, "sub": ["c"], "_meta": {"hostvars": {"a": {"v": 1}, "lost": {"v": 2}}}}`, "exit 1"),
		run("with --host", `{"web": {"hosts": ["a", "b"]}}`, `echo "{\"name\": \"$host\", \"n\": 1}"`),
		run("--host without variables", `{"web": ["a", "b"]}`, `echo "{}"`),
		run("host as group", `{"lonely": {"x": 1, "y": "z"}, "_meta": {"hostvars": {}}}`, "exit 1"),
		run("children only", `{"p": {"children": ["q", "r"]}, "q": {"hosts": ["h"]}, "_meta": {"hostvars": {"h": {}}}}`, "exit 1"),
		run("all with vars", `{"all": {"vars": {"x": 1}, "hosts": ["h1"]}, "g": {"hosts": ["h2"], "vars": {}}, "_meta": {"hostvars": {}}}`, "exit 1"),
		run("ranges are names", `{"w": ["a[1:3]", "b:22", "10.0.0.1"], "_meta": {"hostvars": {}}}`, "exit 1"),
		run("special values", `{"w": {"hosts": ["h"], "vars": {"u": {"__ansible_unsafe": "{{ x }}"}, "n": 12345678901234567890, "f": 1e3, "e": "é\u00e9"}}, "_meta": {"hostvars": {}}}`, "exit 1"),
		run("empty", `{}`, "exit 1"),
		run("stderr is heard", `{"w": ["h"], "_meta": {"hostvars": {}}}`, "exit 1"),
		{name: "script with vars files", files: map[string]string{"hosts": script(`{"web": ["a"], "_meta": {"hostvars": {"a": {"v": 1, "w": 1}}}}`, ""), "group_vars/web.yml": "x: 1\nv: file\n", "host_vars/a.yml": "v: hostfile\n"}},
		{name: "static file with an x bit", files: map[string]string{"hosts": "[web]\na\n"}},
		{name: "script in a folder", files: map[string]string{"inv/10-dyn": script(`{"web": ["a"], "_meta": {"hostvars": {"a": {"v": 1}}}}`, ""), "inv/20-static": "[web]\na v=2\nb\n"}},
	}
}

// sourceCases are several sources, folders, lists and -e.
func sourceCases() []oracleCase {
	return []oracleCase{
		{name: "host list", files: map[string]string{"x": ""}, sources: []string{"a,b:22,10.0.0.1:2222,[::1]:23, c ,db[1:3],"}},
		{name: "host list with a vars folder", files: map[string]string{"hosts": "[web]\na\n"}, sources: []string{"hosts", "b,c,"}},
		{name: "several sources", files: map[string]string{"one": "[web]\na x=1 y=1\n[web:vars]\nv=1\n", "two.yml": "web: {hosts: {a: {x: 2}, b: }, vars: {v: 2}}\n"}, sources: []string{"one", "two.yml"}},
		{name: "several folders with vars", files: map[string]string{"s1/hosts": "[p:children]\nc\n[c]\nh\n", "s1/group_vars/c.yml": "v: s1c\nw: s1c\n", "s1/group_vars/all.yml": "v: s1all\nx: s1all\n",
			"s2/hosts": "[p]\nh2\n", "s2/group_vars/p.yml": "v: s2p\n", "s2/group_vars/all.yml": "w: s2all\ny: s2all\n", "s2/host_vars/h.yml": "z: s2\n"}, sources: []string{"s1", "s2"}},
		{name: "sources in the other order", files: map[string]string{"s1/hosts": "[c]\nh\n", "s1/group_vars/c.yml": "v: s1\n", "s2/hosts": "[c]\nh\n", "s2/group_vars/c.yml": "v: s2\n"}, sources: []string{"s2", "s1"}},
		{name: "folders of vars", files: map[string]string{"hosts": "[web]\nh\n", "group_vars/web/main.yml": "a: 1\nb: 1\n", "group_vars/web/over.yaml": "b: 2\n", "group_vars/web/x.json": `{"c": 3}`, "group_vars/all/one": "d: 4\n", "host_vars/h/v.yml": "e: 5\n", "group_vars/web/README.md": "not: read\n"}},
		{name: "group_vars of ungrouped and all", files: map[string]string{"hosts": "loose\n[web]\nh\n", "group_vars/ungrouped.yml": "u: 1\n", "group_vars/all.yml": "a: 1\nu: 0\n"}},
		{name: "vars files that merge nothing", files: map[string]string{"hosts": "[web]\nh\n", "group_vars/all.yml": "m: {a: 1, b: 2}\nl: [1, 2]\n", "group_vars/web.yml": "m: {c: 3}\nl: [3]\n"}},
		{name: "empty vars file", files: map[string]string{"hosts": "[web]\nh\n", "group_vars/all.yml": "---\n", "group_vars/web.yml": "# nothing\n", "host_vars/h.yml": ""}},
		{name: "priority in group_vars is a variable", files: map[string]string{"hosts": "[a]\nh\n[b]\nh\n[a:vars]\nv=a\n[b:vars]\nv=b\n", "group_vars/a.yml": "ansible_group_priority: 10\n"}},
		{name: "extra variables", files: map[string]string{"hosts": "[web]\nh a=1 b=1\n", "extra.yml": "c: [1, yes]\n"}, args: []string{"-e", "a=2", "-e", "@extra.yml", "-e", `{"d": {"e": 1}}`}, extra: []string{"a=2", "@extra.yml", `{"d": {"e": 1}}`}},
		{name: "folder of both formats", files: map[string]string{"inv/a": "[web]\nh1 x=1\n", "inv/b.yml": "web: {hosts: {h2: {x: 2}}}\ndb: {hosts: {h1: }}\n", "inv/c.json": `{"db": {"vars": {"y": 1}}}`, "inv/group_vars/all.yml": "z: 1\n"}},
		{name: "windows line ends and a mark in yaml", files: map[string]string{"hosts.yml": "\ufeffweb:\r\n  hosts:\r\n    a:\r\n      x: 1\r\n"}},
		{name: "host_vars of an address", files: map[string]string{"hosts": "[web]\n10.0.0.1\n2001:db8::1\n", "host_vars/10.0.0.1": "v: 4\n", "host_vars/2001:db8::1.yml": "v: 6\n"}},
	}
}

// vaultCases are encrypted by our own hand, and read by both.
func vaultCases(t *testing.T) []oracleCase {
	one, two := &Vault{}, &Vault{}
	one.Add("", NewSecret("first password"))
	two.Add("dev", NewSecret("dev password"))
	two.Add("prod", NewSecret("prod pässword"))
	sealed := func(v *Vault, label, text string) string {
		b, err := v.Encrypt([]byte(text), label)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	inline := func(v *Vault, label, text string) string {
		return "!vault |\n  " + indented(sealed(v, label, text))
	}
	files := func(files map[string]string) map[string]string {
		files["pw"], files["dev"], files["prod"] = "first password\n", "dev password", "  prod pässword\r\n"
		return files
	}
	oneArg := []string{"--vault-password-file", "pw"}
	twoArgs := []string{"--vault-id", "dev@dev", "--vault-id", "prod@prod"}
	return []oracleCase{
		{name: "vault whole vars file", vault: one, args: oneArg, files: files(map[string]string{"hosts": "[web]\nh\n", "group_vars/web.yml": sealed(one, "", "a: 1\nb: [x]\n")})},
		{name: "vault whole inventory", vault: one, args: oneArg, files: files(map[string]string{"hosts": sealed(one, "", "[web]\nh a=1\n")})},
		{name: "vault whole yaml inventory", vault: one, args: oneArg, files: files(map[string]string{"hosts.yml": sealed(one, "", "web: {hosts: {h: {a: 1}}}\n")})},
		{name: "vault inline", vault: one, args: oneArg, files: files(map[string]string{"hosts": "[web]\nh\n", "group_vars/web.yml": "a: " + inline(one, "", "secret") + "\nb:\n  - c: 1\n"})},
		{name: "vault inline without a password", files: files(map[string]string{"hosts": "[web]\nh\n", "group_vars/web.yml": "a: " + inline(one, "", "secret") + "\n"})},
		{name: "vault ids", vault: two, args: twoArgs, files: files(map[string]string{"hosts": "[web]\nh\n", "group_vars/web.yml": sealed(two, "prod", "a: prod\n"), "group_vars/all.yml": sealed(two, "dev", "b: dev\n")})},
		{name: "vault label that is wrong", vault: two, args: twoArgs, files: files(map[string]string{"hosts": "[web]\nh\n", "group_vars/web.yml": sealed(two, "prod", "a: x\n")})},
		{name: "vault inline of two ids", vault: two, args: twoArgs, files: files(map[string]string{"hosts.yml": "web:\n  hosts: {h: }\n  vars:\n    a: " + deeper(inline(two, "prod", "x")) + "\n    b: " + deeper(inline(two, "dev", "y")) + "\n"})},
		{name: "vault with windows line ends", vault: one, args: oneArg, files: files(map[string]string{"hosts": "[web]\nh\n", "group_vars/web.yml": withCR(sealed(one, "", "a: 1\n"))})},
	}
}
