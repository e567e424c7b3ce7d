//go:build unix

package inventory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scripted loads an inventory script.
func scripted(t *testing.T, text string, opt Options) (*Inventory, error) {
	t.Helper()
	dir := tree(t, map[string]string{"dyn": text})
	if err := os.Chmod(filepath.Join(dir, "dyn"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return Load(t.Context(), []string{"dyn"}, opt)
}

func TestScriptVariablesHaveAPlace(t *testing.T) {
	inv, err := scripted(t, script(`{"gateway": {"hosts": ["g"],
 "vars": {"a": 1}},
 "_meta": {"hostvars": {"g": {
 "ansible_port": 2222}}}}`, "exit 1"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a", inv.Host("g").Vars["a"].At, Position{"dyn --list", 2})
	equal(t, "port", inv.Host("g").Vars["ansible_port"].At, Position{"dyn --list", 4})
	equal(t, "access", inv.Host("g").Access.Port, 2222)
}

// Each script that is of no use is one clear error, and nothing is half read.
func TestScriptsOfNoUse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"failing", "#!/bin/sh\necho half; echo 'no credentials' >&2; exit 3\n", `dyn: the inventory script is of no use: it failed with exit status 3: no credentials (run it by hand: dyn --list)`},
		{"traceback", "#!/bin/sh\nprintf 'Traceback (most recent call last):\\n  File x\\nKeyError: boto\\n' >&2; exit 1\n", `exit status 1: KeyError: boto`},
		{"hanging", "#!/bin/sh\necho '{'\nsleep 1000 &\necho $! >pid\nwait\n", `it did not end within 300ms and was stopped`},
		{"garbage", "#!/bin/sh\necho '<html>'\n", `dyn --list:1: the inventory script printed no JSON: invalid character '<'`},
		{"nothing", "#!/bin/sh\n", `dyn --list: the inventory script printed nothing`},
		{"broken JSON", "#!/bin/sh\nprintf '{\"a\": [\\n1,\\n}'\n", `dyn --list:3: the inventory script printed no JSON`},
		{"two answers", "#!/bin/sh\necho '{}{}'\n", `dyn --list:1: the inventory script printed no JSON`},
		{"a list", "#!/bin/sh\necho '[]'\n", `dyn --list: the inventory script printed JSON, but no object`},
		{"endless", "#!/bin/sh\nyes\n", `its answer is larger than 64 MiB`},
		{"no interpreter", "#!/no/such/program\n", `dyn: the inventory script is of no use: it does not start: no such file or directory`},
		{"hosts", script(`{"g": {"hosts": "a"}}`, ""), `dyn --list:1: hosts of group g is a text, not a list`},
		{"host", script(`{"g": {"hosts": [1]}}`, ""), `dyn --list:1: hosts of group g: "1" is no name`},
		{"vars", script(`{"g": {"vars": [1]}}`, ""), `dyn --list:1: vars of group g is a list, not a map`},
		{"group", script(`{"g": 1}`, ""), `dyn --list:1: group "g" is a number`},
		{"hostvars", script(`{"g": ["a"], "_meta": {"hostvars": []}}`, ""), `dyn --list:1: _meta.hostvars is a list`},
		{"host's vars", script(`{"g": ["a"], "_meta": {"hostvars": {"a": 1}}}`, ""), `dyn --list:1: the variables of host "a" are a number`},
		{"loop", script(`{"a": {"children": ["b"]}, "b": {"children": ["a"]}, "_meta": {"hostvars": {}}}`, ""), `groups "b" and "a" are children of each other`},
		{"--host fails", script(`{"g": ["a", "b"]}`, "exit 4"), `dyn: the inventory script is of no use for host "a": it failed with exit status 4`},
		{"--host prints garbage", script(`{"g": ["a", "b"]}`, "echo x"), `dyn --host a:1: the inventory script printed no JSON`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opt := Options{Plain: true, ScriptTime: 20 * time.Second}
			if test.name == "hanging" {
				opt.ScriptTime = 300 * time.Millisecond
			}
			inv, err := scripted(t, test.text, opt)
			problems, ok := err.(Problems)
			if !ok || inv != nil || len(problems) != 1 || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
			if test.name == "hanging" {
				gone(t, "pid")
			}
		})
	}
}

// gone checks that what the script had started has ended with it.
func gone(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Error("what the script started still runs")
}

func TestScriptIsInterrupted(t *testing.T) {
	dir := tree(t, map[string]string{"dyn": "#!/bin/sh\nsleep 1000\n"})
	if err := os.Chmod(filepath.Join(dir, "dyn"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := Load(ctx, []string{filepath.Join(dir, "dyn")}, Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestScriptSpeaksOnStandardError(t *testing.T) {
	inv, err := scripted(t, "#!/bin/sh\necho 'cache is \033[31mold' >&2\necho '{\"gateway\": [\"g\"], \"_meta\": {\"hostvars\": {}}}'\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w := inv.Warnings.Error(); !strings.Contains(w, `dyn: the inventory script says: "cache is \x1b[31mold"`) {
		t.Errorf("got %q", w)
	}
}

// A script without the right to run is told as such, unless it reads as an
// inventory in which the first line is a comment.
func TestScriptsThatMayNotRun(t *testing.T) {
	_, err := loadText(t, "#!/usr/bin/python3\nimport json\nprint(json.dumps({}))\n")
	if err == nil || !strings.Contains(err.Error(), "hosts: this is an inventory script that may not be run (chmod +x hosts") {
		t.Errorf("got %v", err)
	}
	equal(t, "hosts", hostNames(must(t, "#!/usr/bin/env ansible-inventory\n[gateway]\ng\n").Hosts), "g")
}

// Groups deep in each other, and long chains, cost little and end in one error.
func TestDeepGroups(t *testing.T) {
	var chain, nested strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&chain, "[g%d:children]\ng%d\n", (i*7919)%20_000, (i*7919)%20_000+1)
	}
	chain.WriteString("[g20000]\nh\n")
	nested.WriteString("---\n")
	for i := range 2000 {
		fmt.Fprintf(&nested, "g%d: {children: {", i)
	}
	nested.WriteString("x: {hosts: h}" + strings.Repeat("}}", 2000) + "\n")
	for name, text := range map[string]string{"chain": chain.String(), "nested": nested.String()} {
		start := time.Now()
		_, err := loadText(t, text)
		problems, _ := err.(Problems)
		if len(problems) != 1 || !strings.Contains(err.Error(), "groups lie in each other more than 500 deep") || problems[0].At.Line == 0 {
			t.Errorf("%s: got %v", name, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestFileOfAHundredMegabytes(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "[gateway]\ng\n"})
	file := filepath.Join(dir, "hosts")
	if err := os.Truncate(file, 100<<20); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), []string{file}, Options{})
	if err == nil || err.Error() != file+": the file is larger than 64 MiB (is this an inventory?)" {
		t.Errorf("got %v", err)
	}
}
