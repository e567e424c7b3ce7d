package nftables

import (
	"fmt"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// A copy is the whole of what is ours on a host, as text:
//
//	farmwall copy 1 nftables
//	place FAMILY TABLE
//	... nft's text of what is ours in that table ...
//	jump FAMILY TABLE CHAIN INDEX NFT'S TEXT OF THE RULE
//	end
//
// Loading it (compose.awk) makes the host's part that is ours equal to it, whatever is
// there by then; tables and chains of others that have gone are passed over.
const (
	copyHeader = "farmwall copy 1 nftables\n"
	copyEnd    = "end\n"
)

// Target is the copy that makes want true of the host.
func (Manager) Target(s *rules.State, want rules.Set) (rules.Copy, error) {
	r := reading(s)
	if refusals := refuseRules(want); len(refusals) > 0 {
		return nil, refusals
	}
	places := needed(r, want)
	if refusals := refusePlaces(r, places); len(refusals) > 0 {
		return nil, refusals
	}
	return target(places, want), nil
}

func target(places []place, want rules.Set) rules.Copy {
	var b strings.Builder
	b.WriteString(copyHeader)
	for i := range places {
		p := &places[i]
		fmt.Fprintf(&b, "place %s %s\n", p.family, p.table)
		p.write(&b, p.holds(want))
	}
	for i := range places {
		p := &places[i]
		for j := range p.hooks {
			h := &p.hooks[j]
			fmt.Fprintf(&b, "jump %s %s %s 0 %s\n", p.family, p.table, h.chain, h.text(want[0].Farm))
		}
	}
	b.WriteString(copyEnd)
	return rules.Copy(b.String())
}

// write says the place's table as nft prints it.
func (p *place) write(b *strings.Builder, want rules.Set) {
	fmt.Fprintf(b, "table %s %s {\n", p.family, p.table)
	written := make(map[string]bool)
	for i := range want {
		for _, v4 := range []bool{true, false} {
			part := want[i].Remotes.Family(v4)
			if part == nil || part.Empty() || written[setName(v4, part)] {
				continue
			}
			written[setName(v4, part)] = true
			set(b, v4, part)
		}
	}
	if p.in {
		p.writeChain(b, rules.In, want.Side(rules.In))
	}
	if p.out {
		p.writeChain(b, rules.Out, want.Side(rules.Out))
	}
	b.WriteString("}\n")
}

func (p *place) writeChain(b *strings.Builder, d rules.Direction, want rules.Set) {
	name := p.chain(d)
	fmt.Fprintf(b, "\tchain %s {\n", name)
	if p.own() {
		fmt.Fprintf(b, "\t\ttype filter hook %s priority 0; policy accept;\n", name)
	}
	for i := range want {
		for _, l := range lines(&want[i]) {
			fmt.Fprintf(b, "\t\t%s\n", l)
		}
	}
	b.WriteString("\t}\n")
}

// Undo is the copy that puts back exactly what is ours now, from the host's own
// bytes.
func (Manager) Undo(s *rules.State) (rules.Copy, error) {
	r := reading(s)
	if r == nil {
		return nil, fmt.Errorf("nothing was read from the host")
	}
	return undo(r)
}

func undo(r *linux.Reading) (rules.Copy, error) {
	var b strings.Builder
	b.WriteString(copyHeader)
	for _, name := range placeNames(r) {
		block, err := parseBlock(r.OwnText[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if placeName(block.family, block.table) != name {
			return nil, fmt.Errorf("%s: its text is of table %s %s", name, block.family, block.table)
		}
		if err := block.agrees(r.Ruleset.Find(block.family, block.table)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(&b, "place %s %s\n%s", block.family, block.table, block.text())
	}
	for _, j := range r.Jumps {
		if !cleanName(j.Family) || !cleanName(j.Table) || !cleanName(j.Chain) || j.Index < 0 || !oneLine(j.Text) {
			return nil, fmt.Errorf("the rule %q in chain %q of table %s %q cannot be written back", j.Text, j.Chain, j.Family, j.Table)
		}
		fmt.Fprintf(&b, "jump %s %s %s %d %s\n", j.Family, j.Table, j.Chain, j.Index, j.Text)
	}
	b.WriteString(copyEnd)
	return rules.Copy(b.String()), nil
}
