package inventory

// yamlCases are YAML inventories as people write them.
func yamlCases() []oracleCase {
	doc := func(name, text string) oracleCase {
		return oracleCase{name: "yaml " + name, files: map[string]string{"hosts.yml": text}}
	}
	return []oracleCase{
		doc("usual", `---
all:
  hosts:
    mail.example.com:
  children:
    webservers:
      hosts:
        foo.example.com:
        bar.example.com: {http_port: 8080}
      vars: {ntp: a}
    dbservers:
      hosts: {one: {}}
  vars: {x: 1}
`),
		doc("nested children", `all:
  children:
    a:
      children:
        b:
          children:
            c: {hosts: {h: {v: 1}}, vars: {w: c}}
          vars: {w: b}
      vars: {w: a, x: a}
`),
		doc("a group in two places", "all:\n  children:\n    a: {children: {c: {hosts: {h1: }}}}\n    b: {children: {c: {hosts: {h2: }, vars: {x: 1}}}}\n"),
		doc("ranges and ports", "w:\n  hosts:\n    'web[01:03].example.com':\n    'db[a:c]:5432': {x: 1}\n    '[::1]:22':\n    '::1':\n"),
		doc("numbers", "w:\n  hosts:\n    h: {a: 012, b: 0o12, c: 1_000, d: 1e3, e: 1.0e+3, f: .5, g: 12:30, h: 0x1f, i: 0b11, j: +1, k: -0, l: 1., m: 685.230_15e+03, n: 190:20:30, p: 99999999999999999999}\n"),
		doc("booleans and nulls", "w:\n  hosts:\n    h: {a: yes, b: 'yes', c: Yes, d: y, e: on, f: TRUE, g: truE, h: ~, i: null, j: '', k: , l: 'null', m: No}\n"),
		doc("texts", `w:
  hosts:
    h:
      a: |
        one
        two
      b: >
        one
        two

        three
      c: |-
        x
      d: 'it''s'
      e: "a\tb\u00e9\n"
      f: C:\path
      g: a # comment
      h: "# none"
      i: ä日本
      j: "\x07"
`),
		doc("lists and maps", "w:\n  vars:\n    l: [1, [2, {a: b}], {}]\n    m: {a: {b: {c: [1]}}, 2: one, true: yes}\n    e: []\n    n: {}\n  hosts: {h: }\n"),
		doc("anchors", "x: &base {hosts: {a: }, vars: &v {k: 1}}\ny: {hosts: {b: }, vars: {<<: *v, l: 2}}\nz: *base\n"),
		doc("dates", "w:\n  hosts:\n    h: {a: 2024-01-31, b: 2024-01-31T10:00:00Z, c: '2024-01-31', d: 2024-01-31 10:00:00.123456}\n"),
		doc("unsafe", "w:\n  hosts:\n    h: {a: !unsafe '{{ x', b: [!unsafe '{{ y'], c: {d: !unsafe z}}\n"),
		doc("keys that are no texts", "w:\n  hosts: {h: {2: a, yes: b}}\n"),
		doc("comment only", "# nothing\n"),
		doc("empty groups", "all:\n  children:\n    a:\n    b: {}\n    c: {hosts: }\n"),
		doc("farmwall's own", "rdsh:\n  hosts: {'rds[1:3]': }\n  vars:\n    farmwall_rules:\n      - {id: backup, protocol: tcp, port: [10000, '6000-6010'], remote: 10.0.0.0/8}\n    ras_ssl: no\n"),
		doc("long lines", "w:\n  hosts:\n    h:\n      a: \"one\n        two\n\n        three\"\n      b: one\n        two\n"),
		{name: "json", files: map[string]string{"hosts.json": `{"all": {"hosts": {"h1": {"a": 1, "b": 1.5, "c": null, "d": "x", "e": [true]}}, "children": {"g": {"hosts": {"h2": null}}}}}`}},
		{name: "yaml without an extension", files: map[string]string{"hosts": "web:\n  hosts:\n    a:\n    b: {x: 1}\n"}},
		{name: "ini in a yml", files: map[string]string{"hosts.yml": "[web]\na x=1\n"}},
	}
}
