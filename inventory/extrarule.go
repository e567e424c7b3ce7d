package inventory

import (
	"regexp"
	"slices"
)

var ruleID = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)

// reservedID names farmwall's own jump in a foreign chain.
const reservedID = "jump"

func ruleFields() []string {
	return []string{"id", "direction", "scope", "protocol", "port", "remote", "min_version", "max_version", "commentary"}
}

// readRules reads farmwall_rules: a list of maps with the catalogue's fields.
func readRules(p part, bad complaint) []ExtraRule {
	items, ok := p.items()
	if _, isText := p.any.(string); isText || !ok {
		bad(p.at, "a list of maps with id, protocol, port and so on; in INI files only Python's True, False and None are known", "%s is no list of rules", show(p.any))
		return nil
	}
	var rules []ExtraRule
	at := map[string]Position{}
	for _, item := range items {
		rule, ok := readRule(item, bad)
		if rule.ID != "" {
			if first, twice := at[rule.ID]; twice {
				bad(rule.At, "give each rule a name of its own", "rule %q stands twice, first at %s", rule.ID, first)
			} else {
				at[rule.ID] = rule.At
			}
		}
		if ok {
			rules = append(rules, rule)
		}
	}
	return rules
}

// ruleReader reads one rule and remembers whether all of it was right.
type ruleReader struct {
	part
	bad  complaint
	name string // for messages: `rule "x"`
	ok   bool
}

func (r *ruleReader) wrong(at Position, hint, format string, args ...any) {
	r.ok = false
	r.bad(at, hint, r.name+": "+format, args...)
}

// readRule reads one rule; ok is false where something in it was wrong, and then
// at most ID and At can be used.
func readRule(p part, bad complaint) (ExtraRule, bool) {
	rule := ExtraRule{At: p.at}
	m, isMap := p.any.(map[string]any)
	if !isMap {
		bad(p.at, "a map with id, protocol, port and so on", "%s is no rule", show(p.any))
		return rule, false
	}
	r := &ruleReader{part: p, bad: bad, name: "rule without id", ok: true}
	id, hasID := r.field("id")
	text, _ := id.text()
	switch {
	case !hasID || text == "":
		r.wrong(p.at, "name it with id, for example id: backup", "every rule needs a name")
	case !ruleID.MatchString(text):
		r.wrong(id.at, "1 to 64 of a-z, 0-9, dot and dash", "id %s is not allowed", show(id.any))
	case text == reservedID:
		r.wrong(id.at, "choose another", "id %q is reserved", text)
	default:
		rule.ID = text
		r.name = "rule \"" + text + "\""
	}
	for _, name := range sortedKeys(m) {
		if !slices.Contains(ruleFields(), name) {
			f, _ := r.field(name)
			r.wrong(f.at, suggestOr("those that exist: "+list(ruleFields()), name, ruleFields()...), "field %s does not exist", show(name))
		}
	}
	r.direction(&rule)
	r.protocol(&rule)
	r.remote(&rule)
	r.versions(&rule)
	if f, ok := r.field("commentary"); ok && f.any != nil {
		if rule.Commentary, ok = f.text(); !ok {
			r.wrong(f.at, "", "commentary is %s, not a text", kindOf(f.any))
		}
	}
	return rule, r.ok
}

// direction reads direction and scope, which limit each other.
func (r *ruleReader) direction(rule *ExtraRule) {
	rule.Direction = "in"
	dir, given := r.field("direction")
	if given && dir.any != nil {
		switch text, _ := dir.text(); text {
		case "in", "inbound":
		case "out", "outbound":
			rule.Direction = "out"
		case "local":
			rule.Direction = "local"
		default:
			r.wrong(dir.at, suggestOr("in, out or local", text, "in", "out", "local"), "direction %s is not known", show(dir.any))
		}
	}
	scope, scoped := r.field("scope")
	scoped = scoped && scope.any != nil
	text, _ := scope.text()
	if scoped && !slices.Contains([]string{"external", "internal", "localhost", "any"}, text) {
		r.wrong(scope.at, suggestOr("external, internal, localhost or any", text, "external", "internal", "localhost", "any"), "scope %s is not known", show(scope.any))
		return
	}
	switch rule.Direction {
	case "in":
		rule.Scope = "internal"
		if scoped {
			rule.Scope = text
		}
		if text == "localhost" && scoped {
			rule.Direction = "local"
		}
	case "out":
		rule.Scope = "any"
		if scoped {
			rule.Scope = text
		}
		if text == "localhost" || text == "external" {
			r.wrong(scope.at, "outbound scopes are any and internal", "no firewall can say outbound with scope %s", text)
		}
	case "local":
		rule.Scope = "localhost"
		if scoped && text != "localhost" {
			r.wrong(scope.at, "leave scope out", "a local rule with scope %s contradicts itself", text)
		}
	}
}

// remote reads whom the rule is for, where that is not a scope.
func (r *ruleReader) remote(rule *ExtraRule) {
	f, given := r.field("remote")
	if !given || f.any == nil {
		return
	}
	items, ok := f.items()
	if !ok || len(items) == 0 {
		r.wrong(f.at, "leave it out, or name addresses and networks", "remote names nobody")
		return
	}
	scope, scoped := r.field("scope")
	switch {
	case rule.Direction == "local":
		r.wrong(f.at, "leave remote out", "a rule for the host itself has no remotes")
	case scoped && scope.any != nil && !(rule.Direction == "out" && rule.Scope == "any"):
		r.wrong(f.at, "keep one of the two", "remote and scope %s contradict each other", show(scope.any))
	}
	for _, item := range items {
		text, _ := item.text()
		prefix, isNet := parseNetwork(text)
		switch {
		case isNet:
			rule.Remotes = append(rule.Remotes, prefix)
		case rule.Direction != "out" || !validName(text):
			hint := "write it as 10.0.0.0/8 or 2001:db8::/32"
			if validName(text) {
				hint = "a host name is possible in an outbound rule only"
			}
			r.wrong(item.at, hint, "remote %s is no network and no address", show(item.any))
		case len(items) > 1:
			r.wrong(item.at, "write a rule of its own for it", "remote %s is a host name and must stand alone", show(item.any))
		default:
			rule.RemoteName = text
		}
	}
}

// versions reads for which versions of RAS the rule is wanted.
func (r *ruleReader) versions(rule *ExtraRule) {
	for name, into := range map[string]*Version{"min_version": &rule.MinVersion, "max_version": &rule.MaxVersion} {
		f, given := r.field(name)
		if !given || f.any == nil {
			continue
		}
		text, _ := f.text()
		v, err := ParseVersion(text)
		if err != nil {
			r.wrong(f.at, "write major.minor, as in 16.5", "%s %s is no version", name, show(f.any))
		}
		*into = v
	}
	if none := (Version{}); rule.MinVersion != none && rule.MaxVersion != none && rule.MinVersion.Compare(rule.MaxVersion) > 0 {
		f, _ := r.field("max_version")
		r.wrong(f.at, "", "max_version %s is before min_version %s", rule.MaxVersion, rule.MinVersion)
	}
}
