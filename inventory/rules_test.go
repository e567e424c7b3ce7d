package inventory

import (
	"net/netip"
	"strings"
	"testing"
)

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

const rulesYAML = `---
gateway:
  hosts: g
  vars:
    farmwall_rules:
      - id: plain
        protocol: tcp
        port: 9100
      - {id: ranges, protocol: UDP, port: [53, "8000-8010", 65535], scope: external, commentary: "$(reboot); 'x'\n\"y\""}
      - {id: text, protocol: 6, port: "80, 443", remote: "10.1.2.3/8, 10.0.0.1, fd00::1/64"}
      - {id: vrrp, protocol: vrrp, remote: [10.0.0.1]}
      - {id: number, protocol: "47", min_version: 16.10, max_version: 17}
      - {id: web.out-1, direction: out, protocol: tcp, port: 443, remote: example.com}
      - {id: out2, direction: outbound, protocol: udp, port: 123, scope: internal}
      - {id: out3, direction: out, protocol: icmp}
      - {id: self, protocol: tcp, port: 1, scope: localhost}
      - {id: self2, protocol: tcp, port: 2, direction: local}
      - {id: mapped, protocol: tcp, port: 3, remote: "::ffff:10.0.0.0/104"}
`

func TestExtraRules(t *testing.T) {
	h := must(t, rulesYAML).Host("g")
	at := func(line int) Position { return Position{"hosts.yml", line} }
	one := func(n uint16) []PortRange { return []PortRange{{n, n}} }
	want := []ExtraRule{
		{ID: "plain", Direction: "in", Scope: "internal", Protocol: 6, Ports: one(9100), At: at(6)},
		{ID: "ranges", Direction: "in", Scope: "external", Protocol: 17, Ports: []PortRange{{53, 53}, {8000, 8010}, {65535, 65535}}, Commentary: "$(reboot); 'x'\n\"y\"", At: at(9)},
		{ID: "text", Direction: "in", Scope: "internal", Protocol: 6, Ports: []PortRange{{80, 80}, {443, 443}}, Remotes: prefixes("10.0.0.0/8", "10.0.0.1/32", "fd00::/64"), At: at(10)},
		{ID: "vrrp", Direction: "in", Scope: "internal", Protocol: 112, Remotes: prefixes("10.0.0.1/32"), At: at(11)},
		{ID: "number", Direction: "in", Scope: "internal", Protocol: 47, MinVersion: Version{16, 10}, MaxVersion: Version{17, 0}, At: at(12)},
		{ID: "web.out-1", Direction: "out", Scope: "any", Protocol: 6, Ports: one(443), RemoteName: "example.com", At: at(13)},
		{ID: "out2", Direction: "out", Scope: "internal", Protocol: 17, Ports: one(123), At: at(14)},
		{ID: "out3", Direction: "out", Scope: "any", Protocol: 1, At: at(15)},
		{ID: "self", Direction: "local", Scope: "localhost", Protocol: 6, Ports: one(1), At: at(16)},
		{ID: "self2", Direction: "local", Scope: "localhost", Protocol: 6, Ports: one(2), At: at(17)},
		{ID: "mapped", Direction: "in", Scope: "internal", Protocol: 6, Ports: one(3), Remotes: prefixes("10.0.0.0/8"), At: at(18)},
	}
	for i := range want {
		if i >= len(h.Rules) {
			t.Fatalf("only %d rules", len(h.Rules))
		}
		equal(t, want[i].ID, h.Rules[i], want[i])
	}
}

func TestBadRules(t *testing.T) {
	tests := map[string]string{
		`{protocol: tcp, port: 1}`:                                                       "every rule needs a name",
		`{id: "A b", protocol: tcp, port: 1}`:                                            `id "A b" is not allowed`,
		`{id: jump, protocol: tcp, port: 1}`:                                             "reserved",
		`{id: ` + strings.Repeat("x", 65) + `, protocol: tcp, port: 1}`:                  "is not allowed",
		`{id: x, port: 1}`:                                                               "protocol is missing",
		`{id: x, protocol: tpc, port: 1}`:                                                `protocol "tpc" is not known (did you mean "tcp"?)`,
		`{id: x, protocol: 0}`:                                                           `protocol "0" is not known`,
		`{id: x, protocol: 256}`:                                                         `protocol "256" is not known`,
		`{id: x, protocol: tcp}`:                                                         "tcp needs a port",
		`{id: x, protocol: vrrp, port: 1}`:                                               "protocol vrrp has no ports",
		`{id: x, protocol: tcp, port: 0}`:                                                `port "0" is out of range`,
		`{id: x, protocol: tcp, port: 70000}`:                                            `port "70000" is out of range`,
		`{id: x, protocol: tcp, port: 20-10}`:                                            `port range "20-10" is reversed`,
		`{id: x, protocol: tcp, port: [1, http]}`:                                        `port "http" is no port`,
		`{id: x, protocol: tcp, port: []}`:                                               "a list is no port",
		`{id: x, protocol: tcp, port: -5}`:                                               `port "-5" is no port`,
		`{id: x, protocol: tcp, port: 1, remote: 10.0.0.0/99}`:                           `remote "10.0.0.0/99" is no network`,
		`{id: x, protocol: tcp, port: 1, remote: example.com}`:                           "a host name is possible in an outbound rule only",
		`{id: x, protocol: tcp, port: 1, remote: []}`:                                    "remote names nobody",
		`{id: x, protocol: tcp, port: 1, direction: out, remote: [a.example, 10.0.0.1]}`: "must stand alone",
		`{id: x, protocol: tcp, port: 1, scope: external, remote: 10.0.0.1}`:             "contradict each other",
		`{id: x, protocol: tcp, port: 1, scope: any, remote: 10.0.0.1}`:                  "contradict each other",
		`{id: x, protocol: tcp, port: 1, scope: extrenal}`:                               `did you mean "external"?`,
		`{id: x, protocol: tcp, port: 1, direction: inn}`:                                `did you mean "in"?`,
		`{id: x, protocol: tcp, port: 1, direction: out, scope: localhost}`:              "no firewall can say outbound",
		`{id: x, protocol: tcp, port: 1, direction: out, scope: external}`:               "no firewall can say outbound",
		`{id: x, protocol: tcp, port: 1, direction: local, scope: internal}`:             "contradicts itself",
		`{id: x, protocol: tcp, port: 1, scope: localhost, remote: 10.0.0.1}`:            "has no remotes",
		`{id: x, protocol: tcp, port: 1, min_version: 17, max_version: 16.5}`:            "max_version 16.5 is before min_version 17.0",
		`{id: x, protocol: tcp, port: 1, min_version: new}`:                              `min_version "new" is no version`,
		`{id: x, protocol: tcp, port: 1, commentary: [a]}`:                               "commentary is a list",
		`{id: x, protocl: tcp, protocol: tcp, port: 1}`:                                  `field "protocl" does not exist (did you mean "protocol"?)`,
		`text`:                                  `"text" is no rule`,
		`{id: x, protocol: tcp, port: "1-2-3"}`: "is no port",
		`{id: x, protocol: tcp, port: 99999999999999999999}`:                            "is no port",
		`{id: x, protocol: "tcp; reboot", port: 1}`:                                     "is not known",
		`{id: "x$(reboot)", protocol: tcp, port: 1}`:                                    "is not allowed",
		`{id: x, protocol: tcp, port: 1, direction: out, remote: "-oProxyCommand=x y"}`: "is no network",
		`{id: x, protocol: tcp, port: 1, direction: out, remote: "999.1.1.1"}`:          "is no network",
		`{id: x, protocol: tcp, port: 1, remote: "fe80::1%eth0"}`:                       "is no network",
		`{id: x, protocol: tcp, port: 1, remote: 10.0.0.0/255.0.0.0}`:                   "is no network",
		`{id: x, protocol: tcp, port: 1, remote: "::ffff:10.0.0.0/90"}`:                 "is no network",
	}
	for rule, want := range tests {
		_, err := loadText(t, "---\ngateway:\n  hosts: g\n  vars:\n    farmwall_rules:\n      - {id: good, protocol: tcp, port: 1}\n      - "+rule+"\n")
		ps, _ := err.(Problems)
		if len(ps) != 1 || !strings.Contains(ps[0].Error(), want) || ps[0].At.Line != 7 {
			t.Errorf("%s:\n got %v\nwant line 7, %s", rule, err, want)
		}
	}
}

// Every mistake of every rule is told, each at its own line.
func TestBadRulesAllAtOnce(t *testing.T) {
	_, err := loadText(t, `---
gateway:
  hosts: g
  vars:
    farmwall_rules:
      - id: one
        protocol: tcp
        port: 0
        remote:
          - 10.0.0.0/8
          - bad
      - id: two
        prot: tcp
`)
	var lines []int
	ps, _ := err.(Problems)
	for _, p := range ps {
		lines = append(lines, p.At.Line)
	}
	equal(t, "lines", lines, []int{8, 11, 12, 13})
}

func TestKeptFlows(t *testing.T) {
	at := Position{"hosts.yml", 4}
	tests := map[string][]KeptFlow{
		`tcp/3389 from 10.0.0.0/8`: {{6, 3389, prefixes("10.0.0.0/8"), at}},
		`tcp/22`:                   {{6, 22, nil, at}},
		`"tcp/22 from 10.0.0.0/8, fd00::/8, udp/53"`:                       {{6, 22, prefixes("10.0.0.0/8", "fd00::/8"), at}, {17, 53, nil, at}},
		`[tcp/22, {protocol: udp, port: 53, sources: 10.0.0.1}, vrrp]`:     {{6, 22, nil, at}, {17, 53, prefixes("10.0.0.1/32"), at}, {112, 0, nil, at}},
		`{protocol: tcp, port: 22, sources: [10.0.0.0/8, 192.168.0.0/16]}`: {{6, 22, prefixes("10.0.0.0/8", "192.168.0.0/16"), at}},
	}
	for text, want := range tests {
		inv, err := loadText(t, "---\ngateway:\n  hosts: g\n  vars: {farmwall_keep: "+text+"}\n")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		equal(t, text, inv.Host("g").Keep, want)
	}
	for _, text := range []string{"tcp", "tcp/0", "tcp/1-2", "tcp/22 form 10.0.0.0/8", "tcp/22 from nowhere", "vrrp/1", "5", "[[]]", "{protocol: tcp, prot: 1, port: 1}", "{protocol: tcp, port: 1, sources: []}", "{port: 1}", "x/1"} {
		if _, err := loadText(t, "---\ngateway:\n  hosts: g\n  vars: {farmwall_keep: "+text+"}\n"); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// Ansible replaces lists: rules of two groups do not add up, and that is said.
func TestRulesOfTwoGroups(t *testing.T) {
	inv := must(t, `---
gateway: {hosts: g, vars: {farmwall_rules: [{id: a, protocol: tcp, port: 1}]}}
all: {vars: {farmwall_rules: [{id: b, protocol: tcp, port: 2}]}}
`)
	if rules := inv.Host("g").Rules; len(rules) != 1 || rules[0].ID != "a" {
		t.Errorf("got %v", rules)
	}
	if w := inv.Warnings.Error(); !strings.Contains(w, `farmwall_rules of group "all" is replaced for some hosts by the one at hosts.yml:2`) {
		t.Errorf("got %s", w)
	}
}
