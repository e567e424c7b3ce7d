package inventory

import (
	"regexp"
	"slices"
	"strings"
)

// keepForm is "tcp/3389" or "tcp/3389 from 10.0.0.0/8, fd00::/8"; a protocol
// without ports stands alone.
var keepForm = regexp.MustCompile(`^\s*([A-Za-z0-9-]+)(?:/([^\s]+))?(?:\s+from\s+(.+?))?\s*$`)

const keepHint = `write it as "tcp/3389 from 10.0.0.0/8", or as a map with protocol, port and sources`

// readKeep reads farmwall_keep: flows that no change may close.
func readKeep(p part, bad complaint) []KeptFlow {
	items := []part{p}
	switch v := p.any.(type) {
	case string:
		items = nil
		// Commas separate the entries and the networks of one entry; a word without a
		// protocol belongs to the entry before it.
		for _, word := range strings.Split(v, ",") {
			word = strings.TrimSpace(word)
			if _, isNet := parseNetwork(word); isNet && len(items) > 0 {
				last := &items[len(items)-1]
				last.any = last.any.(string) + "," + word
			} else if word != "" {
				items = append(items, part{any: word, at: p.at})
			}
		}
	case []any:
		items, _ = p.items()
	}
	var list []KeptFlow
	for _, item := range items {
		flow, ok := readKeptFlow(item, bad)
		if ok {
			list = append(list, flow)
		}
	}
	return list
}

func readKeptFlow(p part, bad complaint) (KeptFlow, bool) {
	flow := KeptFlow{At: p.at}
	var protocol, port, sources part
	switch v := p.any.(type) {
	case string:
		m := keepForm.FindStringSubmatch(v)
		if m == nil {
			bad(p.at, keepHint, "%s is no flow", show(v))
			return flow, false
		}
		protocol = part{any: m[1], at: p.at}
		if port = (part{at: p.at}); m[2] != "" {
			port.any = m[2]
		}
		if sources = (part{at: p.at}); m[3] != "" {
			sources.any = m[3]
		}
	case map[string]any:
		fields := []string{"protocol", "port", "sources"}
		for _, name := range sortedKeys(v) {
			if !slices.Contains(fields, name) {
				f, _ := p.field(name)
				bad(f.at, suggestOr("those that exist: "+list(fields), name, fields...), "field %s does not exist", show(name))
			}
		}
		protocol, _ = p.field("protocol")
		port, _ = p.field("port")
		sources, _ = p.field("sources")
	default:
		bad(p.at, keepHint, "%s is no flow", show(v))
		return flow, false
	}
	right := true
	wrong := func(at Position, hint, format string, args ...any) {
		right = false
		bad(at, hint, format, args...)
	}
	text, _ := protocol.text()
	var ok bool
	if flow.Protocol, ok = parseProtocol(text); !ok {
		wrong(protocol.at, keepHint, "protocol %s is not known", show(protocol.any))
	} else if hasPorts(flow.Protocol) != (port.any != nil) {
		wrong(port.at, keepHint, "tcp and udp need a port, other protocols have none")
	} else if port.any != nil {
		ports := readPorts(port, wrong)
		switch {
		case len(ports) == 1 && ports[0].First == ports[0].Last:
			flow.Port = ports[0].First
		case len(ports) > 0:
			wrong(port.at, "write one entry for each port", "port %s is more than one port", show(port.any))
		}
	}
	if sources.any != nil {
		flow.Sources = readNetworks(sources, wrong)
		if len(flow.Sources) == 0 && right {
			wrong(sources.at, "leave sources out to mean anywhere", "sources names nobody")
		}
	}
	return flow, right
}
