package windows

import (
	"slices"
	"strconv"
	"strings"
)

// portList is the ports condition of a rule; empty is any.
type portList struct {
	keywords []string
	ranges   [][2]uint16 // begin, end
}

// portWord is a keyword that stands for ports: how COM and the registry spell it, the
// protocol it needs, and where it may stand (MS-GPFAS 2.2.2.2 and 2.2.2.3).
type portWord struct {
	com      string
	protocol int
	local    string // the value in LPort, "" where it may not stand there
	remote   string
	since    string // "", "2_10" or "2_20": what is appended to LPort
}

var portWords = []portWord{
	{com: "RPC", protocol: 6, local: "RPC"},
	{com: "RPC-EPMap", protocol: 6, local: "RPC-EPMap"},
	{com: "Teredo", protocol: 17, local: "Teredo"},
	{com: "IPHTTPS", protocol: 6, local: "IPHTTPSIn", remote: "IPHTTPSOut", since: "2_10"},
	{com: "IPTLS", protocol: 6, local: "IPTLSIn", remote: "IPTLSOut", since: "2_10"},
	{com: "Ply2Disc", protocol: 17, local: "Ply2Disc", since: "2_20"},
	{com: "mDNS", protocol: 17, local: "mDNS", since: "2_24"},
}

func (w portWord) spelling(remote bool) string {
	if remote {
		return w.remote
	}
	return w.local
}

// parsePorts reads what a caller assigns to LocalPorts or RemotePorts.
func parsePorts(text string, protocol int, remote bool) (portList, error) {
	var p portList
	if protocol != 6 && protocol != 17 {
		return p, EInvalidArg
	}
	if text == "*" {
		return p, nil
	}
	text = strings.TrimSuffix(text, ",") // as keywords read back
	if text == "" {
		return p, EInvalidArg
	}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if i := slices.IndexFunc(portWords, func(w portWord) bool { return strings.EqualFold(w.com, part) }); i >= 0 {
			w := portWords[i]
			if w.protocol != protocol || w.spelling(remote) == "" {
				return portList{}, EInvalidArg
			}
			p.keywords = append(p.keywords, w.com)
			continue
		}
		r, err := parsePortRange(part)
		if err != nil {
			return portList{}, err
		}
		p.ranges = append(p.ranges, r)
	}
	return p, nil
}

// parsePortRange reads "80" or "5000-5010".
func parsePortRange(text string) (r [2]uint16, err error) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	for i, s := range []string{first, last} {
		if s == "" || strings.Trim(s, "0123456789") != "" {
			return r, EInvalidData
		}
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n == 0 {
			return r, EInvalidArg
		}
		r[i] = uint16(n)
	}
	if r[0] > r[1] {
		return r, EInvalidArg
	}
	return r, nil
}

func (p portList) any() bool { return len(p.keywords) == 0 && len(p.ranges) == 0 }

// fits says whether the ports may stand in a rule of that protocol.
func (p portList) fits(protocol int) bool {
	if p.any() {
		return true
	}
	if protocol != 6 && protocol != 17 {
		return false
	}
	for _, k := range p.keywords {
		for _, w := range portWords {
			if w.com == k && w.protocol != protocol {
				return false
			}
		}
	}
	return true
}

// text is how COM reads the list back.
func (p portList) text(comma bool) string {
	if p.any() {
		return "*"
	}
	parts := slices.Clone(p.keywords)
	for _, r := range p.ranges {
		parts = append(parts, rangeText(r))
	}
	s := strings.Join(parts, ",")
	if comma && len(p.keywords) > 0 {
		s += ","
	}
	return s
}

func rangeText(r [2]uint16) string {
	if r[0] == r[1] {
		return strconv.Itoa(int(r[0]))
	}
	return strconv.Itoa(int(r[0])) + "-" + strconv.Itoa(int(r[1]))
}

// fields writes the list as fields of a registry string; kind is LPort or RPort.
func (p portList) fields(kind string) []field {
	var out []field
	for _, k := range p.keywords {
		for _, w := range portWords {
			if w.com == k {
				out = append(out, field{kind + w.since, w.spelling(kind == "RPort")})
			}
		}
	}
	for _, r := range p.ranges {
		name := kind
		if r[0] != r[1] {
			name += "2_10"
		}
		out = append(out, field{name, rangeText(r)})
	}
	return out
}

// addField reads one LPort or RPort field; false where it is not known.
func (p *portList) addField(value string, remote bool) bool {
	for _, w := range portWords {
		if s := w.spelling(remote); s != "" && s == value {
			p.keywords = append(p.keywords, w.com)
			return true
		}
	}
	r, err := parsePortRange(value)
	if err != nil {
		return false
	}
	p.ranges = append(p.ranges, r)
	return true
}
