package firewalld

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestShellcheck has the manager's own functions checked; what they use of the frame is
// not there, so names that are set or used elsewhere are let be.
func TestShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
			t.Fatal("may not be skipped: shellcheck is not installed")
		}
		t.Skip("shellcheck is not installed")
	}
	cmd := exec.Command("shellcheck", "-s", "sh", "-e", "SC2016,SC2317,SC2154,SC2034", "-")
	cmd.Stdin = strings.NewReader("#!/bin/sh\n" + Manager{}.Functions() + Manager{}.Reads())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
