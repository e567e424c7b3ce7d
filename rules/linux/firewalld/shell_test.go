package firewalld

import (
	"testing"

	"farmwall/rules/linux/linuxtest"
)

// TestShellcheck has the manager's own functions checked; what they use of the frame is
// not there, so names that are set or used elsewhere are let be.
func TestShellcheck(t *testing.T) {
	linuxtest.Shellcheck(t, "firewalld", "#!/bin/sh\n"+Manager{}.Functions()+Manager{}.Reads(), "SC2154", "SC2034")
}
