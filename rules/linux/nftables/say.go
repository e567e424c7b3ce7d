package nftables

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// portWords are the protocols of which nft can match ports by name of the header.
var portWords = map[rules.Protocol]string{6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}

// lines says a rule in nft's words, one line for each family that needs its own.
func lines(w *rules.Rule) []string {
	if w.Block {
		return []string{blockLine(w)}
	}
	if w.Remotes == nil {
		return []string{line(w, "")}
	}
	var out []string
	for _, v4 := range []bool{true, false} {
		if part := w.Remotes.Family(v4); !part.Empty() {
			out = append(out, line(w, address(v4, w.Direction)+" @"+setName(v4, part)+" "))
		}
	}
	return out
}

// beginnings are the states of connection tracking that a rule which blocks drops:
// invalid, new, untracked, as nft -n prints them (include/uapi/linux/netfilter/nf_conntrack_common.h:
// 1, 8, 64). What is left is the answers to what the host began itself, and what
// belongs to these (an ICMP error).
const beginnings = "0x1,0x8,0x40"

// blockLine is a rule that closes what it names to everybody who comes to it.
func blockLine(w *rules.Rule) string {
	what := fmt.Sprintf("meta l4proto %d", w.Protocol)
	if len(w.Ports) > 0 {
		what = portWords[w.Protocol] + " dport " + ports(w.Ports)
	}
	return fmt.Sprintf(`iifname != "lo" %s ct state %s drop comment %q`, what, beginnings, w.Mark())
}

// line is one rule; who is the match on addresses with a blank behind it, or empty.
func line(w *rules.Rule, who string) string {
	var b strings.Builder
	if w.Loopback {
		if w.Direction == rules.In {
			b.WriteString(`iifname "lo" `)
		} else {
			b.WriteString(`oifname "lo" `)
		}
	}
	if len(w.Ports) == 0 {
		fmt.Fprintf(&b, "meta l4proto %d ", w.Protocol)
	} else {
		fmt.Fprintf(&b, "%s dport %s ", portWords[w.Protocol], ports(w.Ports))
	}
	fmt.Fprintf(&b, "%saccept comment %q", who, w.Mark())
	return b.String()
}

func ports(list []rules.PortRange) string {
	words := rules.PortsText(list, ", ")
	if len(list) == 1 {
		return words
	}
	return "{ " + words + " }"
}

func address(v4 bool, d rules.Direction) string {
	family, field := "ip6", "daddr"
	if v4 {
		family = "ip"
	}
	if d == rules.In {
		field = "saddr"
	}
	return family + " " + field
}

// setName names an address list of one family by its content.
func setName(v4 bool, part *rules.Addresses) string {
	family := 6
	if v4 {
		family = 4
	}
	return fmt.Sprintf("farmwall_%d_%s", family, part.Hash()[:12])
}

// set says an address list of one family as a named set.
func set(b *strings.Builder, v4 bool, part *rules.Addresses) {
	kind := "ipv6_addr"
	if v4 {
		kind = "ipv4_addr"
	}
	fmt.Fprintf(b, "\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t\telements = { ", setName(v4, part), kind)
	for i, p := range part.Prefixes() {
		if i > 0 {
			b.WriteString(",\n\t\t\t     ")
		}
		if p.IsSingleIP() {
			b.WriteString(p.Addr().String())
		} else {
			b.WriteString(p.String())
		}
	}
	b.WriteString(" }\n\t}\n")
}
