package nftables

import (
	"encoding/json"
	"fmt"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Places reads what is ours from the host: our own table first, then foreign ones
// in the host's order. What is there but holds nothing is left out: an empty chain
// opens and closes nothing.
func (Manager) Places(r *linux.Reading) []rules.Place {
	if r == nil || r.Ruleset == nil {
		return nil
	}
	var own, foreign []rules.Place
	for _, t := range r.Ruleset.Tables {
		p := found(r, t)
		if len(p.Owned) == 0 && len(p.Defects) == 0 {
			continue
		}
		if t.Own() {
			own = append(own, p)
		} else {
			foreign = append(foreign, p)
		}
	}
	return append(own, foreign...)
}

// found is what a table holds of ours.
func found(r *linux.Reading, t *linux.Table) rules.Place {
	p := rules.Place{Name: t.Place()}
	text, _ := parseBlock(r.OwnText[p.Name])
	for _, c := range t.Chains {
		d := rules.In
		switch {
		case t.Own():
			if c.Name == "output" {
				d = rules.Out
			}
			if c.Name != "input" && c.Name != "output" {
				d = ""
			}
			if defect := baseDefect(c); defect != "" && len(c.Rules) > 0 {
				p.Defects = append(p.Defects, defect)
			}
		case c.Name == chainIn:
		case c.Name == chainOut:
			d = rules.Out
		default:
			continue
		}
		here := owned(t, c, d, text.rulesOf(c.Name))
		if rules.BlocksEarly(here) {
			p.Defects = append(p.Defects, fmt.Sprintf("a rule that blocks stands before one that lets in, in chain %s", c.Name))
		}
		p.Owned = append(p.Owned, here...)
	}
	if t.Own() && t.Dormant {
		p.Defects = append(p.Defects, "the table is dormant: its rules do nothing")
	}
	p.Defects = append(p.Defects, jumpDefects(r, t)...)
	return p
}

// baseDefect says what is wrong with a base chain of our own table.
func baseDefect(c *linux.Chain) string {
	if c.Name != "input" && c.Name != "output" {
		return fmt.Sprintf("chain %s does not belong here", c.Name)
	}
	if c.Hook != c.Name || c.Type != "filter" || c.Priority != 0 {
		return fmt.Sprintf("chain %s hangs at %q with priority %d", c.Name, c.Hook, c.Priority)
	}
	if c.Policy != "accept" {
		return fmt.Sprintf("chain %s has the policy %s", c.Name, c.Policy)
	}
	return ""
}

// jumpDefects are the rules of ours in foreign chains of the table that are no jump
// of ours, stand there twice, or not at the top. Whether a jump is needed depends on
// what is wanted; missing says that.
func jumpDefects(r *linux.Reading, t *linux.Table) []string {
	var out []string
	count := make(map[string]int)
	for _, j := range r.Jumps {
		if j.Family != t.Family || j.Table != t.Name {
			continue
		}
		count[j.Chain]++
		switch {
		case j.Target != chainIn && j.Target != chainOut:
			out = append(out, fmt.Sprintf("a rule with our mark stands in chain %s", j.Chain))
		case count[j.Chain] > 1:
			out = append(out, fmt.Sprintf("the jump stands in chain %s more than once", j.Chain))
		case j.Index != 0:
			out = append(out, fmt.Sprintf("the jump is not the first rule of chain %s", j.Chain))
		}
	}
	return out
}

// owned decodes the rules of a chain of ours; text is nft's own text of them. Two
// rules that differ by nothing but the family of their addresses are one.
func owned(t *linux.Table, c *linux.Chain, d rules.Direction, text []string) []rules.Rule {
	var out []rules.Rule
	for i, n := range c.Rules {
		w, ok := decode(t, d, n)
		if !ok || d == "" {
			words := jsonWords(n)
			if i < len(text) && len(text) == len(c.Rules) {
				words = text[i]
			}
			w = rules.Rule{Direction: d, Opaque: words}
			if d == "" {
				w.Direction = rules.In
				w.Opaque = "chain " + c.Name + ": " + words
			}
		}
		w.Farm, w.ID, w.Hash, _ = rules.ParseMark(n.Comment)
		if !join(out, &w) {
			out = append(out, w)
		}
	}
	return out
}

// join adds the addresses of the other family to the rule's other half.
func join(list []rules.Rule, w *rules.Rule) bool {
	family, one := onlyFamily(w)
	if !one || w.ID == "" || w.Opaque != "" {
		return false
	}
	for i := range list {
		h := &list[i]
		other, one := onlyFamily(h)
		if !one || other == family || h.Opaque != "" || h.Farm != w.Farm || h.ID != w.ID || h.Hash != w.Hash {
			continue
		}
		both := *h
		both.Remotes = w.Remotes
		if !both.Same(w) {
			continue
		}
		h.Remotes = h.Remotes.Union(w.Remotes)
		return true
	}
	return false
}

// onlyFamily says of which family a rule's addresses are, if they are of one.
func onlyFamily(w *rules.Rule) (ipv4, one bool) {
	if w.Remotes.Empty() || w.Remotes == nil {
		return false, false
	}
	v4, v6 := w.Remotes.Family(true), w.Remotes.Family(false)
	return v6.Empty(), v4.Empty() || v6.Empty()
}

func jsonWords(n *linux.NftRule) string {
	words := make([]string, len(n.Expr))
	for i, e := range n.Expr {
		words[i] = string(e)
	}
	if len(words) == 0 {
		return "(empty rule)"
	}
	if b, err := json.Marshal(n.Expr); err == nil {
		return string(b)
	}
	return strings.Join(words, " ")
}
