//go:build !linux

package ssh

import "net"

// quicken is for Linux only: no other system lets a program ask for it.
func quicken(c net.Conn) net.Conn { return c }
