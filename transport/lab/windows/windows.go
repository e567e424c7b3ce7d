// Package windows is the Windows host of the lab: its own model of the Windows
// Firewall, of the registry, the task scheduler and the services, and engines that
// run what a shell is given. The lines to it (WinRM, SSH) are packages of their own.
package windows

import (
	"io"
	"net/netip"
)

// Command is one command line on its way to a host's cmd.exe.
type Command struct {
	Line string
	Env  map[string]string
	// User is who logged on, DOMAIN\name; Admin says whether that token is elevated.
	User  string
	Admin bool
	// Client and Local are the two ends of the connection that asks.
	Client, Local  netip.AddrPort
	Stdin          io.Reader // nil: nothing, at its end
	Stdout, Stderr io.Writer
}
