// Package wsman is the line to the lab's Windows hosts: a WS-Management service as
// WinRM is one, which clients of others accept unchanged (MS-WSMV).
package wsman

import (
	"context"

	"farmwall/transport/lab/windows"
)

// Machine runs what the shells of a service are given: what cmd.exe /C would do.
// When the context ends the process and its children are killed. An error means
// that the process could not be started.
type Machine interface {
	Run(ctx context.Context, c windows.Command) (exit int64, err error)
}
