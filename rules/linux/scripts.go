package linux

import (
	_ "embed"

	"farmwall/rules"
)

//go:embed fingerprint.awk
var fingerprintAwk string

//go:embed fingerprint.sh
var fingerprintSh string

//go:embed observe.sh
var observeSh string

// fingerprintShell defines the shell function fingerprints: observe and change
// must make the very same bytes. The awk text holds no single quote.
func fingerprintShell() string {
	return "FINGERPRINT='" + fingerprintAwk + "'\n" + fingerprintSh
}

// Observe is the one script that reads a Linux host, whoever manages it.
func (s *System) Observe() rules.Script {
	return rules.Script{Name: "observe", Shell: rules.Sh, Body: fingerprintShell() + observeSh}
}
