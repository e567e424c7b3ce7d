package windows

import (
	"encoding/json"
	"fmt"
	"strings"

	"farmwall/rules"
)

// exact makes a target of a saved undo: everything of ours goes off, and the rules
// that it tells of are made again, hand edits and all. What COM cannot make again
// makes the host refuse. Any other copy stays as it is.
func exact(c rules.Copy) rules.Copy {
	var kind map[string]json.RawMessage
	if json.Unmarshal(c, &kind) != nil || kind["rules"] == nil {
		return c
	}
	t := &targetCopy{Format: format, Keep: []string{}, Add: []addition{}, Off: []string{}, All: true}
	var u undoCopy
	if err := decodeStrict(c, &u); err != nil {
		t.Refuse = "the saved rules cannot be read: " + err.Error()
		return encode(t)
	}
	names := map[string]bool{}
	for _, saved := range u.Rules {
		r := parseRule(local, "", saved.Text)
		p := readPart(r)
		why := cannotMake(r)
		switch {
		case p.mark == "" || r.name != saved.Name:
			why = "its name is none that farmwall gives"
		case names[fmt.Sprint(p.mark, ":", p.number)]:
			why = "it has a twin"
		}
		if why != "" {
			t.Refuse = fmt.Sprintf("rule %s cannot be made again as it was: %s", brief(saved.Name), why)
			break
		}
		names[fmt.Sprint(p.mark, ":", p.number)] = true
		t.Add = append(t.Add, remake(r, &p))
	}
	return encode(t)
}

// cannotMake says what of a rule COM has no property for.
func cannotMake(r *rule) string {
	switch {
	case r.wrong != "":
		return r.wrong
	case len(r.doubts) > 0:
		return strings.Join(r.doubts, ", ")
	case r.action == bypass || r.secured || r.packaged:
		return "it is about users, machines or packages"
	case len(r.interfaces) > 0:
		return "it names interfaces"
	case len(r.platform) > 0 || r.skip != "":
		return "it names versions of Windows"
	}
	for _, f := range r.fields {
		switch strings.ToLower(f.key) {
		case "lsm", "lom", "pcross", "authbypassout", "ra42", "ra62", "security", "security2", "security2_9":
			return "it has the field " + f.key
		}
	}
	return ""
}

// remake is the rule as an addition with all of its properties.
func remake(r *rule, p *part) addition {
	remotes := addressText(r, "ra4", "ra6")
	if remotes == "" {
		remotes = "*"
	}
	a := addition{Mark: p.mark, Part: p.number, Description: r.desc, Direction: 1, Protocol: r.protocol, RemoteAddresses: remotes,
		LocalPorts: fieldsText(r, "lport"), RemotePorts: fieldsText(r, "rport")}
	if r.direction == rules.Out {
		a.Direction = 2
	}
	more := &again{Grouping: &r.group, Enabled: &r.active}
	set := func(to **string, value string) {
		if value != "" {
			*to = &value
		}
	}
	set(&more.ApplicationName, r.program)
	set(&more.ServiceName, r.service)
	set(&more.IcmpTypes, strings.Join(r.icmp, ","))
	set(&more.LocalAddresses, addressText(r, "la4", "la6"))
	set(&more.InterfaceTypes, fieldsText(r, "iftype"))
	number := func(n int) *int { return &n }
	if r.action == block {
		more.Action = number(0)
	}
	if r.profiles != allProfiles {
		more.Profiles = number(r.profiles)
	}
	if edge := edgeOption(r); edge != 0 {
		more.Edge = number(edge)
	}
	a.Again = more
	return a
}

// edgeOption is NET_FW_EDGE_TRAVERSAL_TYPE: 1 allow, 2 defer to the program, 3 to the user.
func edgeOption(r *rule) int {
	option := 0
	for _, f := range r.fields {
		switch f.key + "=" + f.value {
		case "Edge=TRUE":
			option = max(option, 1)
		case "Defer=App":
			option = 2
		case "Defer=User":
			option = 3
		}
	}
	return option
}

// fieldsText joins the values of a field and its later forms (LPort, LPort2_10 ...).
func fieldsText(r *rule, key string) string {
	var texts []string
	for _, f := range r.fields {
		if k := strings.ToLower(f.key); k == key || strings.HasPrefix(k, key+"2_") {
			texts = append(texts, f.value)
		}
	}
	return strings.Join(texts, ",")
}

// addressText joins the values of the two families; a keyword that stands in both is
// one word for COM.
func addressText(r *rule, v4, v6 string) string {
	var texts []string
	seen := map[string]bool{}
	for _, f := range r.fields {
		if k := strings.ToLower(f.key); (k == v4 || k == v6) && !seen[f.value] {
			seen[f.value] = true
			texts = append(texts, f.value)
		}
	}
	return strings.Join(texts, ",")
}
