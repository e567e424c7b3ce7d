package inventory

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// badInputs are inventories with what must be said about each, in order: the
// place and a part of the text, and with "=>" a part of the hint.
var badInputs = []struct {
	name, text string
	want       []string
}{
	{"ini everything at once", `[web:chldren]
x
[gateway]
g1 ras_ssl=maybe ansible_port=70000
g2 word
g3 a="b
foo:
x[3-4]
[a b]
lost
[nosuch:vars]
v=1
[gateway:vars]
ras_rol=gateway
novalue
[gateway:children]
webb
`, []string{
		`hosts:1: section [web:chldren] has the unknown kind "chldren" => did you mean "children"?`,
		`hosts:4: ras_ssl: "maybe" is no boolean => yes or no`,
		`hosts:4: port "70000" of host "g1" is no port => ports are 1 to 65535`,
		`hosts:5: a word after host "g2" is no name=value`,
		`hosts:6: a quote is not closed`,
		`hosts:7: host pattern "foo:" ends in a colon`,
		`hosts:8: a host range is [first:last]`,
		`hosts:9: "[a b]" is no section header`,
		`hosts:11: group "nosuch" is declared nowhere`,
		`hosts:14: variable "ras_rol" does not exist => did you mean "ras_roles"?`,
		`hosts:15: "novalue" sets no variable`,
		`hosts:17: group "webb" is declared nowhere (child of gateway) => did you mean "web"?`,
	}},
	{"group loops", "[a:children]\nb\n[b:children]\na\n[c:children]\nc\n" + withRole, []string{
		`hosts:4: groups "b" and "a" are children of each other`,
		`hosts:6: group "c" is a child of itself`,
	}},
	{"yaml everything at once", `---
all: 3
1: {hosts: a}
gateway:
  hosts:
    g1:
      ras_ssl: [yes]
      ras_versoin: 17
    22: {}
    "x[z:a]":
    g2: text
    g3: {x: !vault abc, y: !!python/tuple [1], z: 2024-13-45}
  vars: [1]
  host: g9
  children:
    gateway:
`, []string{
		`hosts.yml:2: group "all" is a number`,
		`hosts.yml:3: group name "1" is not a text`,
		`hosts.yml:7: ras_ssl: a list is no boolean`,
		`hosts.yml:8: variable "ras_versoin" does not exist => did you mean "ras_version"?`,
		`hosts.yml:9: host name "22" is not a text => put it in quotes`,
		`hosts.yml:10: host range [z:a] is reversed`,
		`hosts.yml:11: host "g2" is a text`,
		`hosts.yml:12: the encrypted value cannot be opened: the first line is no header`,
		`hosts.yml:12: the tag !!python/tuple is not supported`,
		`hosts.yml:12: "2024-13-45" is no date`,
		`hosts.yml:13: vars of group gateway must be a map, not a list`,
		`hosts.yml:14: group "gateway" has the unknown key "host" => did you mean "hosts"?`,
		`hosts.yml:16: group "gateway" is a child of itself`,
	}},
	{"broken yaml", "---\ngateway:\n  hosts:\n   g1: {a: [1\n  b: 2\n", []string{`hosts.yml:4: broken YAML: did not find expected ',' or ']'`}},
	{"tab in yaml", "---\ngateway:\n\thosts: a\n", []string{`hosts.yml:3: broken YAML: found character that cannot start any token`}},
	{"unknown anchor", "---\ngateway:\n  hosts: *x\n", []string{`hosts.yml:3: broken YAML: unknown anchor 'x' referenced`}},
	{"not utf-8 in yaml", "---\ngateway:\n  hosts: \xe9\n", []string{`hosts.yml:3: broken YAML: `}},
	{"colon in yaml", "---\na: b: c\n", []string{`hosts.yml:2: broken YAML: mapping values are not allowed`}},
	{"indent in yaml", "---\ngateway:\n  hosts:\n    a:\n   b:\n", []string{`hosts.yml:5: broken YAML: did not find expected key`}},
	{"two documents", "---\ngateway: {hosts: a}\n---\nb:\n", []string{`hosts.yml:3: a second YAML document`}},
	{"not a map", "---\n- gateway\n", []string{`hosts.yml:2: the file holds no map of groups`}},
	{"plugin", "---\nplugin: aws_ec2\n", []string{`hosts.yml:2: this is the configuration of inventory plugin "aws_ec2"`}},
	{"script output", "---\n_meta: {hostvars: {}}\ngateway: {hosts: [a]}\n", []string{`hosts.yml:2: this is the output of an inventory script`}},
	{"alias loop", "---\ngateway: {hosts: a, vars: {v: &x [*x], w: &y {<<: *y}}}\n", []string{`hosts.yml:2: alias *x stands inside what it names`, `hosts.yml:2: a map is merged into itself`}},
	{"host list in yaml", "---\ngateway: {hosts: [a, b]}\n", []string{`hosts.yml:2: hosts of group gateway must be a map, not a list => write the names as keys`}},
	{"script", "#!/bin/sh\necho {}\n", []string{`hosts: this is an inventory script`}},
	{"vault", "$ANSIBLE_VAULT;1.1;AES256\n3132\n", []string{`hosts:2: the file cannot be opened: the encrypted text is damaged or cut off => restore it`}},
	{"utf-16", "\xff\xfe[\x00g\x00", []string{`hosts: the file is UTF-16 => save it as UTF-8`}},
	{"latin-1", "[gateway]\ng v=\xe9\n", []string{`hosts:2: the line is not UTF-8`}},
	{"empty farm", "web1\nweb2\n", []string{`hosts: empty farm: no host has a role => gateway, halb`}},
	{"nothing", "# nothing\n", []string{`hosts: empty farm`}},
	{"unknown role", "h ras_roles=gatewy,halb,broker,'x y'\n", []string{`hosts:1: ras_roles: unknown role "gatewy" => did you mean "gateway"?`, `hosts:1: ras_roles: unknown role "x y" => the roles are gateway`}},
	{"addresses", "[gateway]\na ansible_host=10.0.0.1\nb ras_addresses=10.0.0.2,10.0.0.1\nc ras_addresses=10.0.0.300,10.0.0.0/8,0.0.0.0\nd ras_addresses=[] ras_vip=x\n", []string{
		`hosts:4: ras_addresses: "10.0.0.300" is no address`, `hosts:4: ras_addresses: "10.0.0.0/8" is a network`, `hosts:4: ras_addresses: "0.0.0.0" is no address of one host`,
		`hosts:5: ras_addresses: the list is empty`, `hosts:5: ras_vip: "x" is no address`,
		`hosts:3: hosts "a" and "b" of farm farm have the same address 10.0.0.1`}},
	{"networks", "---\ngateway:\n  hosts: a\n  vars:\n    ras_internal_networks:\n      - 10.0.0.0/8\n      - 10.0.0.0/33\n      - nonsense\n    ras_push_networks: 0.0.0.0/0\n    ras_client_networks: {a: 1}\n", []string{
		`hosts.yml:7: ras_internal_networks: "10.0.0.0/33" is no network`, `hosts.yml:8: ras_internal_networks: "nonsense" is no network`,
		`hosts.yml:9: ras_push_networks: 0.0.0.0/0 is everybody`, `hosts.yml:10: ras_client_networks: a map is no list of networks`}},
	{"farms", "[gateway]\na ras_farm=one\nb\nc ras_farm=Two\n[other]\nd\n", []string{`hosts:4: ras_farm: "Two" is no farm's name`, `hosts:3: host "b" has the role gateway but no ras_farm`, `hosts:4: host "c"`}},
	{"words", "[gateway]\na farmwall_sources=peer farmwall_egress=ever ras_version=new ras_member=no ras_second_level_auth_servers='a b'\n", []string{
		`ras_version: "new" is no version`, `"a b" is no server`, `farmwall_sources: "peer" is not known => did you mean "peers"?`, `farmwall_egress: "ever" is not known => did you mean "never"?`,
		`ras_member is off but host "a" has the role gateway`}},
	{"outsider", "[gateway]\na farmwall_probe_outsider=yes\n[other]\nb farmwall_probe_outsider=maybe\nc farmwall_probe_outsider=yes ansible_port=x\n", []string{
		`hosts:2: host "a" is a member of the farm and cannot be the outsider of its probes`, `hosts:4: farmwall_probe_outsider: "maybe"`, `hosts:5: port "x" of host "c" is no port`}},
	{"walls", "[gateway]\na farmwall_wall=ufv\nb farmwall_wall=nftables,nftables\n", []string{
		`hosts:2: farmwall_wall: "ufv" is no firewall manager that farmwall writes => did you mean "ufw"?`, `hosts:3: farmwall_wall: nftables is there twice`}},
	{"template", "[gateway]\na ras_farm='{{ x }}' unused='{{ y }}' ansible_user='{{ z }}'\n[other]\nb ansible_user='{{ z }}'\n", []string{
		`hosts:2: ras_farm of host "a": the template "{{ x }}": "x" is not defined`, `hosts:2: ansible_user of host "a": the template "{{ z }}": "z" is not defined`}},
	{"duplicate ids", "---\ngateway: {hosts: a, vars: {farmwall_rules: [{id: x, protocol: tcp, port: 1}, {id: x, protocol: tcp, port: 2}]}}\n", []string{`hosts.yml:2: farmwall_rules: rule "x" stands twice`}},
	{"text as rules", "[gateway]\na\n[gateway:vars]\nfarmwall_rules=[{\"id\": true}]\n", []string{`hosts:4: farmwall_rules: "[{\"id\": true}]" is no list of rules`}},
	{"hostile name", "---\ngateway: {hosts: {\"a\\nb\": , \"\\eX\": }}\n", []string{`hosts.yml:2: host name "a\nb" holds a control character`, `hosts.yml:2: host name "\x1bX" holds a control character`}},
}

func TestBadInput(t *testing.T) {
	for _, test := range badInputs {
		t.Run(test.name, func(t *testing.T) {
			inv, err := loadText(t, test.text)
			problems, ok := err.(Problems)
			if !ok || inv != nil {
				t.Fatalf("got %v, %v, want Problems", inv, err)
			}
			left := append(Problems(nil), problems...)
			for _, want := range test.want {
				place, hint, _ := strings.Cut(want, " => ")
				found := false
				for i, p := range left {
					if strings.Contains(p.Error(), place) && strings.Contains(p.Hint, hint) {
						left = append(left[:i], left[i+1:]...)
						found = true
						break
					}
				}
				if !found {
					t.Errorf("missing: %s", want)
				}
			}
			for _, p := range left {
				t.Errorf("unexpected: %s", p)
			}
		})
	}
}

func TestProblemsAreInOrder(t *testing.T) {
	_, err := loadText(t, "[gateway]\nb ras_ssl=x\na ras_sl=1\nc ansible_port=x\nd:\n")
	want := []int{2, 3, 4, 5}
	var got []int
	for _, p := range err.(Problems) {
		got = append(got, p.At.Line)
	}
	equal(t, "lines", got, want)
}

// One bad value that many hosts share is one mistake.
func TestSharedMistakeIsToldOnce(t *testing.T) {
	_, err := loadText(t, "[gateway]\ng[1:50] ansible_port=x\n[gateway:vars]\nras_ssl=x\nansible_user={{x}}\n")
	if ps, _ := err.(Problems); len(ps) != 3 {
		t.Errorf("got %d problems:\n%v", len(ps), err)
	}
}

// What must not be shown is not shown.
func TestNoSecretInErrors(t *testing.T) {
	_, err := loadText(t, "[gateway]\ng ansible_password=hunter2 hunter2\nh ansible_password='hunter2\n[gateway:vars]\nansible_password hunter2\nansible_become_password={{ hunter2 }}\n")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestUnreadableSources(t *testing.T) {
	dir := tree(t, map[string]string{"toml.toml": "[all]\n", "empty/.x": "", "vars/hosts": withRole, "vars/group_vars/gateway.yml": "a: [", "vars/group_vars/all.yml": "- 1\n", "vars/host_vars/role.example": "$ANSIBLE_VAULT;1.1\n"})
	loop := filepath.Join(dir, "loop")
	if err := os.MkdirAll(loop, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(loop, filepath.Join(loop, "again")); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxFile + 1); err != nil {
		t.Fatal(err)
	}
	f.Close()
	tests := []struct{ source, want string }{
		{filepath.Join(dir, "none"), "no such file or directory"}, {filepath.Join(dir, "toml.toml"), "TOML"}, {filepath.Join(dir, "empty"), "holds no inventory"},
		{loop, "linked into itself"}, {big, "larger than 64 MiB"}, {",", "names no host"},
	}
	for _, test := range tests {
		if _, err := Load(context.Background(), []string{test.source}, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.source, err)
		}
	}
	_, err = Load(context.Background(), []string{filepath.Join(dir, "vars", "hosts")}, Options{})
	for _, want := range []string{"gateway.yml:1: broken YAML", "all.yml:1: a vars file must be a map, not a list", "role.example:1: the file cannot be opened"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
	if _, err := Load(context.Background(), nil, Options{}); err == nil {
		t.Error("no source at all is accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Load(ctx, []string{filepath.Join(dir, "vars", "hosts")}, Options{}); err != context.Canceled {
		t.Errorf("cancelled: got %v", err)
	}
}
