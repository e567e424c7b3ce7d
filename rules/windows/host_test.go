package windows

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

// host is an observation in the making.
type host struct{ observation }

// newHost is a member server in order: one interface, the Domain profile, nothing but
// the given rules.
func newHost(local ...string) *host {
	h := &host{observation{
		Format: format, System: "Microsoft Windows Server 2019 Standard", Version: "10.0.17763", PowerShell: "5.1.17763.1", Admin: true, User: `LAB\adm`,
		Boot: "7", UptimeMS: 1000, Now: "2026-11-23T13:20:00.123Z",
		Services: map[string]string{"MpsSvc": "Running", "BFE": "Running", "Schedule": "Running"},
		Policy: policyWire{Active: domain, Profiles: map[string]profileWire{
			"1": {Enabled: true, Outbound: 1, Excluded: []string{}}, "2": {Enabled: true, Outbound: 1, Excluded: []string{}}, "4": {Enabled: true, Outbound: 1, Excluded: []string{}}}},
		Registry: registryWire{GPO: map[string]map[string]int64{}, Local: map[string]map[string]int64{"DomainProfile": {"EnableFirewall": 1}}},
		Local:    [][2]string{}, GPO: [][2]string{},
		Interfaces: []interfaceWire{nic("Ethernet", "10.0.0.5/24", "fe80::5/64")},
		Connection: connectionWire{Client: "10.0.0.1:50123", Local: "10.0.0.5:5985"},
	}}
	h.Interfaces[0].Gateways = []string{"10.0.0.1"}
	for _, text := range local {
		h.add(text)
	}
	return h
}

func nic(name string, addresses ...string) interfaceWire {
	return interfaceWire{Name: name, Index: len(name), Up: true, Addresses: addresses, Gateways: []string{}, DNS: []string{}, DHCP: []string{}, WINS: []string{},
		GUID: "{" + strings.ToUpper(name) + "}"}
}

// add puts a rule into the local store; ID=... before the version names it.
func (h *host) add(text string) *host {
	h.Local = append(h.Local, identified(text, len(h.Local)))
	return h
}

func (h *host) gpo(text string) *host {
	h.GPO = append(h.GPO, identified(text, len(h.GPO)+1000))
	return h
}

func identified(text string, n int) [2]string {
	id := fmt.Sprintf("{%08X-0000-0000-0000-000000000000}", n)
	if named, rest, ok := strings.Cut(text, " "); ok && strings.HasPrefix(named, "ID=") {
		id, text = named[3:], rest
	}
	return [2]string{id, text}
}

// answer is what observe would print, with the fingerprints that the host would make.
func (h *host) answer() []byte {
	h.Ours, h.Rest = h.fingerprints()
	return encode(h.observation)
}

// fingerprints are made as wire.go says that the host makes them.
func (h *host) fingerprints() (ours, rest string) {
	pattern := regexp.MustCompile(leaseInName)
	var mine, blocks, numbers []string
	for _, pair := range h.Local {
		if r := parseRule(local, pair[0], pair[1]); r.ours() {
			mine = append(mine, pattern.ReplaceAllString(pair[1], "$1"))
		} else if r.action == block && r.active {
			blocks = append(blocks, pair[1])
		}
	}
	for _, pair := range h.GPO {
		if r := parseRule(gpo, pair[0], pair[1]); r.action == block && r.active {
			blocks = append(blocks, pair[1])
		}
	}
	for store, profiles := range map[string]map[string]map[string]int64{"gpo": h.Registry.GPO, "local": h.Registry.Local} {
		for profile, values := range profiles {
			for name, n := range values {
				numbers = append(numbers, fmt.Sprintf("%s %s %s=%d", store, profile, name, n))
			}
		}
	}
	slices.Sort(mine)
	slices.Sort(blocks)
	slices.Sort(numbers)
	hash := func(lines []string) string {
		sum := sha256.New()
		for _, l := range lines {
			sum.Write([]byte(l + "\n"))
		}
		return fmt.Sprintf("%x", sum.Sum(nil))
	}
	return hash(mine), hash(append(blocks, numbers...))
}

func (h *host) state(t testing.TB) *rules.State {
	t.Helper()
	s, err := New().Decode(h.answer())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Ways to write flows and lists.

func from(texts ...string) *rules.Addresses {
	var ps []netip.Prefix
	for _, s := range texts {
		if p, err := netip.ParsePrefix(s); err == nil {
			ps = append(ps, p)
		} else {
			a := netip.MustParseAddr(s)
			ps = append(ps, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return rules.NewAddresses(ps)
}

func tcp(port uint16, remotes ...string) rules.Flow { return inbound(rules.TCP, port, remotes) }
func udp(port uint16, remotes ...string) rules.Flow { return inbound(rules.UDP, port, remotes) }

func inbound(p rules.Protocol, port uint16, remotes []string) rules.Flow {
	f := rules.Flow{Direction: rules.In, Protocol: p, Port: port}
	if len(remotes) > 0 {
		f.Remotes = from(remotes...)
	}
	return f
}

func outbound(p rules.Protocol, port uint16, remotes ...string) rules.Flow {
	f := inbound(p, port, remotes)
	f.Direction = rules.Out
	return f
}

// mine is a rule of ours as Windows stores what say writes.
func mine(r rules.Rule, lease int) string {
	return stored(say(&wantedPart{rule: r}), lease)
}

// stored is the rule string that Windows makes of an addition.
func stored(a addition, lease int) string {
	var b strings.Builder
	b.WriteString("v2.26|Action=Allow|Active=TRUE|Dir=")
	ports, field := a.LocalPorts, "LPort"
	if a.Direction == 2 {
		b.WriteString("Out|")
		ports, field = a.RemotePorts, "RPort"
	} else {
		b.WriteString("In|")
	}
	fmt.Fprintf(&b, "Protocol=%d|", a.Protocol)
	for _, p := range strings.Split(ports, ",") {
		switch {
		case p == "":
		case strings.Contains(p, "-"):
			fmt.Fprintf(&b, "%s2_10=%s|", field, p)
		default:
			fmt.Fprintf(&b, "%s=%s|", field, p)
		}
	}
	for _, word := range strings.Split(a.RemoteAddresses, ",") {
		switch {
		case word == "*":
		case strings.Contains(word, ":"):
			fmt.Fprintf(&b, "RA6=%s|", word)
		case strings.Contains(word, "/"):
			p := netip.MustParsePrefix(word)
			mask := mappedFirst | 0xffffffff&^rules.Ones(32-p.Bits()).Lo
			fmt.Fprintf(&b, "RA4=%s/%s|", p.Addr(), toAddr(rules.Number{Lo: mask}))
		default:
			fmt.Fprintf(&b, "RA4=%s|", word)
		}
	}
	name := fmt.Sprintf("%s:%d", a.Mark, lease)
	if a.Part > 0 {
		name += fmt.Sprintf(":%d", a.Part)
	}
	fmt.Fprintf(&b, "Name=%s|Desc=%s|EmbedCtxt=farmwall|", name, a.Description)
	return b.String()
}
