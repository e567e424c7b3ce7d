package windows

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

// edited changes a rule string of the host.
func (h *host) edit(i int, old, now string) *host {
	if !strings.Contains(h.Local[i][1], old) {
		panic(h.Local[i][1] + " has no " + old)
	}
	h.Local[i][1] = strings.Replace(h.Local[i][1], old, now, 1)
	return h
}

func TestWhatPeopleDoToOurRules(t *testing.T) {
	set := held(t)
	https := set.Find("gateway.https")
	for name, c := range map[string]struct {
		host *host
		want string
	}{
		"nothing":                     {holding(set), ""},
		"disabled":                    {holding(set).edit(0, "Active=TRUE", "Active=FALSE"), "replace gateway.https disabled by hand"},
		"another port":                {holding(set).edit(0, "LPort=443", "LPort=444"), "replace gateway.https edited by hand"},
		"one source less":             {holding(set).edit(3, "RA4=10.0.1.7|", ""), "replace publishing.agents edited by hand"},
		"a source more":               {holding(set).edit(1, "|Name=", "|RA4=10.9.9.9|Name="), "replace halb.vrrp edited by hand"},
		"for a program":               {holding(set).edit(0, "|Name=", "|App=x.exe|Name="), "replace gateway.https edited by hand"},
		"for one profile":             {holding(set).edit(0, "|LPort", "|Profile=Domain|LPort"), "replace gateway.https edited by hand"},
		"all profiles by name":        {holding(set).edit(0, "|LPort", "|Profile=Domain|Profile=Private|Profile=Public|LPort"), ""},
		"made to block":               {holding(set).edit(0, "Action=Allow", "Action=Block"), "replace gateway.https edited by hand"},
		"only secured":                {holding(set).edit(0, "|Name=", "|Security=Authenticate|Name="), "replace gateway.https edited by hand"},
		"another description":         {holding(set).edit(0, "Desc=Written", "Desc=Rewritten"), ""},
		"out of the group":            {holding(set).edit(0, "EmbedCtxt=farmwall|", ""), ""},
		"edge traversal":              {holding(set).edit(0, "|Name=", "|Edge=TRUE|Name="), ""},
		"a twin":                      {holding(set).add(mine(*https, 3)), "remove gateway.https twin"},
		"a twin of another lease":     {holding(set).add(mine(*https, 2)), "remove gateway.https twin"},
		"a disabled twin":             {holding(set).add(strings.Replace(mine(*https, 3), "Active=TRUE", "Active=FALSE", 1)), "remove gateway.https disabled by hand"},
		"a twin with an edit":         {holding(set).add(strings.Replace(mine(*https, 3), "LPort=443", "LPort=444", 1)), "remove gateway.https twin"},
		"renamed":                     {holding(set).edit(0, "Name=farmwall:", "Name=old farmwall:"), "add gateway.https"},
		"a copy without a lease":      {holding(set).edit(0, ":3|Desc", "|Desc"), "remove  without a mark of ours; add gateway.https"},
		"a name of ours by somebody":  {holding(set).add(allowTCP + "LPort=1|Name=farmwall: hello|"), "remove  without a mark of ours"},
		"of another farm":             {holding(set).add(mine(rules.Rule{ID: "x", Farm: "south", Direction: rules.In, Protocol: 6, Remotes: from("10.0.0.1")}, 3)), "remove x of farm south"},
		"of a role that went":         {holding(set).add(mine(rules.Rule{ID: "x", Farm: "north", Direction: rules.In, Protocol: 6, Remotes: from("10.0.0.1")}, 3)), "remove x"},
		"in Group Policy: not ours":   {holding(set).gpo(mine(*https, 3)), ""},
		"foreign with a like name":    {holding(set).add(allowTCP + "LPort=1|Name=Farmwall:north|"), ""},
		"a field that is not known":   {holding(set).edit(0, "|Name=", "|Newer=1|Name="), "replace gateway.https edited by hand"},
		"the mark's hash by hand":     {holding(set).edit(0, "gateway.https:", "gateway.https:00000000:farmwall:north:x:"), "remove  without a mark of ours; add gateway.https"},
		"IPv4 and IPv6 as other text": {holding(set).edit(3, "RA6=2001:db8::7/128", "RA6=2001:db8::7-2001:db8::7"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := words(diff(t, c.host, set)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if c.want == "" != noop(t, target(t, c.host, set)) {
				t.Error("Diff and Target do not agree on whether there is something to do")
			}
			c.host.apply(t, target(t, c.host, set))
			if left := diff(t, c.host, set); len(left) > 0 {
				t.Errorf("armed, and yet: %s", words(left))
			}
			c.host.confirm()
			if left := diff(t, c.host, set); len(left) > 0 || !noop(t, target(t, c.host, set)) {
				t.Errorf("confirmed, and yet: %s", words(left))
			}
		})
	}
}

func TestLoopbackRulesAreThePlatforms(t *testing.T) {
	local := rules.Rule{ID: "agent.local", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 30004, Last: 30004}}, Loopback: true}
	set, err := rules.NewSet(append(slices.Clone(held(t)), local))
	if err != nil {
		t.Fatal(err)
	}
	h := holding(held(t))
	if changes := diff(t, h, set); len(changes) > 0 {
		t.Errorf("missing: %s", words(changes))
	}
	if err := New().Check(h.state(t), set); err != nil {
		t.Errorf("refused: %v", err)
	}
	if !noop(t, target(t, h, set)) {
		t.Error("it would be written")
	}
	v := New().Judge(h.state(t), rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 30004, Loopback: true})
	if v.Answer != rules.Allowed || !strings.Contains(v.By, "platform") {
		t.Errorf("%+v", v)
	}
}

// TestAnyHostComesToItsTarget makes hosts in all kinds of disorder and applies sets to
// them: then nothing is left to do, and every wanted flow passes.
func TestAnyHostComesToItsTarget(t *testing.T) {
	const rounds = 40
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 4))
		h := newHost()
		h.Lease.Number = 5
		for range r.IntN(3) {
			was := randomSet(r)
			h.Lease.Number++
			for i := range was {
				for _, p := range partsOf(&was[i]) {
					h.add(stored(say(&p), int(h.Lease.Number)))
				}
			}
		}
		for i := range h.Local {
			disturb(r, h, i)
		}
		for range 3 {
			want := randomSet(r)
			if len(diff(t, h, want)) == 0 && !noop(t, target(t, h, want)) {
				t.Fatalf("seed %d: nothing to do by Diff, something by Target", seed)
			}
			h.apply(t, target(t, h, want))
			if left := diff(t, h, want); len(left) > 0 {
				t.Fatalf("seed %d, armed: %s", seed, words(left))
			}
			h.confirm()
			if left := diff(t, h, want); len(left) > 0 || !noop(t, target(t, h, want)) {
				t.Fatalf("seed %d, confirmed: %s", seed, words(left))
			}
			s := h.state(t)
			for _, f := range rules.Flows(want) {
				if v := New().Judge(s, f.Flow); v.Answer != f.Want {
					t.Fatalf("seed %d: %s from %s without %s is %s by %s, want %s", seed, f.Flow, f.Flow.Remotes, f.Flow.Not, v.Answer, v.By, f.Want)
				}
			}
		}
	}
}

func randomSet(r *rand.Rand) rules.Set {
	var list []rules.Rule
	for _, id := range []string{"a", "b.c", "d-1", "e"} {
		if r.IntN(4) == 0 {
			continue
		}
		w := rules.Rule{ID: id, Farm: "north", Direction: rules.In, Protocol: []rules.Protocol{rules.TCP, rules.UDP, rules.VRRP}[r.IntN(3)]}
		if w.Protocol != rules.VRRP {
			for range 1 + r.IntN(3) {
				first := uint16(1 + r.IntN(60000))
				w.Ports = append(w.Ports, rules.PortRange{First: first, Last: first + uint16(r.IntN(3))})
			}
		}
		if n := []int{0, 1, 5, 40, 1500}[r.IntN(5)]; n > 0 {
			var ps []netip.Prefix
			for range n {
				if r.IntN(5) == 0 {
					ps = append(ps, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 15: byte(r.IntN(256)), 14: byte(r.IntN(9))}), 128))
				} else {
					ps = append(ps, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(1 + r.IntN(3)), byte(r.IntN(250)), byte(r.IntN(250))}), 20+r.IntN(13)).Masked())
				}
			}
			w.Remotes = rules.NewAddresses(ps)
		}
		list = append(list, w)
	}
	set, err := rules.NewSet(list)
	if err != nil {
		panic(err)
	}
	return set
}

// disturb does what people do.
func disturb(r *rand.Rand, h *host, i int) {
	switch r.IntN(12) {
	case 0:
		h.add(h.Local[i][1])
	case 1:
		h.edit(i, "Active=TRUE", "Active=FALSE")
	case 2:
		h.edit(i, "|Name=", "|App=x.exe|Name=")
	case 3:
		h.edit(i, "|Name=", "|RA4=172.16.0.9|Name=")
	case 4:
		h.add(strings.Replace(h.Local[i][1], "Active=TRUE", "Active=FALSE", 1))
	case 5:
		h.edit(i, "Name=farmwall:", "Name=farmwall:odd ")
	case 6:
		h.edit(i, "Name=farmwall:", "Name=somebody's ")
		h.edit(i, "Active=TRUE", "Active=FALSE")
	}
}
