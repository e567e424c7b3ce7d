// Package firewalld writes our rules where firewalld rules the host: as rich rules in
// every zone that packets come in by, loaded and permanent, by the interface that its own
// commands speak. A rich rule holds no comment, so files on the host tell which are ours;
// one that was there before us is somebody else's, even where it is equal to a wanted one.
package firewalld

import (
	_ "embed"

	"farmwall/rules"
	"farmwall/rules/linux"
)

var (
	//go:embed functions.sh
	functions string
	//go:embed change.py
	change string
	//go:embed reads.sh
	reads string
	//go:embed reads.awk
	readsAwk string
)

// Manager is the firewalld manager. Its zero value is ready.
type Manager struct{}

var _ linux.Manager = Manager{}

const name = "firewalld"

// Name is "firewalld".
func (Manager) Name() string { return name }

// Functions is the shell text that tests and loads a copy; change.py stands in it between
// single quotes, so it holds none.
func (Manager) Functions() string {
	return "firewalld_py='" + change + "'\n" + linux.Compact(functions)
}

// Reads is the shell text that prints what is ours in the zones, and the rest of them.
func (Manager) Reads() string {
	return "firewalld_reads='" + linux.Compact(readsAwk) + "'\n" + linux.Compact(reads)
}

// reading is what the host was seen to be.
func reading(s *rules.State) *linux.Reading {
	r, _ := s.Native.(*linux.Reading)
	return r
}
