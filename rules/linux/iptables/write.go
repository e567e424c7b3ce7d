package iptables

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// A copy is the whole of what is ours with iptables on a host, as text:
//
//	farmwall copy 1 iptables
//	place BACKEND FAMILY TABLE
//	:CHAIN
//	-A CHAIN RULE
//	jump CHAIN INDEX RULE
//	end
//
// Loading it (compose.awk) makes the host's part that is ours equal to it, whatever is
// there by then.
const (
	copyHeader = "farmwall copy 1 iptables\n"
	copyEnd    = "end\n"
)

// Target is the copy that makes want true of the host.
func (Manager) Target(s *rules.State, want rules.Set) (rules.Copy, error) {
	if refusals := refuseRules(want); len(refusals) > 0 {
		return nil, refusals
	}
	r := reading(s)
	all, _, err := tables(r)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(copyHeader)
	for _, p := range needed(r, all, want) {
		fmt.Fprintf(&b, "place %s %s %s\n", p.backend, p.family, p.table)
		part := want.Family(p.v4())
		chains, body := p.said(part)
		for _, c := range chains {
			b.WriteString(":" + c + "\n")
		}
		for _, l := range body {
			b.WriteString(l + "\n")
		}
		for _, h := range p.hooks() {
			fmt.Fprintf(&b, "jump %s 0 %s\n", h.chain, h.text(part[0].Farm))
		}
	}
	b.WriteString(copyEnd)
	return rules.Copy(b.String()), nil
}

// said is the chains of the place and their rules. part must be cut to its family.
func (p *place) said(part rules.Set) (chains, body []string) {
	written := map[string]bool{}
	for i := range part {
		w := &part[i]
		if len(w.Remotes.Prefixes()) < 2 || written[listName(w.Direction, w.Remotes)] {
			continue
		}
		written[listName(w.Direction, w.Remotes)] = true
		c, b := writeList(w.Direction, w.Remotes)
		chains, body = append(chains, c...), append(body, b...)
	}
	for _, h := range p.hooks() {
		d := rules.In
		if h.target == chainOut {
			d = rules.Out
		}
		chains = append(chains, h.target)
		for _, w := range part.Side(d) {
			for _, l := range lines(&w) {
				body = append(body, "-A "+h.target+" "+l)
			}
		}
	}
	return chains, body
}

// Undo is the copy that puts back exactly what is ours now, from the host's own
// bytes.
func (Manager) Undo(s *rules.State) (rules.Copy, error) {
	r := reading(s)
	if r == nil {
		return nil, fmt.Errorf("nothing was read from the host")
	}
	all, _, err := tables(r)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(copyHeader)
	for i := range all {
		if err := undo(&b, &all[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].name(), err)
		}
	}
	b.WriteString(copyEnd)
	return rules.Copy(b.String()), nil
}

func undo(b *strings.Builder, l *live) error {
	var chains, body, jumps strings.Builder
	for _, c := range l.table.Chains {
		if ourChain(c.Name) {
			if !plain(c.Name) {
				return fmt.Errorf("the chain %q cannot be written back", c.Name)
			}
			chains.WriteString(":" + c.Name + "\n")
		}
		for index, n := range c.Rules {
			if !ourChain(c.Name) && !ours(n) {
				continue
			}
			rule, ok := strings.CutPrefix(n.Text, "-A "+c.Name+" ")
			if !ok || !plain(c.Name) || !oneLine(rule) {
				return fmt.Errorf("the rule %q cannot be written back", n.Text)
			}
			if ourChain(c.Name) {
				body.WriteString(n.Text + "\n")
			} else {
				fmt.Fprintf(&jumps, "jump %s %d %s\n", c.Name, index, rule)
			}
		}
	}
	if chains.Len() == 0 && jumps.Len() == 0 {
		return nil
	}
	if !plain(l.place.table) {
		return fmt.Errorf("the name of the table cannot be written back")
	}
	fmt.Fprintf(b, "place %s %s %s\n%s%s%s", l.backend, l.family, l.place.table, &chains, &body, &jumps)
	return nil
}

// plain says whether a chain's name is one word that is nothing else to
// iptables-restore.
func plain(name string) bool {
	return name != "" && strings.IndexFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }) < 0
}

// longest is what iptables-restore reads as one line (its buffer is 10,240 bytes).
const longest = 10_000

// oneLine says whether the text can stand as one rule on a line of its own.
func oneLine(s string) bool {
	return s != "" && len(s) < longest && s == strings.TrimSpace(s) && strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) < 0
}
