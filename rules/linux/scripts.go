package linux

import (
	_ "embed"

	"farmwall/rules"
)

// fingerprintAwk holds no single quote: it stands between two.
//
//go:embed fingerprint.awk
var fingerprintAwk string

//go:embed fingerprint.sh
var fingerprintSh string

//go:embed observe.sh
var observeSh string

// Observe is the one script that reads a Linux host, whoever manages it.
func (s *System) Observe() rules.Script {
	return rules.Script{Name: "observe", Shell: rules.Sh, Body: fingerprintSh + observeSh}
}
