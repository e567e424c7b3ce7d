// Package linuxtest is what the tests of all managers are made on: a Linux host in
// namespaces of its own, changes of it through the frame, connections to it, scripts that
// die in the middle, and sets to write.
package linuxtest

import (
	"os"
	"os/exec"
	"testing"
)

// Skip ends a test that cannot run here; where skipping is forbidden it fails.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal("may not be skipped: " + reason)
	}
	t.Skip(reason)
}

// Needs skips the test unless it runs as root and the programs are installed.
func Needs(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		Skip(t, "needs root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Skip(t, p+" is not installed")
		}
	}
}

// Soak skips what only a soak runs.
func Soak(t testing.TB) {
	t.Helper()
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("only in a soak: FARMWALL_SOAK=1")
	}
}
