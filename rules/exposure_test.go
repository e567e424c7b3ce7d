package rules

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"farmwall/inventory"
)

// blocker is a rule as farmwall_exposure: restrict makes it.
func blocker(protocol Protocol, ranges ...PortRange) Rule {
	p := PortRange{}
	if len(ranges) > 0 {
		p = ranges[0]
	}
	return Rule{ID: exposureID(protocol, p), Farm: "north", Direction: In, Protocol: protocol, Ports: ranges, Block: true}
}

func TestWhatRestrictCloses(t *testing.T) {
	some, others := list("10.0.0.0/24"), list("192.0.2.0/24", "2001:db8::/32")
	everybody := NewAddresses(Everywhere())
	ranged := func(id string, first, last uint16, a *Addresses) Rule {
		r := tcp(id, first, a)
		r.Ports = ports(first, last)
		return r
	}
	out := tcp("out", 443, some)
	out.Direction = Out
	local := tcp("local", 20020, nil)
	local.Loopback = true
	vrrp := Rule{ID: "v", Farm: "north", Direction: In, Protocol: VRRP, Remotes: some}
	udp := tcp("u", 20009, some)
	udp.Protocol = UDP
	for _, c := range []struct {
		name string
		set  []Rule
		want string
	}{
		{"nothing", nil, ""},
		{"one port", []Rule{tcp("a", 135, some)}, "exposure.tcp-135"},
		{"one that anybody may reach", []Rule{tcp("a", 443, nil)}, ""},
		{"for some by one rule, for anybody by another", []Rule{tcp("a", 443, some), tcp("b", 443, nil)}, ""},
		{"for anybody by two rules together", []Rule{tcp("a", 443, list("0.0.0.0/1", "::/0")), tcp("b", 443, list("128.0.0.0/1"))}, ""},
		{"for all that is written as a list", []Rule{tcp("a", 443, everybody)}, ""},
		{"a range with a hole that anybody may reach", []Rule{ranged("a", 30000, 30010, some), tcp("b", 30005, nil)}, "exposure.tcp-30000-30004 exposure.tcp-30006-30010"},
		{"ports side by side", []Rule{tcp("a", 20001, some), tcp("b", 20002, others), tcp("c", 20003, some)}, "exposure.tcp-20001-20003"},
		{"protocols", []Rule{udp, vrrp, tcp("a", 20009, some)}, "exposure.112 exposure.tcp-20009 exposure.udp-20009"},
		{"outbound and loopback", []Rule{out, local}, ""},
		{"every port", []Rule{ranged("a", 1, 65535, some)}, "exposure.tcp-1-65535"},
		{"the last port", []Rule{ranged("a", 65534, 65535, some), ranged("b", 65534, 65534, nil)}, "exposure.tcp-65535"},
	} {
		set, err := NewSet(c.set)
		if err != nil {
			t.Fatal(err)
		}
		all, err := NewSet(append(set, closing(set, "farmwall_exposure is restrict")...))
		if err != nil {
			t.Fatal(c.name, err)
		}
		var ids []string
		for _, r := range all.Blocks() {
			ids = append(ids, r.ID)
			if r.Remotes != nil || r.Loopback || r.Direction != In || r.Farm != "north" || r.Why == nil {
				t.Errorf("%s: %+v", c.name, r)
			}
			if _, _, _, ok := ParseMark(r.Mark()); !ok {
				t.Errorf("%s: the mark is %s", c.name, r.Mark())
			}
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if !slices.EqualFunc(all.Allows(), set, func(a, b Rule) bool { return a.Same(&b) }) {
			t.Errorf("%s: the rules that allow changed", c.name)
		}
	}
}

// Random sets: a port is closed to an address if and only if some rule opens the port
// to some, none to anybody, and none to this address.
func TestRestrictClosesExactly(t *testing.T) {
	const seed = 7
	g := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	lists := []*Addresses{nil, list("10.0.0.0/24"), list("10.0.0.7/32", "2001:db8::/64"), list("0.0.0.0/1"), list("128.0.0.0/1", "::/0")}
	probes := []string{"10.0.0.7", "10.0.0.8", "10.9.9.9", "203.0.113.5", "2001:db8::5", "2001:db8:1::5"}
	for range 300 {
		var rs []Rule
		for i := range g.IntN(7) {
			r := tcp(strings.Repeat("r", i+1), 0, lists[g.IntN(len(lists))])
			first := uint16(1 + g.IntN(12))
			r.Ports = ports(first, first+uint16(g.IntN(4)))
			r.Loopback = r.Remotes == nil && g.IntN(3) == 0
			rs = append(rs, r)
		}
		set, err := NewSet(rs)
		if err != nil {
			t.Fatal(err)
		}
		all, err := NewSet(append(set, closing(set, "")...))
		if err != nil {
			t.Fatal(err)
		}
		for port := uint16(1); port < 18; port++ {
			f := Flow{Direction: In, Protocol: TCP, Port: port}
			some := slices.ContainsFunc(set, func(r Rule) bool { return r.opensToSome() && r.isAbout(f) })
			_, outsiders := set.Outsider(f)
			for _, ip := range probes {
				a := netip.MustParseAddr(ip)
				f.Remotes = NewAddresses([]netip.Prefix{netip.PrefixFrom(a, a.BitLen())})
				if closed, want := !all.Closes(f).Empty(), some && outsiders && !set.Admits(f); closed != want {
					t.Fatalf("port %d from %s: closed %v, want %v\n%+v", port, ip, closed, want, all)
				}
			}
		}
	}
}

func TestBlocksStandLast(t *testing.T) {
	set, err := NewSet([]Rule{blocker(TCP, ports(135, 135)...), tcp("zebra", 135, list("10.0.0.0/24")), tcp("ant", 80, nil)})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range set {
		ids = append(ids, set[i].ID)
		if set.Find(set[i].ID) != &set[i] {
			t.Errorf("%s is not found", set[i].ID)
		}
	}
	if got := strings.Join(ids, " "); got != "ant zebra exposure.tcp-135" {
		t.Error(got)
	}
	if set.Find("exposure.tcp-136") != nil || set.Find("bee") != nil {
		t.Error("what is not there is found")
	}
	twice := blocker(TCP, ports(135, 135)...)
	twice.Block = false
	if _, err := NewSet([]Rule{blocker(TCP, ports(135, 135)...), twice}); err == nil {
		t.Error("a name that is there twice, once blocking, is taken")
	}
	// A set of before there were such rules reads as before, and keeps its marks.
	old := tcp("a", 443, list("10.0.0.0/24"))
	if b, err := json.Marshal(old); err != nil || strings.Contains(string(b), "block") {
		t.Errorf("%s %v", b, err)
	}
	if h := old.hash8(); h != "8ee72492" {
		t.Errorf("the mark of an old rule is now %s", h)
	}
	block := old
	if block.Block = true; block.Same(&old) {
		t.Error("a rule that blocks is the same as one that allows")
	}
}

func TestBlocksEarly(t *testing.T) {
	a, b := Rule{ID: "a"}, Rule{ID: "b", Block: true}
	for _, c := range []struct {
		list  []Rule
		early bool
	}{{nil, false}, {[]Rule{a, a, b, b}, false}, {[]Rule{b}, false}, {[]Rule{a, b, a}, true}, {[]Rule{b, a}, true}} {
		if BlocksEarly(c.list) != c.early {
			t.Errorf("%+v", c)
		}
	}
}

// A rule that blocks lets nothing in, and nothing is expected to pass because of it.
func TestBlocksOpenNothing(t *testing.T) {
	set, err := NewSet([]Rule{tcp("a", 135, list("10.0.0.0/24")), blocker(TCP, ports(135, 135)...)})
	if err != nil {
		t.Fatal(err)
	}
	outside := Flow{Direction: In, Protocol: TCP, Port: 135, Remotes: list("192.0.2.1/32")}
	if set.Admits(outside) || Covers(set[1], outside) {
		t.Error("the rule that blocks lets an outsider in")
	}
	flows := Flows(set)
	if len(flows) != 2 || flows[0].Want != Allowed || flows[1].Want != Denied {
		t.Errorf("%+v", flows)
	}
	if outside.Loopback = true; !set.Closes(outside).Empty() {
		t.Error("loopback is closed")
	}
}

// open is a reader of a host that lets everything in but what closed names.
type open struct {
	Reader
	closed *Addresses
	asked  int
}

func (o *open) Judge(_ *State, f Flow) Verdict {
	o.asked++
	left, shut := f.Sources(), f.Sources().Intersect(o.closed)
	switch {
	case shut.Empty():
		return Verdict{Answer: Allowed, By: "policy accept"}
	case left.Minus(o.closed).Empty():
		return Verdict{Answer: Denied, By: "a drop"}
	}
	return Verdict{Answer: Denied, By: "a drop", Part: shut.Prefixes()}
}

func TestGuardOfBlocks(t *testing.T) {
	want := Set{tcp("a", 22, list("10.0.0.0/24")), blocker(TCP, ports(22, 22)...)}
	s := &State{Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.1")}}
	keep := func(remotes *Addresses) []Flow {
		return []Flow{{Direction: In, Protocol: TCP, Port: 22, Remotes: remotes}}
	}
	nobody := NewAddresses(nil)
	for _, c := range []struct {
		name    string
		closed  *Addresses
		keep    []Flow
		refused string
	}{
		{"a member", nobody, keep(list("10.0.0.5/32")), ""},
		{"an outsider", nobody, keep(list("192.0.2.5/32")), "192.0.2.5"},
		{"both", nobody, keep(list("10.0.0.5/32", "192.0.2.5/32")), "from 192.0.2.5 must"},
		{"anybody", nobody, keep(nil), "farmwall_exposure"},
		{"an outsider who is shut out already", list("192.0.2.0/24"), keep(list("192.0.2.5/32")), ""},
		{"a network of which a part is shut out already", list("192.0.2.0/25"), keep(list("192.0.2.0/24")), "192.0.2.0/24"},
		{"the host itself", nobody, keep(list("198.51.100.1/32")), ""},
		{"another port", nobody, []Flow{{Direction: In, Protocol: TCP, Port: 23}}, ""},
		{"over loopback", nobody, []Flow{{Direction: In, Protocol: TCP, Port: 22, Loopback: true, Remotes: list("127.0.0.1/32")}}, ""},
	} {
		refusals := Guard(&open{closed: c.closed}, s, want, c.keep)
		if c.refused == "" && len(refusals) > 0 || c.refused != "" && !strings.Contains(refusals.Error(), c.refused) {
			t.Errorf("%s: %v", c.name, refusals)
		}
	}
}

func TestTheMostOpenPart(t *testing.T) {
	f := Flow{Direction: In, Protocol: TCP, Port: 22, Not: list("10.0.0.0/24")}
	if v := MostOpen(&open{closed: list("0.0.0.0/0", "::/0")}, &State{}, f); v.Answer != Denied {
		t.Errorf("all closed: %+v", v)
	}
	if v := MostOpen(&open{closed: NewAddresses(nil)}, &State{}, f); v.Answer != Allowed || v.Part != nil {
		t.Errorf("all open: %+v", v)
	}
	// Only the host itself is let in.
	own := &State{Addresses: []netip.Addr{netip.MustParseAddr("fe80::1")}}
	if v := MostOpen(&open{closed: NewAddresses(Everywhere()).Minus(list("fe80::1/128", "127.0.0.0/8"))}, own, f); v.Answer != Denied {
		t.Errorf("the host's own address: %+v", v)
	}
	all := NewAddresses(Everywhere())
	d := &open{closed: all.Minus(list("10.1.0.0/16", "127.0.0.0/8"))}
	if v := MostOpen(d, &State{}, f); v.Answer != Allowed || !NewAddresses(v.Part).Equal(list("10.1.0.0/16")) || d.asked != 2 {
		t.Errorf("one network open: %+v, %d questions", v, d.asked)
	}
}

func TestExposureOfAHost(t *testing.T) {
	h := host("rds", "10.0.0.1", inventory.RDSH)
	rows := []Row{inRow("a", Internal, nil), inRow("b", External, func(r *Row) { r.Port = 81 })}
	if got := wantedIDs(t, h, rows...); got != "a b" {
		t.Error(got)
	}
	h.Exposure = inventory.Setting[inventory.Exposure]{Value: inventory.ExposureRestrict, Name: "farmwall_exposure", Set: true}
	if got := wantedIDs(t, h, rows...); got != "a b exposure.tcp-80" {
		t.Error(got)
	}
	h.Access.Connection = "winrm" // there a rule that blocks would beat those that allow
	if got := wantedIDs(t, h, rows...); got != "a b" {
		t.Error(got)
	}
}
