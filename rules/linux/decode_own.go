package linux

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"farmwall/rules"
)

// jumpText is a jump of ours in a dormant table, which the JSON leaves out.
var jumpText = regexp.MustCompile(`^(?:.* )?(?:jump|goto) ([^ ]+) comment "(.*)"$`)

// decodeOwn notes what is ours in nft's own words, and facts that its JSON leaves out.
func (r *Reading) decodeOwn(t *streams) error {
	r.OwnText = map[string]string{}
	place, body := "", strings.Builder{}
	for _, line := range slices.Concat(t.own, t.jumps, t.facts) {
		f := strings.Fields(line)
		switch {
		case place != "":
			body.WriteString(line + "\n")
			if line == "}" {
				r.OwnText[place] += body.String()
				place = ""
				body.Reset()
			}
		case len(f) == 4 && f[0] == "table" && f[3] == "{":
			place = strings.Join(f[:3], " ")
			body.WriteString(line + "\n")
		case len(f) >= 5 && f[0] == "jump":
			if err := r.addJump(line); err != nil {
				return err
			}
		case len(f) == 3 && f[0] == "dormant":
			t := r.Ruleset.Find(f[1], f[2])
			if t == nil { // observe leaves dormant tables out of the JSON
				t = &Table{Family: f[1], Name: f[2], Sets: map[string]*NamedSet{}}
				r.Ruleset.Tables = append(r.Ruleset.Tables, t)
			}
			t.Dormant = true
		case len(f) >= 5 && f[0] == "devices":
			if t := r.Ruleset.Find(f[1], f[2]); t != nil && t.Chain(f[3]) != nil {
				t.Chain(f[3]).Devices = f[4:]
			}
		case line == "":
		default:
			return fmt.Errorf("among what is ours stands %s", brief([]byte(line)))
		}
	}
	if place != "" {
		return fmt.Errorf("the text of %s has no end", place)
	}
	return r.checkTexts(t)
}

// addJump reads "jump FAMILY TABLE CHAIN INDEX TEXT".
func (r *Reading) addJump(line string) error {
	f := strings.SplitN(line, " ", 6)
	if len(f) < 6 {
		return fmt.Errorf("a rule of ours is %s", brief([]byte(line)))
	}
	index, err := strconv.Atoi(f[4])
	if err != nil || index < 0 {
		return fmt.Errorf("a rule of ours is %s", brief([]byte(line)))
	}
	j := Jump{Family: f[1], Table: f[2], Chain: f[3], Index: index, Text: f[5]}
	if rule := r.rule(j); rule != nil {
		j.Comment = rule.Comment
		j.Target = rule.target()
	} else if m := jumpText.FindStringSubmatch(j.Text); m != nil {
		j.Target, j.Comment = m[1], m[2]
	}
	r.Jumps = append(r.Jumps, j)
	return nil
}

// rule is the rule in the JSON that a jump of the text is, or nil.
func (r *Reading) rule(j Jump) *NftRule {
	t := r.Ruleset.Find(j.Family, j.Table)
	if t == nil {
		return nil
	}
	c := t.Chain(j.Chain)
	if c == nil || j.Index >= len(c.Rules) {
		return nil
	}
	return c.Rules[j.Index]
}

// target is the chain that the rule jumps or goes to, empty where it does not.
func (r *NftRule) target() string {
	for _, e := range r.Expr {
		var v struct {
			Jump, Goto *struct{ Target string }
		}
		if json.Unmarshal(e, &v) != nil {
			continue
		}
		if v.Jump != nil {
			return v.Jump.Target
		}
		if v.Goto != nil {
			return v.Goto.Target
		}
	}
	return ""
}

// ownChain says whether a chain in a foreign table is ours by its name.
func ownChain(name string) bool { return name == "farmwall_in" || name == "farmwall_out" }

// checkTexts compares nft's text with its JSON where a hostile or broken name or
// comment could make the text say something else, and where the two are of
// different moments.
func (r *Reading) checkTexts(text *streams) error {
	r.checkNames()
	if len(r.Unreadable) == 0 && r.moved(text) {
		return rules.ErrMoving
	}
	jumps := map[string]bool{}
	for _, j := range r.Jumps {
		jumps[fmt.Sprint(j.Family, " ", j.Table, " ", j.Chain, " ", j.Index)] = true
	}
	for _, t := range r.Ruleset.Tables {
		for _, c := range t.Chains {
			if t.Own() || ownChain(c.Name) || text.skip[t.Family+" "+t.Name] {
				continue
			}
			for i, rule := range c.Rules {
				found := jumps[fmt.Sprint(t.Family, " ", t.Name, " ", c.Name, " ", i)]
				if found != strings.HasPrefix(rule.Comment, rules.Prefix) {
					r.unreadable("%s reads differently in nft's text and in its JSON", ruleName(t, c, i))
				}
			}
		}
	}
	return nil
}

func (r *Reading) unreadable(format string, args ...any) {
	r.Unreadable = append(r.Unreadable, fmt.Sprintf(format, args...))
}

func ruleName(t *Table, c *Chain, index int) string {
	return fmt.Sprintf("%s chain %s rule %d", t.Place(), brief([]byte(c.Name)), index+1)
}

// checkNames looks for names and comments that nft's text cannot say.
func (r *Reading) checkNames() {
	for _, t := range r.Ruleset.Tables {
		if !plainName(t.Name) {
			r.unreadable("table %s has a name that nft's own text cannot say", brief([]byte(t.Name)))
		}
		for _, s := range t.Sets {
			if !plainName(s.Name) {
				r.unreadable("%s holds a set with the name %s, which nft's own text cannot say", t.Place(), brief([]byte(s.Name)))
			}
		}
		for _, c := range t.Chains {
			if !plainName(c.Name) {
				r.unreadable("%s holds a chain with the name %s, which nft's own text cannot say", t.Place(), brief([]byte(c.Name)))
			}
			for i, rule := range c.Rules {
				if !plain(rule.Comment) {
					r.unreadable("%s has a line break or control byte in its comment", ruleName(t, c, i))
				}
			}
		}
	}
}

// moved says whether chains or the handles of their rules differ between text and
// JSON: a rule that is made again has another handle. Rules that are the same get
// their text.
func (r *Reading) moved(text *streams) bool {
	chains := map[string][]*NftRule{}
	for _, t := range r.Ruleset.Tables {
		for _, c := range t.Chains {
			if !t.Dormant && !text.skip[t.Family+" "+t.Name] && !strings.HasPrefix(c.Name, "__") { // nft's own name for a chain without one
				chains[t.Family+" "+t.Name+" "+c.Name] = c.Rules
			}
		}
	}
	seen := 0
	for i := range text.chains {
		c := &text.chains[i]
		family, name, _ := strings.Cut(c.table, " ")
		if t := r.Ruleset.Find(family, name); t != nil && t.Dormant {
			continue
		}
		list, ok := chains[c.table+" "+c.chain]
		if !ok {
			return true
		}
		seen++
		if !c.nested && !slices.EqualFunc(c.handles, list, func(h int, rule *NftRule) bool { return h == rule.Handle }) {
			return true
		}
		if !c.nested {
			for j, rule := range list {
				rule.Text = c.texts[j]
			}
		}
	}
	return seen != len(chains)
}

// plainName says whether a name is one word.
func plainName(s string) bool {
	return s != "" && plain(s) && !strings.ContainsAny(s, " \"'{};,@")
}
