package inventory

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// ansibleJob is one command line for Ansible.
type ansibleJob struct {
	Tool string   `json:"tool"`
	Args []string `json:"args"`
	Dir  string   `json:"dir"`
}

type ansibleAnswer struct {
	Out  string `json:"out"`
	Err  string `json:"err"`
	Exit int    `json:"exit"`
}

// ask runs command lines in the Ansible that is installed, all in one process that
// forks: starting Ansible costs a second each time.
func ask(t *testing.T, jobs []ansibleJob) []ansibleAnswer {
	t.Helper()
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		skip(t, "ansible-inventory is not installed (Debian: ansible-core)")
	}
	head, err := os.ReadFile(program)
	first, _, _ := strings.Cut(string(head), "\n")
	python := strings.Fields(strings.TrimPrefix(first, "#!"))
	if err != nil || len(python) == 0 {
		t.Fatalf("%s is no script: %v", program, err)
	}
	script, err := filepath.Abs("testdata/oracle.py")
	if err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python[0], append(python[1:], script)...)
	cmd.Dir = t.TempDir() // no ansible.cfg, no group_vars of a playbook
	cmd.Env = append(cmd.Environ(), "HOME="+cmd.Dir, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=1", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8", "FARMWALL_PROBE=from outside")
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	answers := make([]ansibleAnswer, 0, len(jobs))
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a ansibleAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%v\n%s", err, lines.Text())
		}
		answers = append(answers, a)
	}
	if len(answers) != len(jobs) {
		t.Fatalf("%d answers to %d questions\n%s", len(answers), len(jobs), stderr.String())
	}
	return answers
}

// oracleCase is one inventory that Ansible and Load must read alike.
type oracleCase struct {
	name    string
	files   map[string]string
	sources []string // default: "hosts", "hosts.yml", "hosts.json" or "inv", whichever is there
	args    []string // more arguments of ansible-inventory
	vault   *Vault
	extra   []string // of -e
}

func everyOracleCase(t *testing.T) []oracleCase {
	var cases []oracleCase
	for name, files := range oracleCases() {
		cases = append(cases, oracleCase{name: name, files: files})
	}
	for _, part := range [][]oracleCase{iniCases(), yamlCases(), scriptCases(), sourceCases(), vaultCases(t)} {
		cases = append(cases, part...)
	}
	if len(cases) < 60 {
		t.Fatalf("only %d inventories", len(cases))
	}
	return cases
}

// lay writes a case's files and returns the folder and the sources.
func (c *oracleCase) lay(t *testing.T) (dir string, sources []string) {
	dir = tree(t, c.files)
	for name, text := range c.files {
		if strings.HasPrefix(text, "#!") {
			if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	sources = c.sources
	for _, s := range []string{"hosts", "hosts.yml", "hosts.json", "inv"} {
		if _, err := os.Stat(filepath.Join(dir, s)); err == nil && sources == nil {
			sources = []string{s}
		}
	}
	return dir, sources
}

func TestListingsAreAnsibles(t *testing.T) {
	cases := everyOracleCase(t)
	var jobs []ansibleJob
	from := make([][]string, len(cases))
	for i, c := range cases {
		dir, sources := c.lay(t)
		from[i] = sources
		args := append([]string{"--list"}, c.args...)
		for _, s := range sources {
			args = append(args, "-i", s)
		}
		jobs = append(jobs, ansibleJob{"ansible-inventory", args, dir})
	}
	for i, answer := range ask(t, jobs) {
		t.Run(cases[i].name, func(t *testing.T) {
			if answer.Exit != 0 {
				t.Fatalf("ansible-inventory: exit %d: %s", answer.Exit, answer.Err)
			}
			ours := ourListing(t, &cases[i], jobs[i].Dir, from[i])
			if ours != answer.Out && !reflect.DeepEqual(readListing(t, ours), readListing(t, answer.Out)) {
				t.Errorf("got\n%s\nwant\n%s", ours, answer.Out)
			}
		})
	}
}

func ourListing(t *testing.T, c *oracleCase, dir string, sources []string) string {
	t.Helper()
	t.Chdir(dir)
	extra, err := ParseExtra(c.extra, c.vault)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	inv, err := Load(context.Background(), sources, Options{Plain: true, Vault: c.vault, Extra: extra})
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return "{}"
	}
	var b bytes.Buffer
	if _, err := inv.WriteAnsible(&b, inv.Hosts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// readListing parses a listing; numbers keep their digits, and names that stand in
// no order with Ansible are sorted.
func readListing(t *testing.T, text string) map[string]any {
	t.Helper()
	// What Python writes and JSON does not know.
	d := json.NewDecoder(strings.NewReader(strings.NewReplacer(": Infinity", `: "Infinity"`, ": NaN", `: "NaN"`, " Infinity,", ` "Infinity",`, "  Infinity", `  "Infinity"`).Replace(text)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for name, g := range m {
		if name == metaKey {
			continue
		}
		for _, list := range g.(map[string]any) {
			slices.SortFunc(list.([]any), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		}
	}
	return m
}

func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

func deeper(text string) string { return strings.ReplaceAll(text, "\n  ", "\n      ") }

func withCR(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
