package iptables

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// Export is a script for sh that makes a set true of a host of iptables that cannot be
// reached, with the back end that its iptables-restore is of. want must be settled. What
// other tables close it cannot know, and the script says so; what iptables cannot say is
// refused, as Check does.
func Export(want rules.Set) ([]byte, error) {
	if refusals := refuseRules(want); len(refusals) > 0 {
		return nil, refusals
	}
	var b strings.Builder
	b.WriteString(`#!/bin/sh
# Firewall rules of farmwall. Run as root: sh THIS-FILE
# They open nothing that another table drops, of nft or of iptables' other back end.
# They are not loaded again at boot unless something runs this file then.
set -e
PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin

# hook PROGRAM CHAIN TARGET prints the jump to our rules where it is missing.
hook() {
`)
	farm := ""
	if len(want) > 0 {
		farm = want[0].Farm
	}
	fmt.Fprintf(&b, "\t\"$1\" -w 10 -C \"$2\" -m comment --comment '%s' -j \"$3\" 2>/dev/null ||\n", mark(farm))
	fmt.Fprintf(&b, "\t\techo \"-I $2 1 -m comment --comment %s -j $3\"\n}\n", mark(farm))
	for _, family := range []string{"ip", "ip6"} {
		p := place{backend: nftEnd, family: family, table: filter}
		part := want.Family(p.v4())
		for i := range part {
			p.in = p.in || part[i].Direction == rules.In
			p.out = p.out || part[i].Direction == rules.Out
		}
		p.export(&b, part)
	}
	return []byte(b.String()), nil
}

// export says one family's table.
func (p *place) export(b *strings.Builder, part rules.Set) {
	program, condition := "iptables", ""
	if !p.v4() {
		program, condition = "ip6tables", "[ ! -e /proc/net/if_inet6 ] || "
	}
	fmt.Fprintf(b, "\n%s{\n\tcat <<'END'\n*filter\n", condition)
	chains, body := p.said(part)
	if !p.in {
		chains = append(chains, chainIn) // what an earlier file put there goes
	}
	if !p.out {
		chains = append(chains, chainOut)
	}
	for _, c := range chains {
		b.WriteString(":" + c + " - [0:0]\n")
	}
	for _, l := range body {
		b.WriteString(l + "\n")
	}
	b.WriteString("END\n")
	for _, h := range p.hooks() {
		fmt.Fprintf(b, "\thook %s %s %s\n", program, h.chain, h.target)
	}
	fmt.Fprintf(b, "\techo COMMIT\n} | %s-restore -w 10 --noflush\n", program)
}
