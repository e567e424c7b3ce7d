package inventory

import "strings"

// Role is the part a host plays in a RAS farm.
type Role string

// The roles, by the names of edition 16 of the port reference.
const (
	Gateway            Role = "gateway"
	HALB               Role = "halb"
	PublishingAgent    Role = "publishing_agent"
	Console            Role = "console"
	RDSH               Role = "rdsh"
	VDI                Role = "vdi"
	RemotePC           Role = "remote_pc"
	Reporting          Role = "reporting"
	Guest              Role = "guest"
	Client             Role = "client"
	PerformanceMonitor Role = "performance_monitor"
)

// Roles returns all roles, in the order of the port reference.
func Roles() []Role {
	return []Role{Gateway, HALB, PublishingAgent, Console, RDSH, VDI, RemotePC, Reporting, Guest, Client, PerformanceMonitor}
}

// ParseRole reads a role's name: the product's today, an older one, or ours.
// Case does not matter; blanks and dashes count as underscores.
func ParseRole(s string) (Role, bool) {
	name := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(s)))
	switch name {
	case "gateway", "secure_gateway", "secure_client_gateway", "client_secure_gateway":
		return Gateway, true
	case "halb", "halb_appliance", "halb_device", "high_availability_load_balancing", "high_availability_load_balancer":
		return HALB, true
	case "publishing_agent", "pa", "connection_broker", "broker":
		return PublishingAgent, true
	case "console", "ras_console", "ui_console", "management_console":
		return Console, true
	case "rdsh", "rdsh_agent", "rd_session_host", "rd_session_host_agent", "session_host", "remote_desktop_session_host",
		"remote_desktop_session_host_agent", "terminal_server", "terminal_server_agent":
		return RDSH, true
	case "vdi", "vdi_agent", "vdi_provider", "provider", "provider_agent":
		return VDI, true
	case "remote_pc", "remote_pc_agent", "remotepc", "remotepc_agent":
		return RemotePC, true
	case "reporting", "ras_reporting", "reporting_service", "remote_application_server_reporting":
		return Reporting, true
	case "guest", "guest_agent", "vdi_guest":
		return Guest, true
	case "client", "parallels_client", "ras_client":
		return Client, true
	case "performance_monitor", "perfmon", "ras_performance_monitor":
		return PerformanceMonitor, true
	}
	return "", false
}

// groupRole is the role that a group gives to its hosts: its name is a role's,
// or that with ras_ before it.
func groupRole(group string) (Role, bool) {
	if role, ok := ParseRole(group); ok {
		return role, true
	}
	if rest, ok := strings.CutPrefix(group, "ras_"); ok {
		return ParseRole(rest)
	}
	return "", false
}
