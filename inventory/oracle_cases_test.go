package inventory

// oracleCases are inventories that ansible-inventory and Load must read alike.
// The source is "hosts", "hosts.yml" or "inv", whichever a case has.
func oracleCases() map[string]map[string]string {
	return map[string]map[string]string{
		"names": {"hosts": "_foo:22\nfoo_:22\n1.2.3.4:2200\nfe80::1\n[2001:db8::2]:22\nabc[1:2]:2200\nx[01:02]y[a:b]\nw[5:1:-1]\nz1:0\nz2:99999\nz4:5 ansible_port=6\nuser@h:22\nhost:ssh\n" +
			"r[:2]\nq[5:1]\nt[x:C]\n\"a b\" c=d\nx1:2]\n\"q q\":22\n[gateway]\ng\n"},
		"values": {"hosts": `h1 a=1 b=-5 c=0x1F d=0o17 e=0b101 f=1_000 g=0755 h=1.2.3 i=2024-01-31 j=1:30 k="1" l=True m=None n=true o=null
h2 a=[1,2] b={'a':1} c="{'a': 1}" d=1,2 e=['x'] f="['x']" g=CORP\svc h="CORP\svc" i="C:\new" j=ab#c
h3 a=12345678901234567890 b="'x' 'y'" c=1.50 d=1e3 e= f== g=a=b i='"quoted"' j="it's" k=-0.0 l=1.0e22
[gateway]
g
[gateway:vars]
a = "1"
b = 1 # note
c = foo # note
d = "foo" # note
e = "C:\new"
f = "C:\Users"
g = ['x', {'y': (1, 2)}, "z"]
h = {1: 2, 'a': None}
key with blanks = 3
i=
j = r'\d'
`},
		"sections": {"hosts": "u1\n[a:children]\nb\nc # later\n[c]\nh[1:3]\nx\n[b]\nh2 v=1\n[b:vars]\nw=1\n[a:vars]\nw=2\nz=2\n[b]\nh9\nh2 v=2\n[all:vars]\nz=9\nk=1\n[ungrouped]\nu2 q=1\nx\n[e]\n[gateway:hosts] # comment\ng\n"},
		"priority": {"hosts": "[a]\nh\n[b]\nh\n[c]\nh\n[p:children]\nb\n[a:vars]\nv=a\nw=a\nansible_group_priority=10\n[b:vars]\nv=b\n[c:vars]\nv=c\nw=c\nx=c\n[p:vars]\nx=p\nansible_group_priority=20\n[gateway]\ng\n"},
		"precedence": {
			"hosts":                     "[web]\nh1 e=host\nh2\n[web:vars]\na=webini\nb=webini\nc=webini\nd=webini\n[all:vars]\na=allini\nf=allini\n[gateway]\ng\n",
			"group_vars/all.yml":        "b: allfile\nc: allfile\n",
			"group_vars/web/2.yml":      "c: webfile2\n",
			"group_vars/web/1.yml":      "c: webfile1\nd: webfile1\n",
			"group_vars/web/.hid.yml":   "d: hidden\n",
			"group_vars/web/x.txt":      "d: text\n",
			"group_vars/web/sub/9.json": `{"s": 1e3, "t": 1}`,
			"group_vars/web/su.b/9.yml": "d: dotted\n",
			"group_vars/web.yml":        "d: never\n",
			"host_vars/h1.yaml":         "e: hostfile\nm: {x: 1}\n",
			"host_vars/h2":              "e: hostfile\n",
		},
		"replace":     {"hosts": "[web]\nh\n[p:children]\nweb\n[gateway]\ng\n", "group_vars/p.yml": "m: {a: 1, b: 2}\nl: [1]\n", "group_vars/web.yml": "m: {c: 3}\nl: [2]\n"},
		"folder":      {"inv/10-web": "[web]\nh1 a=1\n", "inv/20-db.yml": "db: {hosts: {h1: {a: 2}, h2: }}\n", "inv/.hidden": "[[", "inv/x.bak": "[[", "inv/notes.md": "# no", "inv/sub/hosts": "[gateway]\ng\nh1 c=3\n", "inv/group_vars/web.yml": "b: 1\n", "inv/sub/group_vars/web.yml": "b: 2\n"},
		"crlf":        {"hosts": "[web]\r\nh1 a=1\r\n; comment\r\n\r\n[gateway]\r\ng b='x'\r\n"},
		"portsagain":  {"hosts": "[a]\nh\n[b]\nh:2222\n[c]\nk:1\n[d]\nk:2\n[gateway]\ng\n"},
		"wholeall":    {"hosts.yml": "all: {hosts: {a: , b: {x: 1}}, children: {web: {hosts: {c: , a: }}, ungrouped: {hosts: {d: }}}}\ngateway: {hosts: g}\n"},
		"yaml":        {"hosts.yml": yamlCase},
		"onename":     {"hosts.yml": "gateway: {hosts: g, children: web, vars: nothing}\nweb: {hosts: 'x[1:2]:22'}\nempty:\n"},
		"merge":       {"hosts.yml": "x: &x {hosts: {h: {v: 1}}, vars: {a: 1, b: 2}}\ny: {<<: *x, vars: {<<: {a: 5, c: 6}, b: 3}}\ngateway: {hosts: {g: }}\n"},
		"twice":       {"hosts.yml": "web: {hosts: {a: {v: 1}}}\nall: {children: {web: {hosts: {b: }, vars: {w: 1}}, gateway: {hosts: {g: , a: {v: 2}}}}}\n"},
		"json":        {"hosts.json": `{"gateway": {"hosts": {"g": {"a": 1e3, "b": "\ud83d\ude00", "c": [true, null, 1.0, 12345678901234567890], "d": "yes"}}, "vars": {"x": {"1": 2}}}}`},
		"iniinyml":    {"hosts.yml": "[gateway]\ng a=1\n"},
		"noextension": {"hosts": "gateway:\n  hosts:\n    g: {a: 0o17}\n"},
		"deep":        {"hosts": "[l1:children]\nl2\n[l2:children]\nl3\n[l3]\nh\n[l2]\nh2\n[l1:vars]\nv=1\nw=1\n[l2:vars]\nv=2\n[l3:vars]\nv=3\n[z]\nh\n[z:vars]\nv=z\nw=z\n[gateway]\ng\n"},
		"diamond":     {"hosts.yml": "a: {children: {c: }}\nb: {children: {d: {children: {c: {hosts: {h: }}}}}}\nc: {vars: {v: c, w: c}}\nd: {vars: {v: d}}\ngateway: {hosts: {g: , h: }, vars: {w: g}}\n"},
		"comments":    {"hosts": "# caf\xe9 in Latin-1\n; same \xfc\n[gateway] # here\ng # there a=1\nh#x a=1\n"},
		"unsafe":      {"hosts.yml": "gateway: {hosts: {g: {a: !unsafe '{{ x }}', b: !!str 12, c: !!int '7', d: '{{ y }}'}}}\n"},
		"all":         {"hosts": "[all]\nh1\n[all:children]\nweb\n[web]\nh2\n[gateway]\ng\n", "group_vars/ungrouped.yml": "u: 1\n", "group_vars/all/a.yml": "x: 1\n", "group_vars/all/b.yml": "x: 2\n"},
	}
}

const yamlCase = `
all:
  vars:
    b: &b {k1: 1, k2: 2}
    m: {<<: *b, k2: 3}
    m2: {k2: 3, <<: *b}
    m3: {<<: [{a: 1}, {a: 2, c: 3}]}
    d: 2024-01-31
    dt: 2024-01-31 10:00:00
    dt2: 2024-01-31T10:00:00.5Z
    dt3: 2024-1-3T1:00:00 +02:00
    f: [1.5, 1.0e+3, .5, 1_0.5_0, 190:20:30.15, 1e3, 1., 1.0e400]
    i: [0755, 0o17, 1:30, 0b11, 0x1_F, 08, +12, 22:22, -1_000, 0, 00, 123456789012345678901234]
    s: [y, "yes", n, yes, No, on, OFF, true, False, TRUE]
    n: [~, null, Null, '', ]
    k: {1: a, null: c, 1.5: d}
    l: |
      a
      b
    folded: >-
      a
      b
    t: [!!float 1, !!bool "yes", !!str 1, !!int "0x10"]
    om: !!omap [a: 1, b: 2]
    quoted: ['0755', "1:30", 'it''s', "tab\there"]
    colon: a:b
    url: http://x/#y
  hosts: one
gateway:
  hosts:
    g:
    "h[1:2]": {ansible_port: 0022}
`
