package rules

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"farmwall/inventory"
)

func tcp(id string, port uint16, remotes *Addresses) Rule {
	return Rule{ID: id, Farm: "north", Direction: In, Protocol: TCP, Ports: ports(port, port), Remotes: remotes}
}

func TestCoversAndAdmits(t *testing.T) {
	flow := func(remotes, not *Addresses) Flow {
		return Flow{Direction: In, Protocol: TCP, Port: 22, Remotes: remotes, Not: not}
	}
	r := tcp("a", 22, list("10.0.0.0/8"))
	for _, c := range []struct {
		name string
		f    Flow
		want bool
	}{
		{"inside", flow(list("10.1.0.0/16"), nil), true},
		{"wider", flow(list("10.0.0.0/7"), nil), false},
		{"wider, without the rest", flow(list("10.0.0.0/7"), list("11.0.0.0/8")), true},
		{"anywhere", flow(nil, nil), false},
		{"another port", Flow{Direction: In, Protocol: TCP, Port: 23, Remotes: list("10.1.0.0/16")}, false},
		{"another protocol", Flow{Direction: In, Protocol: UDP, Port: 22, Remotes: list("10.1.0.0/16")}, false},
		{"another direction", Flow{Direction: Out, Protocol: TCP, Port: 22, Remotes: list("10.1.0.0/16")}, false},
	} {
		if Covers(r, c.f) != c.want || (Set{r}).Admits(c.f) != c.want {
			t.Errorf("%s: %v", c.name, !c.want)
		}
	}
	two := Set{tcp("a", 22, list("10.0.0.0/9")), tcp("b", 22, list("10.128.0.0/9"))}
	if all := flow(list("10.0.0.0/8"), nil); !two.Admits(all) || Covers(two[0], all) {
		t.Error("two halves admit the whole together, one alone does not")
	}
	local := tcp("l", 22, nil)
	if local.Loopback = true; Covers(local, flow(nil, nil)) {
		t.Error("a rule for loopback lets nobody else in")
	}
	here := flow(nil, nil)
	if here.Loopback = true; !Covers(local, here) || !Covers(tcp("w", 22, nil), here) {
		t.Error("loopback is let in by its own rule and by one for everybody")
	}
	bad := r
	if bad.Opaque = "?"; Covers(bad, flow(list("10.1.0.0/16"), nil)) {
		t.Error("nobody knows what an opaque rule lets in")
	}
}

func TestFlows(t *testing.T) {
	vrrp := Rule{ID: "v", Farm: "north", Direction: In, Protocol: VRRP, Remotes: list("10.0.0.1/32")}
	local := tcp("local", 20020, nil)
	local.Loopback = true
	out := tcp("out", 443, list("192.0.2.0/24"))
	out.Direction = Out
	big := tcp("big", 0, nil)
	big.Ports = ports(1000, 3000, 5000, 5002)
	set, err := NewSet([]Rule{vrrp, local, out, big, tcp("in", 22, list("10.0.0.0/8")), tcp("in2", 22, list("10.0.0.0/7")), tcp("rdp", 3389, list("10.0.0.0/8")), tcp("rdp-all", 3389, nil)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range Flows(set) {
		s := f.Rule + ": " + f.Flow.String() + " " + f.Flow.Remotes.String()
		if f.Flow.Not != nil {
			s += " but " + f.Flow.Not.String()
		}
		if f.Flow.Loopback {
			s += " here"
		}
		got = append(got, s+" "+string(f.Want))
	}
	want := []string{
		"big: tcp 1000 anywhere allowed", "big: tcp 2000 anywhere allowed", "big: tcp 3000 anywhere allowed",
		"big: tcp 5000 anywhere allowed", "big: tcp 5001 anywhere allowed", "big: tcp 5002 anywhere allowed",
		"in: tcp 22 10.0.0.0/8 allowed", "in: tcp 22 anywhere but 10.0.0.0/7 denied", "in2: tcp 22 10.0.0.0/7 allowed",
		"local: tcp 20020 anywhere here allowed",
		"out: outbound tcp 443 192.0.2.0/24 allowed",
		"rdp: tcp 3389 10.0.0.0/8 allowed", "rdp-all: tcp 3389 anywhere allowed",
		"v: vrrp (112) 10.0.0.1 allowed", "v: vrrp (112) anywhere but 10.0.0.1 denied",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wall judges like a host that drops by default and holds ours and foreign rules.
type wall struct{ ours, foreign Set }

func (wall) Observe() Script               { return Script{} }
func (wall) Decode([]byte) (*State, error) { return nil, nil }
func (w wall) Judge(_ *State, f Flow) Verdict {
	for _, s := range []Set{w.foreign, w.ours} {
		for _, r := range s {
			if Covers(r, f) {
				by := "rule of the admin"
				if r.Farm != "" {
					by = r.Mark()
				}
				return Verdict{Answer: Allowed, By: by}
			}
		}
	}
	return Verdict{Answer: Denied, By: "policy drop"}
}

func TestKeptAndGuard(t *testing.T) {
	s := &State{Client: netip.MustParseAddrPort("[::ffff:10.0.0.9]:50000"), Local: netip.MustParseAddrPort("10.0.0.1:2222")}
	h := &inventory.Host{}
	h.Keep = []inventory.KeptFlow{{Protocol: 6, Port: 5666, Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, {Protocol: 17, Port: 161}}
	kept := Kept(s, h)
	var got []string
	for _, f := range kept {
		got = append(got, f.String()+" from "+f.Remotes.String())
	}
	if want := []string{"tcp 2222 from 10.0.0.9", "tcp 5666 from 10.0.0.0/8", "udp 161 from anywhere"}; !slices.Equal(got, want) {
		t.Fatalf("kept are %q", got)
	}
	if got := Kept(&State{}, &inventory.Host{}); got != nil {
		t.Fatalf("a host that does not know its ends keeps %v", got)
	}
	ssh, nrpe := tcp("ssh", 2222, list("10.0.0.0/24")), tcp("nrpe", 5666, list("10.1.0.0/16"))
	admin := tcp("", 2222, nil)
	admin.Farm = ""
	for _, c := range []struct {
		name          string
		foreign, want Set
		refused       []string
	}{
		{"both rules stay", nil, Set{nrpe, ssh}, nil},
		{"the line is cut", nil, Set{nrpe}, []string{"ssh: tcp 2222 from 10.0.0.9 "}},
		{"the line stays, by a rule of the admin", Set{admin}, Set{nrpe}, nil},
		{"another wanted rule takes over", nil, Set{nrpe, tcp("new", 2222, nil)}, nil},
		{"narrowed", nil, Set{tcp("nrpe", 5666, list("10.1.0.0/17")), ssh}, []string{"nrpe: tcp 5666 from 10.1.128.0/17 "}},
		{"remove everything", nil, nil, []string{"ssh: tcp 2222 from 10.0.0.9 ", "nrpe: tcp 5666 from 10.1.0.0/16 "}},
	} {
		s.Places = []Place{{Name: "one", Owned: []Rule{seen(nrpe), seen(ssh)}}, {Name: "two", Owned: []Rule{seen(nrpe), seen(ssh)}}}
		refusals := Guard(wall{ours: Set{nrpe, ssh}, foreign: c.foreign}, s, c.want, kept)
		if len(refusals) != len(c.refused) {
			t.Errorf("%s: %v", c.name, refusals)
			continue
		}
		for i, r := range refusals {
			if !strings.HasPrefix(r.Rule+": "+r.Text, c.refused[i]) || r.Hint == "" {
				t.Errorf("%s: refused with %v", c.name, r)
			}
		}
	}
}
