package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// theBinary is built once a test process.
var theBinary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("FARMWALL_TEST_BINARY"); path != "" { // an inner run uses the outer one's
		return path, nil
	}
	dir, err := os.MkdirTemp("", "farmwall-binary-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // other users run it too
		return "", err
	}
	path := filepath.Join(dir, "farmwall")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, os.Setenv("FARMWALL_TEST_BINARY", path)
})

// binary returns the path of the real program, as a user would have it.
func binary(t testing.TB) string {
	t.Helper()
	path, err := theBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// farmwall runs the real program and returns what it printed and its exit code.
func farmwall(t testing.TB, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary(t), args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("farmwall %v: %v", args, err)
	}
	return out.String(), c.ProcessState.ExitCode()
}

// mustFarmwall also fails the test where the exit code is another.
func mustFarmwall(t testing.TB, code int, args ...string) string {
	t.Helper()
	out, got := farmwall(t, args...)
	if got != code {
		t.Fatalf("farmwall %v: exit %d, want %d\n%s", args, got, code, out)
	}
	return out
}
