//go:build linux

package nftables_test

import (
	"os"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// hosts are rulesets that a change may find.
var hosts = map[string]string{
	"empty": ``,
	"default drop inet": `table inet filter {
	set bad { type ipv4_addr; flags timeout; timeout 1h; }
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname "lo" accept
		ip saddr @bad drop
		tcp dport 22 accept comment "ours; or not"
	}
	chain output {
		type filter hook output priority filter; policy drop;
		ct state established,related accept
	}
}
`,
	"default drop ip and ip6": `table ip filter {
	chain input { type filter hook input priority 0; policy drop; counter tcp dport 22 accept; }
}
table ip6 filter {
	chain input {
		type filter hook input priority 0; policy accept;
		tcp dport 22 accept
		reject with icmpv6 type admin-prohibited
	}
}
`,
	"netdev ingress": `table netdev guard {
	chain lo { type filter hook ingress device "lo" priority -10; policy drop; arp operation request accept; }
}
`,
	"prerouting": `table inet early {
	chain pre { type filter hook prerouting priority raw; policy drop; fib daddr type multicast accept; }
	chain helper { tcp dport 9 drop; }
}
`,
	"two tables with the same hook": `table inet a {
	chain in { type filter hook input priority 0; policy drop; }
}
table inet b {
	chain in { type filter hook input priority 0; policy drop; udp dport 1 accept; }
	chain forward { type filter hook forward priority 0; policy drop; }
}
`,
}

// byHand is what somebody does by hand to a host that already holds someSet.
var byHand = map[string]string{
	"nothing": ``,
	"a twin and rules without a mark": `add rule inet farmwall input tcp dport 443 accept comment "farmwall:farm:web:12345678"
add rule inet farmwall input tcp dport 7 accept
insert rule inet farmwall input udp dport 53 ip saddr != 1.2.3.4 log prefix "odd; # \x" drop comment "mine"
`,
	"a chain, a counter and a map of their own in our table": `add counter inet farmwall hits
add map inet farmwall m { type ipv4_addr : verdict; }
add element inet farmwall m { 1.2.3.4 : drop }
add chain inet farmwall more
add rule inet farmwall more ip saddr vmap @m
add rule inet farmwall input jump more
`,
	"policy drop": `chain inet farmwall input { policy drop; }
`,
	"foreign tables that came later": `table inet late { chain in { type filter hook input priority 0; policy accept; }
}
table ip6 late { set s { type inet_service; }
}
`,
}

// TestUndoBringsBackEveryByte changes hosts of every kind and has the change undone.
func TestUndoBringsBackEveryByte(t *testing.T) {
	for name, foreign := range hosts {
		for hand, edit := range byHand {
			// Each kind of host, each edit by hand on one; all pairs take minutes.
			if hand != "nothing" && name != "default drop inet" && os.Getenv("FARMWALL_SOAK") != "1" {
				continue
			}
			t.Run(name+"/"+hand, func(t *testing.T) {
				t.Parallel()
				undone(t, foreign, hand, edit)
			})
		}
	}
}

func undone(t *testing.T, foreign, hand, edit string) {
	h := newHost(t, "sh")
	h.nft(foreign)
	if hand != "nothing" {
		h.Confirmed(someSet(t))
		h.nft(edit)
	}
	h.Undoes(otherSet(t))
	h.Undoes(nil)
	h.Confirmed(otherSet(t))
	h.NothingToDo(otherSet(t))
	h.Confirmed(nil)
	h.NothingToDo(nil)
	want := foreign
	if strings.Contains(edit, " late ") {
		want += edit
	}
	h.cleanAs(want)
}

func foreignOnly(ruleset string) string {
	var out []string
	skip := ""
	for _, l := range strings.Split(ruleset, "\n") {
		switch {
		case skip != "":
			if l == skip {
				skip = ""
			}
			continue
		case l == "table inet farmwall {":
			skip = "}"
			continue
		case strings.HasPrefix(l, "\tchain farmwall_"), strings.HasPrefix(l, "\tset farmwall_"):
			skip = "\t}"
			continue
		case strings.Contains(l, `comment "farmwall:`), strings.TrimSpace(l) == "":
			continue
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// cleanAs fails unless the host is as if only this ruleset had ever been loaded.
func (h *host) cleanAs(foreign string) {
	h.T.Helper()
	is := h.Ruleset()
	h.nft("flush ruleset\n" + foreign)
	if want := h.Ruleset(); is != want {
		h.T.Errorf("after everything of ours was taken off:\n%s\ninstead of:\n%s", is, want)
	}
	h.NoFiles()
}

// TestMovedJump has somebody move and double our jump; the undo knows where it was.
func TestMovedJump(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.nft(hosts["default drop inet"])
	h.Confirmed(someSet(t))
	h.nft(`add rule inet filter input jump farmwall_in comment "farmwall:farm:jump:00000000"
insert rule inet filter input tcp dport 23 accept
`)
	before := h.Ruleset()
	d := system.Diff(h.State(), someSet(t))
	text := linuxtest.Show(d)
	if !strings.Contains(text, "not the first rule of chain input") || !strings.Contains(text, "more than once") {
		t.Errorf("the moved jump is not reported: %s", text)
	}
	r := h.Apply(someSet(t))
	h.NothingToDo(someSet(t))
	if strings.Count(h.Ruleset(), "jump farmwall_in") != 1 {
		t.Errorf("not one jump:\n%s", h.Ruleset())
	}
	if r := h.Revert(r.Lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); after != before {
		t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
	}
}

// TestForeignReload reloads the foreign ruleset inside the window: whatever of ours is
// left, the undo takes back only what is ours, and the foreign rules stay as reloaded.
func TestForeignReload(t *testing.T) {
	t.Parallel()
	reloads := map[string]string{
		"flush ruleset and load": "flush ruleset\n" + strings.ReplaceAll(hosts["default drop inet"], "tcp dport 22", "tcp dport { 22, 2222 }"),
		"flush ruleset alone":    "flush ruleset\n",
		"flush the chain":        "flush chain inet filter input\nadd rule inet filter input tcp dport 22 accept\n",
		"table gone and another": "delete table inet filter\ntable ip other { chain c { type filter hook input priority 0; policy drop; }\n}\n",
	}
	for name, reload := range reloads {
		for _, first := range []bool{true, false} {
			h := newHost(t, "sh")
			h.nft(hosts["default drop inet"])
			if !first {
				h.Confirmed(someSet(t))
			}
			r := h.Apply(otherSet(t))
			h.nft(reload)
			after := h.Revert(r.Lease)
			switch {
			case first && after.Result != rules.Undone:
				t.Errorf("%s, first change: %+v", name, after)
			case !first && after.Result != rules.Undone && after.Result != rules.Pending:
				t.Errorf("%s, second change: %+v", name, after)
			}
			is := foreignOnly(h.Ruleset())
			clean := newHost(t, "sh")
			clean.nft(hosts["default drop inet"])
			clean.nft(reload)
			if want := foreignOnly(clean.Ruleset()); is != want {
				t.Errorf("%s: the foreign rules are\n%s\ninstead of\n%s", name, is, want)
			}
			left := h.State()
			if first && len(left.Places) > 0 {
				t.Errorf("%s: still ours: %+v", name, left.Places)
			}
			if !first && left.Ours == "" {
				t.Errorf("%s: no fingerprint", name)
			}
		}
	}
}
