package windows

import (
	"fmt"
	"strconv"
	"strings"

	"farmwall/rules"
)

// parseRule reads a rule string, "v2.26|Action=Allow|...|" ([MS-GPFAS] 2.2.2.19). It
// never fails: what is not understood is kept and becomes a doubt, and a string that
// is no rule says so in wrong.
func parseRule(from store, id, text string) *rule {
	r := &rule{id: id, store: from, text: text, protocol: anyProtocol}
	head, rest, found := strings.Cut(text, "|")
	if !found || !r.version(head) {
		r.wrong = "it does not begin with a version"
		return r
	}
	if rest != "" && !strings.HasSuffix(rest, "|") {
		r.doubt("its end is missing")
	}
	seen := map[string]bool{}
	parts := strings.Split(strings.TrimSuffix(rest, "|"), "|")
	if rest == "" {
		parts = nil
	}
	for _, part := range parts {
		key, value, found := strings.Cut(part, "=")
		r.fields = append(r.fields, field{key, value, found})
		k := strings.ToLower(key)
		switch {
		case !found:
			r.doubt(fmt.Sprintf("%q is no field", part))
		case seen[k] && !repeated[k]:
			r.doubt(key + " is there twice")
		default:
			seen[k] = true
			r.take(k, key, value)
		}
	}
	r.localAddress.settle()
	r.remoteAddress.settle()
	r.localPorts.ranges = rules.MergePorts(r.localPorts.ranges)
	r.remotePorts.ranges = rules.MergePorts(r.remotePorts.ranges)
	if r.profiles == 0 && !seen["profile"] {
		r.profiles = allProfiles
	}
	switch {
	case r.major != 2:
		r.doubt(fmt.Sprintf("the version %d.%d is not known", r.major, r.minor))
	case r.action == noAction && !seen["action"]:
		r.wrong = "it has no action"
	case r.direction == "" && !seen["dir"]:
		r.wrong = "it has no direction"
	}
	if r.protocol != int(rules.TCP) && r.protocol != int(rules.UDP) && !(r.localPorts.any() && r.remotePorts.any()) {
		r.doubt("it has ports in a protocol without ports")
	}
	return r
}

// repeated are the fields that may stand more than once.
var repeated = map[string]bool{"profile": true, "lport": true, "rport": true, "lport2_10": true, "rport2_10": true, "lport2_20": true,
	"lport2_24": true, "lport2_25": true, "lport2_29": true, "rport2_20": true, "rport2_25": true, "rport2_28": true,
	"la4": true, "ra4": true, "la6": true, "ra6": true, "ra42": true, "ra62": true, "if": true, "iftype": true,
	"icmp4": true, "icmp6": true, "platform": true, "ttk": true, "ttk2_22": true, "ttk2_27": true, "ttk2_28": true}

// string writes the rule's string again: byte for byte what was read.
func (r *rule) string() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v%d.%d|", r.major, r.minor)
	for _, f := range r.fields {
		b.WriteString(f.key)
		if f.valued {
			b.WriteString("=" + f.value)
		}
		b.WriteByte('|')
	}
	return b.String()
}

func (r *rule) doubt(why string) { r.doubts = append(r.doubts, brief(why)) }

func (r *rule) version(s string) bool {
	major, minor, found := strings.Cut(strings.TrimPrefix(s, "v"), ".")
	if !found || !strings.HasPrefix(s, "v") {
		return false
	}
	var ok bool
	r.major, ok = small(major, 255)
	if !ok {
		return false
	}
	r.minor, ok = small(minor, 255)
	return ok
}

// small reads a decimal number of up to three digits, without sign or leading zeros.
func small(s string, most int) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && int(n) <= most && strconv.FormatUint(n, 10) == s
}

// take decodes one field; k is the key in lower case.
func (r *rule) take(k, key, value string) {
	ok := true
	switch k {
	case "action":
		ok = r.takeAction(value)
	case "dir":
		switch value {
		case "In":
			r.direction = rules.In
		case "Out":
			r.direction = rules.Out
		default:
			ok = false
		}
	case "active":
		r.active, ok = truth(value)
	case "profile":
		bit := map[string]int{"Domain": domain, "Private": private, "Public": public}[value]
		r.profiles, ok = r.profiles|bit, bit != 0
	case "protocol":
		r.protocol, ok = small(value, 255)
	case "lport", "lport2_10", "lport2_20", "lport2_24", "lport2_25", "lport2_29":
		ok = r.localPorts.take(value, r.protocol)
	case "rport", "rport2_10", "rport2_20", "rport2_25", "rport2_28":
		ok = r.remotePorts.take(value, r.protocol)
	case "la4", "la6":
		ok = r.localAddress.take(value, k == "la4")
	case "ra4", "ra6", "ra42", "ra62":
		ok = r.remoteAddress.take(value, k == "ra4" || k == "ra42")
	case "if":
		r.interfaces = append(r.interfaces, strings.ToLower(value))
	case "iftype":
		ok = value == "Lan" || value == "Wireless" || value == "RemoteAccess"
		r.ifTypes = append(r.ifTypes, strings.ToLower(value))
	case "app":
		r.program = value
	case "svc":
		r.service = value
	case "name":
		r.name = value
	case "desc":
		r.desc = value
	case "embedctxt":
		r.group = value
	case "icmp4", "icmp6":
		ok = (k == "icmp4") == (r.protocol == 1) && (k == "icmp6") == (r.protocol == 58)
		r.icmp = append(r.icmp, value)
	default:
		ok = r.takeRare(k, value)
	}
	if !ok {
		r.doubt(fmt.Sprintf("%s=%s", key, value))
	}
}

func (r *rule) takeAction(value string) bool {
	switch value {
	case "Allow":
		r.action = allow
	case "Block":
		r.action = block
	case "ByPass":
		r.action = bypass
	default:
		return false
	}
	return true
}

// takeRare decodes the fields about who, and those that no ordinary packet notices.
func (r *rule) takeRare(k, value string) (ok bool) {
	switch k {
	case "security", "security2", "security2_9":
		r.secured = true
		return value == "Authenticate" || value == "AuthenticateEncrypt" || value == "An-NoEncap" || value == "AnE-Nego"
	case "rmauth", "ruauth":
		r.secured = true
		return value != ""
	case "luauth", "luauth2_24":
		return false // users of this host: who listens is not known
	case "apppkgid", "luown", "pfn":
		r.packaged = true
		return value != ""
	case "edge", "lsm", "lom", "pcross":
		// Edge traversal is about Teredo; the others widen what counts as an answer.
		_, ok = truth(value)
		return ok
	case "authbypassout":
		on, ok := truth(value)
		r.secured = r.secured || on
		return ok
	case "defer":
		return value == "App" || value == "User"
	case "platform":
		return r.takePlatform(value)
	case "platform2":
		if value != "GTEQ" || len(r.platform) == 0 {
			return false
		}
		r.platform[len(r.platform)-1].atLeast = true
		return true
	case "skipver":
		r.skip = value
		return true
	}
	// TTK, TTK2_22, TTK2_27, TTK2_28 (kinds of local radio traffic), NNm (network names),
	// SecurityRealmId, and whatever newer systems write.
	return false
}

func (r *rule) takePlatform(value string) bool {
	parts := strings.Split(value, ":")
	if len(parts) != 3 {
		return false
	}
	var p platform
	var ok [3]bool
	p.kind, ok[0] = small(parts[0], 7)
	p.major, ok[1] = small(parts[1], 255)
	p.minor, ok[2] = small(parts[2], 255)
	r.platform = append(r.platform, p)
	return ok[0] && ok[1] && ok[2]
}

func truth(value string) (on, ok bool) { return value == "TRUE", value == "TRUE" || value == "FALSE" }

// take reads a port, a range or a keyword.
func (p *portSet) take(value string, protocol int) bool {
	if r, ok := parsePorts(value); ok {
		p.ranges = append(p.ranges, r)
		return true
	}
	p.keywords = append(p.keywords, value)
	_, _, known := keywordPorts(value, protocol)
	return known
}
