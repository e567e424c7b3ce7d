package wsman

import "time"

// Release is a version of Windows, as far as WinRM differs.
type Release string

// The releases with settings of their own; empty means the last of them.
const (
	Server2008R2 Release = "2008r2" // WinRM 2.0
	Server2012R2 Release = "2012r2"
	Server2016   Release = "2016" // and later
)

// Quotas are the limits of winrm/config and winrm/config/winrs. Zero is zero, not
// without limit.
type Quotas struct {
	MaxEnvelopeSizekb              uint32
	MaxConcurrentOperationsPerUser uint32
	MaxConnections                 uint32
	IdleTimeout                    time.Duration // of a shell
	MaxConcurrentUsers             uint32
	MaxProcessesPerShell           uint32
	MaxMemoryPerShellMB            uint32
	MaxShellsPerUser               uint32
	// MaxCommandsPerShell is a plug-in quota (1000 from 2012 on).
	MaxCommandsPerShell uint32
}

const unlimited = 2147483647

// Quotas are a release's defaults (Config of each, as real hosts answer it).
func (r Release) Quotas() Quotas {
	switch r {
	case Server2008R2:
		return Quotas{150, 15, 25, 3 * time.Minute, 5, 15, 150, 5, unlimited}
	case Server2012R2:
		return Quotas{500, 1500, 300, 2 * time.Hour, 10, 25, 1024, 30, 1000}
	}
	return Quotas{500, 1500, 300, 2 * time.Hour, unlimited, unlimited, unlimited, unlimited, 1000}
}

// stack is the version in an Identify answer.
func (r Release) stack() (os, stack string) {
	switch r {
	case Server2008R2:
		return "6.1.7601 SP: 1.0", "2.0"
	case Server2012R2:
		return "6.3.9600 SP: 0.0", "3.0"
	}
	return "10.0.14393 SP: 0.0", "3.0"
}

// modern: answers carry an activity id and CreateResponse a whole rsp:Shell.
func (r Release) modern() bool { return r != Server2008R2 }
