package windows

import (
	"slices"
	"strconv"
	"strings"
)

// condition is all of a rule that the firewall's objects show.
type condition struct {
	version                         string // "v2.26"; empty until stored
	name, description, grouping     *string
	application, service            *string
	protocol                        int
	localPorts, remotePorts         portList
	localAddresses, remoteAddresses addressList
	icmp, interfaces                []string
	direction, action, profiles     int
	interfaceTypes                  int // bits; 0 is all
	edge, secure                    int
	enabled                         bool
	rest                            []field
}

// newCondition is a rule as the class makes it (facts: conformance row 1).
func newCondition() condition {
	return condition{protocol: anyProtocol, direction: 1, action: 1, profiles: allProfiles}
}

// Null is a NULL string, which clears what an empty string would not. PowerShell
// cannot pass one.
type Null struct{}

// get reads a property: a string, an int, a bool, a []string, or nil for null.
func (c *condition) get(property string, w *world) (any, error) {
	text := func(s *string) any {
		if s == nil {
			return nil
		}
		return *s
	}
	switch strings.ToLower(property) {
	case "name":
		if c.name == nil {
			return nil, nil
		}
		return resource(*c.name), nil
	case "description":
		if c.description == nil {
			return nil, nil
		}
		return resource(*c.description), nil
	case "applicationname":
		if c.application == nil {
			return nil, nil
		}
		return expand(*c.application), nil
	case "servicename":
		return text(c.service), nil
	case "grouping":
		return text(c.grouping), nil
	case "protocol":
		return c.protocol, nil
	case "localports", "remoteports":
		p := c.localPorts
		if strings.EqualFold(property, "remoteports") {
			p = c.remotePorts
		}
		if c.protocol != 6 && c.protocol != 17 {
			return nil, nil
		}
		return p.text(w.variant.TrailingComma), nil
	case "localaddresses":
		return c.localAddresses.text(w.variant.ReverseAddresses), nil
	case "remoteaddresses":
		return c.remoteAddresses.text(w.variant.ReverseAddresses), nil
	case "icmptypesandcodes":
		if len(c.icmp) == 0 {
			return nil, nil
		}
		return strings.Join(c.icmp, ","), nil
	case "direction":
		return c.direction, nil
	case "action":
		return c.action, nil
	case "profiles":
		if c.profiles == 7 && w.variant.SevenIsAll {
			return allProfiles, nil
		}
		return c.profiles, nil
	case "interfacetypes":
		return kindsText(c.interfaceTypes), nil
	case "interfaces":
		if len(c.interfaces) == 0 {
			return nil, nil
		}
		var names []string
		for _, id := range c.interfaces {
			names = append(names, w.interfaceName(id))
		}
		return names, nil
	case "enabled":
		return c.enabled, nil
	case "edgetraversal":
		return c.edge == 1, nil
	case "edgetraversaloptions":
		return c.edge, nil
	case "secureflags":
		return c.secure, nil
	case "localapppackageid":
		return c.kept("AppPkgId"), nil
	case "localuserowner":
		return c.kept("LUOwn"), nil
	case "localuserauthorizedlist":
		return c.kept("LUAuth"), nil
	case "remoteuserauthorizedlist":
		return c.kept("RUAuth"), nil
	case "remotemachineauthorizedlist":
		return c.kept("RMAuth"), nil
	}
	return nil, ENoMember
}

func (c *condition) kept(key string) any {
	for _, f := range c.rest {
		if strings.HasPrefix(f.key, key) {
			return f.value
		}
	}
	return nil
}

// kindsText is how InterfaceTypes reads back.
func kindsText(bits int) string {
	if bits == 0 {
		return "All"
	}
	var parts []string
	for i, k := range interfaceKinds {
		if bits&(1<<i) != 0 {
			parts = append(parts, k)
		}
	}
	return strings.Join(parts, ",")
}

// set assigns one property. A value that is not right is an error and changes nothing.
func (c *condition) set(property string, value any, w *world) error {
	property = strings.ToLower(property)
	switch property {
	case "name", "description", "grouping", "applicationname", "servicename", "localports", "remoteports", "localaddresses", "remoteaddresses", "icmptypesandcodes", "interfacetypes":
		switch v := value.(type) {
		case string:
			return c.setText(property, &v, w)
		case Null:
			return c.setText(property, nil, w)
		}
		return EInvalidArg
	case "interfaces":
		return c.setInterfaces(value, w)
	case "enabled", "edgetraversal":
		on, ok := value.(bool)
		if !ok {
			return EInvalidArg
		}
		if property == "enabled" {
			c.enabled = on
		} else if on {
			c.edge = 1
		} else {
			c.edge = 0
		}
		return nil
	}
	n, ok := value.(int)
	if !ok {
		if _, err := c.get(property, w); err != nil {
			return err
		}
		return EInvalidArg
	}
	return c.setNumber(property, n)
}

func (c *condition) setNumber(property string, n int) error {
	within := func(to *int, low, high int) error {
		if n < low || n > high {
			return EInvalidArg
		}
		*to = n
		return nil
	}
	switch property {
	case "protocol":
		icmp := len(c.icmp) == 0 || n == c.protocol
		if n < 0 || n > anyProtocol || !c.localPorts.fits(n) || !c.remotePorts.fits(n) || !icmp {
			return EInvalidArg
		}
		c.protocol = n
		return nil
	case "direction":
		return within(&c.direction, 1, 2)
	case "action":
		return within(&c.action, 0, 1)
	case "profiles":
		if n == allProfiles {
			c.profiles = n
			return nil
		}
		return within(&c.profiles, 1, 7)
	case "edgetraversaloptions":
		return within(&c.edge, 0, 3)
	case "secureflags":
		return within(&c.secure, 0, 4)
	}
	return ENoMember
}

func (c *condition) setText(property string, v *string, w *world) error {
	orNull := func(to **string) error {
		*to = v
		if v != nil && *v == "" {
			*to = nil
		}
		return nil
	}
	switch property {
	case "name":
		if v == nil || *v == "" || w.variant.NameAtAssignment && badName(*v) {
			return EInvalidArg
		}
		c.name = v
		return nil
	case "description":
		if v == nil {
			return EInvalidArg
		}
		c.description = v
		return nil
	case "grouping":
		if v != nil && *v == "" && c.grouping != nil && w.variant.EmptyGrouping {
			c.grouping = v
			return nil
		}
		return orNull(&c.grouping)
	case "applicationname":
		return orNull(&c.application)
	case "servicename":
		return orNull(&c.service)
	case "localports":
		return c.setPorts(&c.localPorts, v, false)
	case "remoteports":
		return c.setPorts(&c.remotePorts, v, true)
	case "localaddresses", "remoteaddresses":
		if v == nil {
			return EInvalidArg
		}
		a, err := parseAddresses(*v)
		if err != nil {
			return err
		}
		if property == "localaddresses" {
			c.localAddresses = a
		} else {
			c.remoteAddresses = a
		}
		return nil
	case "icmptypesandcodes":
		return c.setICMP(v)
	case "interfacetypes":
		if v == nil {
			return EInvalidArg
		}
		bits, err := parseKinds(*v)
		if err == nil {
			c.interfaceTypes = bits
		}
		return err
	}
	return ENoMember
}

func (c *condition) setPorts(to *portList, v *string, remote bool) error {
	if v == nil {
		*to = portList{}
		return nil
	}
	p, err := parsePorts(*v, c.protocol, remote)
	if err == nil {
		*to = p
	}
	return err
}

// setICMP reads "TYPE:CODE,..."; TYPE and CODE are 0 to 255, and CODE may be *.
func (c *condition) setICMP(v *string) error {
	if v == nil || *v == "*" {
		c.icmp = nil
		return nil
	}
	if c.protocol != 1 && c.protocol != 58 {
		return EInvalidArg
	}
	var out []string
	for _, part := range strings.Split(*v, ",") {
		kind, number, ok := strings.Cut(part, ":")
		if _, err := strconv.ParseUint(kind, 10, 8); err != nil || !ok {
			return EInvalidArg
		}
		if _, err := strconv.ParseUint(number, 10, 8); err != nil && number != "*" {
			return EInvalidArg
		}
		out = append(out, part)
	}
	c.icmp = out
	return nil
}

func parseKinds(text string) (int, error) {
	bits, all := 0, text == ""
	if all {
		return 0, nil
	}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		i := slices.IndexFunc(interfaceKinds, func(k string) bool { return strings.EqualFold(k, part) })
		switch {
		case strings.EqualFold(part, "All"):
			all = true
		case i < 0:
			return 0, EInvalidArg
		default:
			bits |= 1 << i
		}
	}
	if all {
		return 0, nil
	}
	return bits, nil
}

func (c *condition) setInterfaces(value any, w *world) error {
	names, ok := value.([]string)
	if _, null := value.(Null); !ok && !null {
		return EInvalidArg
	}
	var ids []string
	for _, n := range names {
		id, ok := w.interfaceID(n)
		if !ok {
			return EInvalidArg
		}
		ids = append(ids, id)
	}
	c.interfaces = ids
	return nil
}

// badName says whether no stored rule may have that name.
func badName(name string) bool { return strings.EqualFold(name, "all") || strings.Contains(name, "|") }

// storable says why Add refuses the rule.
func (c *condition) storable() error {
	if c.name == nil || badName(*c.name) {
		return EInvalidArg
	}
	for _, s := range []*string{c.description, c.grouping, c.application, c.service} {
		if s != nil && strings.Contains(*s, "|") {
			return EInvalidArg
		}
	}
	if c.edge == 3 && (c.application == nil || c.protocol != 6 && c.protocol != 17) {
		return EInvalidArg
	}
	return nil
}
