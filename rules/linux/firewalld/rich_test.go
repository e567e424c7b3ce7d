package firewalld

import (
	"fmt"
	"math/rand"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// randomRule is a rule of ours that rich rules can say.
func randomRule(rnd *rand.Rand, id int) rules.Rule {
	w := rules.Rule{ID: fmt.Sprintf("r%d", id), Farm: "f", Direction: rules.In, Protocol: rules.TCP}
	switch rnd.Intn(6) {
	case 0:
		w.Protocol = rules.UDP
	case 1:
		w.Protocol = rules.VRRP
	}
	if w.Protocol != rules.VRRP {
		for range 1 + rnd.Intn(5) {
			first := 1 + rnd.Intn(65000)
			w.Ports = append(w.Ports, rules.PortRange{First: uint16(first), Last: uint16(first + rnd.Intn(2)*rnd.Intn(200))})
		}
		w.Ports = rules.MergePorts(w.Ports)
	}
	if rnd.Intn(3) > 0 {
		var list []netip.Prefix
		for range 1 + rnd.Intn(5) {
			a := netip.AddrFrom4([4]byte{10, byte(rnd.Intn(3)), byte(rnd.Intn(256)), byte(rnd.Intn(256))})
			bits := rnd.Intn(2) * (8 + rnd.Intn(25))
			if rnd.Intn(3) == 0 {
				a, bits = netip.AddrFrom16([16]byte{0xfd, byte(rnd.Intn(256)), 15: byte(rnd.Intn(256))}), rnd.Intn(2)*(16+rnd.Intn(113))
			}
			list = append(list, netip.PrefixFrom(a, bits))
		}
		w.Remotes = rules.NewAddresses(list)
	}
	if rnd.Intn(8) == 0 {
		w.Block, w.Remotes = true, nil
	}
	return w
}

func TestWhatIsSaidIsReadBack(t *testing.T) {
	rnd := rand.New(rand.NewSource(5))
	for i := range 3000 {
		w := randomRule(rnd, i)
		list := say(&w)
		got := decode(w.Mark(), list)
		if len(got) != 1 || !got[0].Same(&w) || w.Mark() != got[0].Mark() {
			t.Fatalf("%+v\nreads back as\n%+v\nof %v", w, got, list)
		}
		if len(list) > 1 {
			if got := decode(w.Mark(), list[1:]); len(got) == 1 && got[0].Same(&w) {
				t.Fatalf("a missing part does not show: %+v", w)
			}
		}
	}
}

// notOurs are rich rules that farmwall never writes, however they came by a mark of ours.
var notOurs = []string{
	`rule family="ipv4" source NOT address="10.0.0.5" port port="80" protocol="tcp" accept`,
	`rule family="ipv4" source address="10.0.0.5" port port="80" protocol="tcp" log accept`,
	`rule priority="-1" family="ipv4" port port="80" protocol="tcp" accept`,
	`rule port port="80" protocol="tcp" drop`,
	`rule family="ipv6" source address="10.0.0.5" port port="80" protocol="tcp" accept`,
	`rule family="ipv4" source ipset="x" port port="80" protocol="tcp" accept`,
	`rule port port="99999" protocol="tcp" accept`,
	`rule port port="9-5" protocol="tcp" accept`,
	`rule protocol value="999" accept`,
	`rule service name="ssh" accept`,
	``,
}

func TestOtherRichRulesAreOpaque(t *testing.T) {
	for _, text := range notOurs {
		if got := decode("farmwall:f:a:01234567", []string{text}); len(got) != 1 || got[0].Opaque != text && text != "" {
			t.Errorf("%s reads as %+v", text, got)
		}
	}
}

// host is a reading of a host with the zones public (closed) and trusted (open).
func host(ours, rest string) *rules.State {
	return &rules.State{Native: &linux.Reading{Init: "systemd", Walls: map[string]linux.WallText{name: {
		Ours: ours, Rest: "zone public closed\nzone trusted open\nversion VERSION = '1.3.3'\n" + rest + "\nend",
	}}}}
}

func TestZonesThatNeedOurRules(t *testing.T) {
	allow := rules.Rule{ID: "a", Farm: "f", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 80, Last: 80}}}
	block := rules.Rule{ID: "exposure.tcp-81", Farm: "f", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 81, Last: 81}}, Block: true}
	for _, c := range []struct {
		want  rules.Set
		zones []string
	}{{rules.Set{allow}, []string{"public"}}, {rules.Set{allow, block}, []string{"public", "trusted"}}, {nil, nil}} {
		target, err := Manager{}.Target(host("", ""), c.want)
		if err != nil {
			t.Fatal(err)
		}
		for _, zone := range []string{"public", "trusted"} {
			if got, want := strings.Contains(string(target), "\n"+zone+" "), strings.Contains(strings.Join(c.zones, " "), zone); got != want {
				t.Errorf("%d rules in zone %s: %v, want %v", len(c.want), zone, got, want)
			}
		}
	}
}

func TestARuleOfSomebodyElseCovers(t *testing.T) {
	w := rules.Rule{ID: "a", Farm: "f", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 80, Last: 81}}}
	text := say(&w)[0]
	want := rules.Set{w}
	if d := (Manager{}).Diff(host("", "loaded public "+text+"\ncovers public "+text), want); len(d) != 0 {
		t.Errorf("covered, and yet %+v", d)
	}
	if d := (Manager{}).Diff(host("", "loaded public "+text), want); len(d) != 1 || d[0].Places[0] != keptPlace("public") {
		t.Errorf("not permanent, and yet %+v", d)
	}
	mine := "loaded public " + w.Mark() + " " + text
	if d := (Manager{}).Diff(host(mine+"\npermanent public "+w.Mark()+" "+text, ""), nil); len(d) != 1 || d[0].Verb != rules.Remove || len(d[0].Places) != 2 {
		t.Errorf("nothing is wanted: %+v", d)
	}
	if u, err := (Manager{}).Undo(host(mine, "loaded public rule other")); err != nil || string(u) != copyHeader+"public "+w.Mark()+" "+text+"\n"+copyEnd {
		t.Errorf("the undo is %s, %v", u, err)
	}
}

func TestTooMuchForFirewalldIsRefused(t *testing.T) {
	var list []netip.Prefix
	for i := range 501 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i << 1), 1}), 32))
	}
	w := rules.Rule{ID: "a", Farm: "f", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 80, Last: 80}, {First: 90, Last: 90}}, Remotes: rules.NewAddresses(list)}
	if r := (Manager{}).Check(host("", ""), rules.Set{w}); len(r) != 1 || !strings.Contains(r[0].Text, "1002 rich rules") {
		t.Errorf("%+v", r)
	}
	if r := (Manager{}).Check(&rules.State{Native: &linux.Reading{Init: "systemd", Walls: map[string]linux.WallText{name: {Rest: "zone public closed"}}}}, nil); len(r) != 1 {
		t.Errorf("an answer that was cut off: %+v", r)
	}
}

func FuzzAnswer(f *testing.F) {
	w := rules.Rule{ID: "a", Farm: "f", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 80, Last: 81}}}
	f.Add("loaded public farmwall:f:a:01234567 "+say(&w)[0], "loaded public x")
	for _, text := range notOurs {
		f.Add("permanent public farmwall:f:a:01234567,x "+text, "covers public "+text)
	}
	f.Fuzz(func(t *testing.T, ours, rest string) {
		st := host(ours, rest)
		Manager{}.Places(st.Native.(*linux.Reading))
		Manager{}.Check(st, rules.Set{w})
		Manager{}.Diff(st, rules.Set{w})
		if c, err := (Manager{}).Undo(st); err != nil || strings.Count(string(c), "\n"+copyEnd) != 1 {
			t.Errorf("undo: %s %v", c, err)
		}
	})
}
