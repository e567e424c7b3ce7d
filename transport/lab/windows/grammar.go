package windows

import (
	"slices"
	"strconv"
	"strings"
)

// field is one KEY=VALUE of a rule's registry string (MS-GPFAS 2.2.2.19).
type field struct{ key, value string }

// split cuts a rule's registry string into its version and its fields.
func split(text string) (version string, fields []field) {
	parts := strings.Split(text, "|")
	for i, p := range parts {
		key, value, ok := strings.Cut(p, "=")
		switch {
		case i == 0:
			version = p
		case ok:
			fields = append(fields, field{key, value})
		case p != "":
			fields = append(fields, field{key: p})
		}
	}
	return version, fields
}

// perUser says whether the string is of a rule that a log-on or a package made.
func perUser(text string) bool {
	return strings.Contains(text, "|AppPkgId=") || strings.Contains(text, "|LUOwn=")
}

// profileBits are the registry's names of the profiles, in the order of their bits.
var profileBits = []string{"Domain", "Private", "Public"}

// interfaceKinds are InterfaceTypes' tokens in the order of their bits.
var interfaceKinds = []string{"Lan", "Wireless", "RemoteAccess"}

// All profiles, and every protocol.
const (
	allProfiles = 0x7FFFFFFF
	anyProtocol = 256
)

// readRule reads a rule's registry string. What the firewall's objects cannot show
// is kept and written again.
func readRule(text string) condition {
	version, fields := split(text)
	c := newCondition()
	c.version, c.profiles = version, 0
	for _, f := range fields {
		if !c.read(f) {
			c.rest = append(c.rest, f)
		}
	}
	if c.profiles == 0 {
		c.profiles = allProfiles
	}
	return c
}

func (c *condition) read(f field) bool {
	text := func(to **string) bool { *to = &f.value; return true }
	switch f.key {
	case "Action":
		c.action = 0
		if f.value == "Allow" {
			c.action = 1
		}
		return f.value == "Allow" || f.value == "Block"
	case "Active":
		c.enabled = strings.EqualFold(f.value, "TRUE")
	case "Dir":
		c.direction = 1
		if f.value == "Out" {
			c.direction = 2
		}
	case "Protocol":
		n, err := strconv.Atoi(f.value)
		if err != nil {
			return false
		}
		c.protocol = n
	case "Profile":
		i := slices.Index(profileBits, f.value)
		if i < 0 {
			return false
		}
		c.profiles |= 1 << i
	case "LPort", "LPort2_10", "LPort2_20", "LPort2_24":
		return c.localPorts.addField(f.value, false)
	case "RPort", "RPort2_10":
		return c.remotePorts.addField(f.value, true)
	case "LA4", "LA6":
		return c.localAddresses.addField(f.value)
	case "RA4", "RA6":
		return c.remoteAddresses.addField(f.value)
	case "ICMP4", "ICMP6":
		c.icmp = append(c.icmp, f.value)
	case "IF":
		c.interfaces = append(c.interfaces, f.value)
	case "IFType":
		i := slices.Index(interfaceKinds, f.value)
		if i < 0 {
			return false
		}
		c.interfaceTypes |= 1 << i
	case "App":
		return text(&c.application)
	case "Svc":
		return text(&c.service)
	case "Name":
		return text(&c.name)
	case "Desc":
		return text(&c.description)
	case "EmbedCtxt":
		return text(&c.grouping)
	case "Edge":
		c.edge = 1
		return f.value == "TRUE"
	case "Defer":
		c.edge = 2
		if f.value == "User" {
			c.edge = 3
		}
	case "Security":
		c.secure = 1 + slices.Index(securityWords, f.value)
		return c.secure > 0
	default:
		return false
	}
	return true
}

// securityWords are the values of Security for SecureFlags 1 to 4.
var securityWords = []string{"AnNoEncap", "Authenticate", "AuthDynEnc", "AuthenticateEncrypt"}

// registry writes the rule as Windows stores it.
func (c *condition) registry() string {
	var b strings.Builder
	b.WriteString(c.version)
	b.WriteByte('|')
	put := func(key, value string) {
		b.WriteString(key)
		b.WriteByte('=')
		b.WriteString(value)
		b.WriteByte('|')
	}
	all := func(fields []field) {
		for _, f := range fields {
			put(f.key, f.value)
		}
	}
	text := func(key string, value *string) {
		if value != nil {
			put(key, *value)
		}
	}
	put("Action", [2]string{"Block", "Allow"}[c.action&1])
	put("Active", map[bool]string{true: "TRUE", false: "FALSE"}[c.enabled])
	put("Dir", [2]string{"In", "Out"}[(c.direction-1)&1])
	if c.protocol != anyProtocol {
		put("Protocol", strconv.Itoa(c.protocol))
	}
	if c.profiles != allProfiles && c.profiles&7 != 7 {
		for i, p := range profileBits {
			if c.profiles&(1<<i) != 0 {
				put("Profile", p)
			}
		}
	}
	for _, v := range c.icmp {
		put(map[bool]string{true: "ICMP4", false: "ICMP6"}[c.protocol == 1], v)
	}
	all(c.localPorts.fields("LPort"))
	all(c.remotePorts.fields("RPort"))
	all(c.localAddresses.fields("LA"))
	all(c.remoteAddresses.fields("RA"))
	for _, v := range c.interfaces {
		put("IF", v)
	}
	for i, k := range interfaceKinds {
		if c.interfaceTypes&(1<<i) != 0 {
			put("IFType", k)
		}
	}
	text("App", c.application)
	text("Svc", c.service)
	text("Name", c.name)
	text("Desc", c.description)
	text("EmbedCtxt", c.grouping)
	switch c.edge {
	case 1:
		put("Edge", "TRUE")
	case 2:
		put("Defer", "App")
	case 3:
		put("Defer", "User")
	}
	if c.secure > 0 {
		put("Security", securityWords[c.secure-1])
	}
	all(c.rest)
	return b.String()
}

// withActive changes nothing but the field Active of a registry string.
func withActive(text string, on bool) string {
	was, is := "|Active=TRUE|", "|Active=FALSE|"
	if on {
		was, is = is, was
	}
	return strings.Replace(text, was, is, 1)
}
