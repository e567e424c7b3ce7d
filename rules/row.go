package rules

import "farmwall/inventory"

// Scope says from where a row's flow comes.
type Scope string

// The scopes of the port reference.
const (
	External  Scope = "external"
	Internal  Scope = "internal"
	Localhost Scope = "localhost"
	AnyScope  Scope = "any"
)

// Row is one row of the port reference, or one directed flow of a newer
// edition.
type Row struct {
	ID        string           `json:"id"`
	Edition   string           `json:"edition"`
	Component string           `json:"component"` // as the source writes it
	Roles     []inventory.Role `json:"roles"`     // whose hosts get the rule; empty: no role of ours
	Direction string           `json:"direction"` // "in", "out" or "local"
	Scope     Scope            `json:"scope"`
	Protocol  Protocol         `json:"protocol"`
	Port      uint16           `json:"port,omitempty"` // 0 for a protocol without ports
	// Condition is the source's words; When is what they mean: names of settings
	// that must all be on ("ssl", "rdp_udp", "client_manager", "rdp_load_balancing", "direct_mode",
	// "agent_push").
	Condition string   `json:"condition,omitempty"`
	When      []string `json:"when,omitempty"`
	// Peers are the roles that start the flow; empty: not known, so the whole farm.
	Peers []inventory.Role `json:"peers,omitempty"`
	// Clients says when ras_client_networks and members with the role client are
	// sources of an internal row too: "always", "direct_mode", or never (empty).
	Clients string `json:"clients,omitempty"`
	// From and To are the ends of a directed flow as its source names them; empty
	// in edition 16.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Remote is the endpoint of an outbound row: a host name, or "2FA Server".
	Remote     string `json:"remote,omitempty"`
	MinVersion string `json:"min_version,omitempty"`
	MaxVersion string `json:"max_version,omitempty"`
	Commentary string `json:"commentary,omitempty"`
	Lines      []int  `json:"lines,omitempty"`  // in the user's port reference
	Source     string `json:"source,omitempty"` // for newer editions
	// Advice is what whoever gets this row's rule should know.
	Advice string `json:"advice,omitempty"`
	// Replaces is the row of an earlier edition that this one stands in for,
	// where its version bounds fit.
	Replaces string `json:"replaces,omitempty"`
}
