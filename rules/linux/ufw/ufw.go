// Package ufw writes our rules where ufw rules the host: into the rule files that ufw
// itself keeps, as ufw writes them, and into the chains that these are loaded into. ufw
// persists at once, so each rule has two places, and both are compared.
package ufw

import (
	_ "embed"

	"farmwall/rules"
	"farmwall/rules/linux"
)

var (
	//go:embed functions.sh
	functions string
	//go:embed splice.awk
	splice string
	//go:embed reads.sh
	reads string
)

// Manager is the ufw manager. Its zero value is ready.
type Manager struct{}

var _ linux.Manager = Manager{}

// name is the manager's name, that of its section, and that of the place that is loaded.
const name = "ufw"

// filesPlace is the place of what ufw loads at its next start.
const filesPlace = "ufw user.rules"

// Name is "ufw".
func (Manager) Name() string { return name }

// Functions is the shell text that tests and loads a copy; splice.awk stands in it
// between single quotes, so it holds none.
func (Manager) Functions() string {
	return "ufw_splice='" + linux.Compact(splice) + "'\n" + linux.Compact(functions)
}

// Reads is the shell text that prints what is ours in ufw's files, and the rest of them.
func (Manager) Reads() string { return linux.Compact(reads) }

// reading is what the host was seen to be.
func reading(s *rules.State) *linux.Reading {
	r, _ := s.Native.(*linux.Reading)
	return r
}
