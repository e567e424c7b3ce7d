//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBenchInventory prints how long a listing takes, and against ansible-inventory.
func TestBenchInventory(t *testing.T) {
	if os.Getenv("FARMWALL_BENCH") == "" {
		t.Skip("make bench runs this: it measures, it does not test")
	}
	program := filepath.Join(t.TempDir(), "farmwall")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, n := range []int{1000, 20_000} {
		source := listedInventory(t, n)
		var ours, theirs []time.Duration
		memory := int64(0)
		for range 5 {
			ours = append(ours, took(func() {
				memory = max(memory, ranIn(t, program, "inventory", "list", "-i", source, "--output", "ansible-json"))
			}))
		}
		o := median(ours)
		t.Logf("inventory list --output ansible-json, %6d hosts %8v, %d MiB", n, o.Round(time.Millisecond), memory>>10)
		ansible, err := exec.LookPath("ansible-inventory")
		if err != nil {
			t.Log("  ansible-inventory is not installed")
			continue
		}
		for range 3 {
			theirs = append(theirs, took(func() { ranIn(t, ansible, "-i", source, "--list") }))
		}
		a := median(theirs)
		t.Logf("ansible-inventory --list,                 %6d hosts %8v, %.0f times as long", n, a.Round(time.Millisecond), ratio(a, o))
	}
}

// listedInventory has n hosts by ranges, in groups with vars files.
func listedInventory(t *testing.T, n int) string {
	dir := t.TempDir()
	var b strings.Builder
	for _, group := range []string{"gateway", "rdsh", "web", "db"} {
		fmt.Fprintf(&b, "[%s]\n%s[1:%d].example\n", group, group, n/4)
	}
	fmt.Fprintf(&b, "[site_a]\nrdsh[1:%d].example\n[farm:children]\ngateway\nrdsh\n", n/8)
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("hosts", b.String())
	for _, group := range []string{"all", "farm", "rdsh", "site_a"} {
		write("group_vars/"+group+".yml", fmt.Sprintf("of_%s: 1\nlist_of_%s: [1, 2, 3]\nansible_user: %s\n", group, group, group))
	}
	return filepath.Join(dir, "hosts")
}

// ranIn runs a program and returns its largest resident memory, in KiB.
func ranIn(t *testing.T, name string, args ...string) int64 {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.Dir = t.TempDir()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}
