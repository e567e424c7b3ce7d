package linux

import (
	_ "embed"
	"strings"

	"farmwall/rules"
)

// fingerprintAwk holds no single quote: it stands between two.
//
//go:embed fingerprint.awk
var fingerprintAwk string

//go:embed fingerprint.sh
var fingerprintSh string

//go:embed saves.awk
var savesAwk string

//go:embed observe.sh
var observeSh string

// Observe is the one script that reads a Linux host, whoever manages it.
func (s *System) Observe() rules.Script {
	return rules.Script{Name: "observe", Shell: rules.Sh, Body: fingerprintSh + s.reads() + observeSh}
}

// reads is the managers' own functions for reading.
func (s *System) reads() string {
	var b strings.Builder
	for _, m := range s.Managers {
		b.WriteString(m.Reads())
	}
	return b.String()
}
