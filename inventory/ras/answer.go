package ras

import (
	"encoding/json"
	"fmt"
	"strings"
)

// parseAgents reads the answer to GET /api/Agent: a list of objects. Only server,
// serverType, ip, agentVer and siteId are looked at; numbers and texts are the same
// here, and the case of names does not matter.
func parseAgents(body []byte) ([]Agent, error) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("/api/Agent: the answer is no list of agents: %w", err)
	}
	var agents []Agent
	for i, object := range list {
		field := func(names ...string) string {
			for _, name := range names {
				for key, value := range object {
					if strings.EqualFold(key, name) {
						return scalar(value)
					}
				}
			}
			return ""
		}
		a := Agent{Server: field("server", "name"), Type: field("serverType", "type"), Version: field("agentVer", "agentVersion"), Site: field("siteId")}
		_, kind := a.role()
		if kind == noHostKind {
			continue
		}
		var ok bool
		a.Addresses, ok = addresses(field("ip"))
		switch {
		case kind == unknownKind:
			return nil, fmt.Errorf("/api/Agent: entry %d has the server type %q, which farmwall does not know", i+1, a.Type)
		case !validServer(a.Server):
			return nil, fmt.Errorf("/api/Agent: entry %d: %q is no name of a host", i+1, a.Server)
		case !ok:
			return nil, fmt.Errorf("/api/Agent: entry %d: host %q has an address that is none", i+1, a.Server)
		}
		agents = append(agents, a)
	}
	return agents, nil
}

// scalar is a text or a number as text; anything else is empty.
func scalar(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.TrimSpace(text)
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return ""
}
