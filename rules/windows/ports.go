package windows

import (
	"strconv"
	"strings"

	"farmwall/rules"
)

// portSet is a condition on ports: numbers and keywords, of which either is enough.
// One without both is no condition.
type portSet struct {
	ranges   []rules.PortRange // sorted and merged
	keywords []string
}

func (p *portSet) any() bool { return len(p.ranges) == 0 && len(p.keywords) == 0 }

// has says whether one of the numbers is the port.
func (p *portSet) has(port uint16) bool {
	for _, r := range p.ranges {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

// parsePorts reads "80" or "5000-5010".
func parsePorts(s string) (rules.PortRange, bool) {
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	a, ok := parsePort(first)
	b, ok2 := parsePort(last)
	return rules.PortRange{First: a, Last: b}, ok && ok2 && a <= b
}

func parsePort(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && len(s) <= 5
}

// dynamic is the ports that Windows gives to whoever asks for any (RFC 6335), for
// itself and for registered RPC servers.
var dynamic = rules.PortRange{First: 49152, Last: 65535}

// keywordPorts is where the ports of a keyword lie: exactly these (sure), or
// somewhere among them. Keywords whose ports only the host knows are taken to lie
// among its dynamic ones. ok is false for a keyword that is not known.
func keywordPorts(word string, protocol int) (ranges []rules.PortRange, sure, ok bool) {
	one := func(p uint16) []rules.PortRange { return []rules.PortRange{{First: p, Last: p}} }
	switch word {
	case "RPC-EPMap":
		return one(135), true, true
	case "RPC", "Teredo", "Ply2Disc":
		return []rules.PortRange{dynamic}, false, true
	case "IPTLSIn", "IPHTTPSIn", "IPTLSOut", "IPHTTPSOut":
		return one(443), false, true
	case "DHCP":
		return []rules.PortRange{{First: 67, Last: 68}, {First: 546, Last: 547}}, false, true
	case "mDNS":
		return one(5353), true, true
	case "TcpCDPSvc":
		return one(5040), false, true
	}
	return nil, false, false
}
