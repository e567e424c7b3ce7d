package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// invariants is what every set must be, written without the code that makes one.
func invariants(s Set) error {
	for i := range s {
		r := &s[i]
		if i > 0 && s[i-1].ID >= r.ID {
			return fmt.Errorf("%q stands before %q", s[i-1].ID, r.ID)
		}
		for j, p := range r.Ports {
			if p.First > p.Last || j > 0 && int(r.Ports[j-1].Last)+1 >= int(p.First) {
				return fmt.Errorf("%s: ports %v", r.ID, r.Ports)
			}
		}
		if _, _, _, ok := ParseMark(r.Mark()); !ok {
			return fmt.Errorf("%s has no good mark: %s", r.ID, r.Mark())
		}
		if r.Remotes.Empty() {
			return fmt.Errorf("%s is for nobody", r.ID)
		}
		if err := isCanonical(r.Remotes); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
	}
	return nil
}

// seen is a rule as a host shows it: without reasons, with the hash of its mark.
func seen(r Rule) Rule {
	r.Why, r.Hash = nil, r.hash8()
	return r
}

func words(changes []Change) []string {
	var out []string
	for i := range changes {
		c := &changes[i]
		s := string(c.Verb)
		if r := c.rule(); r != nil {
			s += " " + r.ID
		}
		if c.Note != "" {
			s += " (" + c.Note + ")"
		}
		if len(c.Places) > 0 {
			s += " in " + strings.Join(c.Places, " and ")
		}
		out = append(out, s)
	}
	return out
}

func TestDiff(t *testing.T) {
	named := func(id string, change ...func(*Rule)) Rule {
		r := sample()
		r.ID = id
		for _, c := range change {
			c(&r)
		}
		return r
	}
	port := func(n uint16) func(*Rule) { return func(r *Rule) { r.Ports = ports(n, n) } }
	farm := func(name string) func(*Rule) { return func(r *Rule) { r.Farm = name } }
	hash := func(h string) func(*Rule) { return func(r *Rule) { r.Hash = h } }
	opaque := func(r *Rule) { r.Opaque = "ip saddr 1.2.3.4 log accept" }
	a := named("a")
	byHand := named("a", port(444), hash(a.hash8()))
	for _, c := range []struct {
		name string
		have []Rule
		want []Rule
		does []string
	}{
		{"nothing to do", []Rule{seen(named("b")), seen(a)}, []Rule{a, named("b")}, nil},
		{"nothing at all", nil, nil, nil},
		{"first apply", nil, []Rule{named("b"), a}, []string{"add a", "add b"}},
		{"take all off", []Rule{seen(a), seen(named("b", farm("south")))}, nil, []string{"remove a", "remove b"}},
		{"another port", []Rule{seen(named("a", port(444)))}, []Rule{a}, []string{"replace a"}},
		{"edited by hand", []Rule{byHand}, []Rule{a}, []string{"replace a (edited by hand)"}},
		{"edited by hand and unwanted", []Rule{byHand}, []Rule{named("b")}, []string{"remove a (edited by hand)", "add b"}},
		{"only the mark edited", []Rule{named("a", hash("00000000"))}, []Rule{a}, []string{"replace a (its mark was edited by hand)"}},
		{"twins", []Rule{seen(a), seen(a), seen(a)}, []Rule{a}, []string{"remove a (twin)", "remove a (twin)"}},
		{"the right twin stays", []Rule{byHand, seen(a)}, []Rule{a}, []string{"remove a (twin)"}},
		{"no twin is right", []Rule{byHand, seen(named("a", port(80)))}, []Rule{a}, []string{"remove a (twin)", "replace a (edited by hand)"}},
		{"opaque", []Rule{named("a", opaque)}, []Rule{a}, []string{"remove a (not written by farmwall)", "add a"}},
		{"opaque without a mark", []Rule{named("", opaque), seen(a)}, []Rule{a}, []string{"remove  (not written by farmwall)"}},
		{"without a mark", []Rule{named("")}, nil, []string{"remove  (without a mark of ours)"}},
		{"of another farm", []Rule{seen(named("a", farm("south")))}, []Rule{a}, []string{"remove a (of farm south)", "add a"}},
		{"of both farms", []Rule{seen(named("a", farm("south"))), seen(a)}, []Rule{a}, []string{"remove a (of farm south)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, err := NewSet(c.want)
			if err != nil {
				t.Fatal(err)
			}
			changes := Diff(c.have, want)
			if got := words(changes); !slices.Equal(got, c.does) {
				t.Fatalf("got %q, want %q", got, c.does)
			}
			if after := Diff(carryOut(c.have, changes), want); len(after) > 0 {
				t.Fatalf("done, and still to do: %q", words(after))
			}
		})
	}
}

// carryOut does what the changes say. Rules are told apart by where they lie.
func carryOut(have []Rule, changes []Change) []Rule {
	gone := map[*Rule]bool{}
	var out []Rule
	for _, c := range changes {
		if c.Have != nil {
			gone[c.Have] = true
		}
		if c.Want != nil {
			out = append(out, seen(*c.Want))
		}
	}
	for i := range have {
		if !gone[&have[i]] {
			out = append(out, have[i])
		}
	}
	return out
}

func TestDiffOfAnythingIsCarriedOut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	for range 2000 {
		want, err := NewSet(randomRules(r, true))
		if err != nil {
			t.Fatal(err)
		}
		if err := invariants(want); err != nil {
			t.Fatal(err)
		}
		if c := Diff(want, want); len(c) > 0 {
			t.Fatalf("a set differs from itself: %q", words(c))
		}
		have := randomRules(r, false)
		changes := Diff(have, want)
		if left := Diff(carryOut(have, changes), want); len(left) > 0 {
			t.Fatalf("%q\nleaves %q", words(changes), words(left))
		}
	}
}

// randomRules makes rules for a wanted set, or whatever may lie on a host.
func randomRules(r *rand.Rand, wanted bool) []Rule {
	var out []Rule
	for _, id := range []string{"a", "b", "c", "d", "a", "b", ""} {
		if wanted && len(out) == 4 {
			break
		}
		if r.IntN(3) == 0 || wanted && id == "" {
			continue
		}
		x := Rule{ID: id, Farm: "north", Direction: []Direction{In, Out}[r.IntN(2)], Protocol: TCP, Loopback: r.IntN(5) == 0}
		for range r.IntN(4) {
			n := uint16(r.IntN(20) + 1)
			x.Ports = append(x.Ports, PortRange{First: n, Last: n + uint16(r.IntN(4))})
		}
		x.Ports = MergePorts(x.Ports)
		if a := NewAddresses(randomPrefixes(r)); !a.Empty() {
			x.Remotes = a
		}
		if !wanted {
			x.Hash = []string{"", x.hash8(), "0badcafe"}[r.IntN(3)]
			if r.IntN(6) == 0 {
				x.Farm = "south"
			}
			if r.IntN(6) == 0 {
				x.Opaque = "what is this"
			}
		} else if slices.ContainsFunc(out, func(o Rule) bool { return o.ID == id }) {
			continue
		}
		out = append(out, x)
	}
	return out
}

func TestMergeChanges(t *testing.T) {
	both := sample()
	both.Remotes = list("10.0.0.0/8", "fd00::/8")
	v4, v6, wider := both, both, both
	v4.Remotes, v6.Remotes, wider.Remotes = both.Remotes.Family(true), both.Remotes.Family(false), list("10.0.0.0/7")
	in := func(place string, c Change) []Change {
		c.Places = []string{place}
		return []Change{c}
	}
	const id = " gateway-in-tcp-443"
	for _, c := range []struct {
		name string
		per  [][]Change
		want []string
	}{
		{"equal", [][]Change{in("A", Change{Verb: Add, Want: &both}), in("B", Change{Verb: Add, Want: &both})}, []string{"add" + id + " in A and B"}},
		{"parts of families", [][]Change{in("ip", Change{Verb: Add, Want: &v4}), in("inet", Change{Verb: Add, Want: &both}), in("ip6", Change{Verb: Add, Want: &v6})}, []string{"add" + id + " in ip and inet and ip6"}},
		{"another note", [][]Change{in("A", Change{Verb: Remove, Have: &both}), in("B", Change{Verb: Remove, Have: &both, Note: noteTwin})}, []string{"remove" + id + " in A", "remove" + id + " (twin) in B"}},
		{"another content", [][]Change{in("A", Change{Verb: Replace, Have: &both, Want: &wider}), in("B", Change{Verb: Replace, Have: &wider, Want: &wider})}, []string{"replace" + id + " in A", "replace" + id + " in B"}},
		{"another verb", [][]Change{in("A", Change{Verb: Add, Want: &both}), in("B", Change{Verb: Replace, Have: &wider, Want: &both})}, []string{"add" + id + " in A", "replace" + id + " in B"}},
		{"repairs", [][]Change{in("A", Change{Verb: Repair, Note: "no jump"}), in("B", Change{Verb: Repair, Note: "no jump"}), in("B", Change{Verb: Repair, Note: "no unit"})}, []string{"repair (no jump) in A and B", "repair (no unit) in B"}},
	} {
		if got := words(MergeChanges(c.per...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	merged := MergeChanges(in("ip", Change{Verb: Add, Want: &v4}), in("inet", Change{Verb: Add, Want: &both}))
	if !merged[0].Want.Remotes.Equal(both.Remotes) {
		t.Error("the joined change shows a part of the rule")
	}
}

func TestFields(t *testing.T) {
	r := sample()
	o := sample()
	o.Ports, o.Remotes, o.Protocol = ports(80, 80, 1000, 2000), nil, UDP
	show := func(c Change) string {
		var out []string
		for _, f := range Fields(c) {
			out = append(out, f.Name+": "+f.Old+" -> "+f.New)
		}
		return strings.Join(out, "; ")
	}
	if got := show(Change{Verb: Replace, Have: &r, Want: &o}); got != "protocol: tcp -> udp; ports: 443 -> 80, 1000-2000; from: 10.0.0.0/8 -> anywhere" {
		t.Error(got)
	}
	if got := show(Change{Verb: Add, Want: &r}); got != "farm:  -> north; direction:  -> in; protocol:  -> tcp; ports:  -> 443; from:  -> 10.0.0.0/8" {
		t.Error(got)
	}
	var many []netip.Prefix
	for i := range 100 {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 1}), 32))
	}
	r.Remotes, o = NewAddresses(many[:99]), r
	o.Remotes = NewAddresses(many[1:])
	if got := show(Change{Verb: Replace, Have: &r, Want: &o}); got != "from: 99 prefixes, among them 10.1.0.1 -> 99 prefixes, among them 10.1.99.1" {
		t.Error(got)
	}
	edited := sample()
	edited.Hash = "00000000"
	r = sample()
	if got := show(Change{Verb: Replace, Have: &edited, Want: &r}); got != "mark: 00000000 -> "+r.hash8() {
		t.Error(got)
	}
	if got := show(Change{Verb: Repair, Note: "no jump"}); got != "" {
		t.Error(got)
	}
}
