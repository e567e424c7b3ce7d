// Package windows reads Windows hosts and frames changes of their firewall. It
// reads the rules as the registry holds them, in the grammar of [MS-GPFAS], and the
// policy as COM and the registry tell it; it writes rules of our own by COM only.
package windows

import "farmwall/rules"

// System is the dialect of Windows hosts. Its zero value is ready.
type System struct{}

// New makes the dialect.
func New() *System { return &System{} }

var (
	_ rules.Dialect     = (*System)(nil)
	_ rules.PortBounder = (*System)(nil)
	_ rules.FlowKeeper  = (*System)(nil)
)
