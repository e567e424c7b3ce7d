package inventory

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
