package iptables

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// portWords are the protocols whose ports iptables can match: by -m multiport, and tcp
// and udp by matches of their own.
var portWords = map[rules.Protocol]string{6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}

// mostPorts is how many ports one multiport match holds; a range counts as two.
const mostPorts = 15

// beginnings are the states of connection tracking that a rule which blocks drops. What
// is left is the answers to what the host began itself, and what belongs to these.
const beginnings = "INVALID,NEW,UNTRACKED"

// lines says a rule in iptables' words, without -A CHAIN: one line for each list of
// ports that a match can hold. w must be cut to the place's family.
func lines(w *rules.Rule) []string {
	who, target := "", "ACCEPT"
	switch ps := w.Remotes.Prefixes(); {
	case w.Block:
		target = "DROP"
	case w.Remotes == nil:
	case len(ps) == 1:
		who = address(w.Direction) + " " + ps[0].String() + " "
	default:
		target = listName(w.Direction, w.Remotes)
	}
	out := portMatches(w.Protocol, w.Ports)
	for i, ports := range out {
		out[i] = fmt.Sprintf("%s%s-p %d %s%s-m comment --comment \"%s\" -j %s", who, device(w), w.Protocol, ports, states(w), w.Mark(), target)
	}
	return out
}

func device(w *rules.Rule) string {
	switch {
	case w.Block:
		return "! -i lo "
	case w.Loopback && w.Direction == rules.In:
		return "-i lo "
	case w.Loopback:
		return "-o lo "
	}
	return ""
}

func states(w *rules.Rule) string {
	if w.Block {
		return "-m conntrack --ctstate " + beginnings + " "
	}
	return ""
}

// portMatches says the ports; one empty text where there are none.
func portMatches(p rules.Protocol, list []rules.PortRange) []string {
	if len(list) == 0 {
		return []string{""}
	}
	if word := portWords[p]; len(list) == 1 && (p == rules.TCP || p == rules.UDP) {
		return []string{"-m " + word + " --dport " + list[0].Text(":") + " "}
	}
	var out []string
	for len(list) > 0 {
		var words []string
		room := mostPorts
		for len(list) > 0 && room >= portCost(list[0]) {
			words = append(words, list[0].Text(":"))
			room -= portCost(list[0])
			list = list[1:]
		}
		out = append(out, "-m multiport --dports "+strings.Join(words, ",")+" ")
	}
	return out
}

func portCost(p rules.PortRange) int {
	if p.First == p.Last {
		return 1
	}
	return 2
}

// address is the option for the other end.
func address(d rules.Direction) string {
	if d == rules.Out {
		return "-d"
	}
	return "-s"
}
