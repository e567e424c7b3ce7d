//go:build linux

package iptables_test

import (
	"os"
	"strings"
	"testing"
)

// with is the wall in the back end.
func (w wall) with(backend string) wall {
	w.backend = backend
	return w
}

// hosts are rules that a change may find.
var hosts = map[string]wall{
	"default drop": {v4: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -s 10.9.0.0/16 -p tcp -m multiport --dports 22,443,8000:8010 -j ACCEPT
-A INPUT -p tcp --dport 22 -m comment --comment "ours; or \"not\" -j FARMWALL-IN" -j ACCEPT
-A INPUT -p udp -m limit --limit 5/min -j LOG --log-prefix "farmwall:x:y: "
COMMIT
`, v6: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp --dport 22 -j ACCEPT
COMMIT
`},
	"last rule": {v4: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -m conntrack --ctstate NEW -p tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`, v6: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -j REJECT --reject-with icmp6-adm-prohibited
COMMIT
`},
	"both ways": {v4: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:mine - [0:0]
-A INPUT -j mine
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A mine -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A mine -p tcp --dport 22 -j ACCEPT
COMMIT
`},
	"docker and fail2ban": {v4: `*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-USER -j RETURN
-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
COMMIT
`, v6: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m rpfilter --invert -j DROP
COMMIT
`},
}

// byHand is what somebody does by hand to a host that already holds someSet; P stands
// for iptables of the host's back end.
var byHand = map[string]string{
	"nothing": ``,
	"a twin and rules without a mark": `P -A FARMWALL-IN -p tcp --dport 443 -m comment --comment farmwall:farm:web:12345678 -j ACCEPT
P -A FARMWALL-IN -p tcp --dport 7 -j ACCEPT
P -I FARMWALL-IN -p udp ! -s 1.2.3.4 --dport 53 -m comment --comment "odd; # \\x \"y" -j LOG --log-prefix "mine: "`,
	"moved and doubled jumps": `P -A INPUT -m comment --comment farmwall:farm:jump:00000000 -j FARMWALL-IN
P -I INPUT -p tcp --dport 23 -j ACCEPT
P -I FORWARD 1 -p tcp -g FARMWALL-IN
P -I OUTPUT 1 -p tcp --dport 9 -m comment --comment farmwall:farm:x:00000000 -j ACCEPT`,
	"chains and tables of our names": `P -N FARMWALL-MORE
P -A FARMWALL-MORE -s 1.2.3.4 -j DROP
P -I FARMWALL-IN -j FARMWALL-MORE
P -t mangle -N FARMWALL-IN
P -t mangle -A FARMWALL-IN -p tcp --dport 80 -j ACCEPT
P -t mangle -A PREROUTING -j FARMWALL-IN`,
	"an address list changed": `c=$(P -S | sed -n 's/^-N \(FARMWALL-S-.*\)/\1/p' | head -n 1); P -A $c -s 203.0.113.77 -j ACCEPT`,
}

// TestUndoBringsBackEveryByte changes hosts of every kind and has the change undone.
func TestUndoBringsBackEveryByte(t *testing.T) {
	turn := 0
	for name, foreign := range hosts {
		for hand, edit := range byHand {
			for i, backend := range []string{"nft", "legacy"} {
				// Each kind of host once, each edit by hand on one host, the back ends by turns;
				// all of them take minutes.
				if os.Getenv("FARMWALL_SOAK") != "1" {
					if (hand == "nothing") == (name == "default drop") || hand != "nothing" && name != "default drop" {
						continue
					}
					if i == 0 {
						turn++
					}
					if (turn+i)%2 == 0 {
						continue
					}
				}
				t.Run(backend+"/"+name+"/"+hand, func(t *testing.T) {
					t.Parallel()
					undone(t, foreign.with(backend), hand, edit)
				})
			}
		}
	}
}

// asked is shell text with P made the program of the back end.
func asked(edit, backend string) string {
	return "P() { iptables-" + backend + ` "$@"; }` + "\n" + edit
}

func undone(t *testing.T, foreign wall, hand, edit string) {
	h := newHost(t, "sh")
	h.restore(foreign)
	if hand != "nothing" {
		h.Confirmed(someSet(t))
		h.Sh(asked(edit, foreign.backend))
		if d := system.Diff(h.State(), someSet(t)); len(d) == 0 {
			t.Errorf("%s is no difference:\n%s", hand, h.Ruleset())
		}
	}
	seen := h.Ruleset()
	h.Undoes(otherSet(t))
	h.Undoes(nil)
	h.Confirmed(otherSet(t))
	h.NothingToDo(otherSet(t))
	h.Confirmed(nil)
	h.NothingToDo(nil)
	h.cleanAs(seen)
}

func foreignOnly(ruleset string) string {
	ruleset, _, _ = strings.Cut(ruleset, "table inet farmwall {")
	var out []string
	for _, l := range strings.Split(ruleset, "\n") {
		switch {
		case strings.HasPrefix(l, ":FARMWALL-"), strings.HasPrefix(l, "-A FARMWALL-"):
		case strings.HasSuffix(l, "-j FARMWALL-IN"), strings.HasSuffix(l, "-j FARMWALL-OUT"), strings.HasSuffix(l, "-g FARMWALL-IN"):
		case strings.Contains(l, `--comment "farmwall:farm:x:`):
		default:
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// cleanAs fails unless the host is as it was seen before, without anything of ours.
func (h *host) cleanAs(before string) {
	h.T.Helper()
	if is, want := h.Ruleset(), foreignOnly(before); strings.TrimSpace(is) != strings.TrimSpace(want) {
		h.T.Errorf("after everything of ours was taken off:\n%s\ninstead of:\n%s", is, want)
	}
	h.NoFiles()
}
