package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var markdownLink = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)

func TestLinksInTheDocumentsResolve(t *testing.T) {
	walk(t, func(name string, text []byte) {
		if path.Ext(name) != ".md" {
			return
		}
		for _, m := range markdownLink.FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := path.Join(path.Dir(name), target)
			if target == "" {
				file = name
			}
			body, err := os.ReadFile(filepath.Join(top, file))
			if info, dirErr := os.Stat(filepath.Join(top, file)); dirErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			} else if anchor != "" && !hasHeading(string(body), anchor) {
				t.Errorf("%s links to %s: no such heading", name, m[1])
			}
		}
	})
}

// hasHeading knows how a heading's name becomes an anchor.
func hasHeading(body, anchor string) bool {
	for _, line := range strings.Split(body, "\n") {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		var b strings.Builder
		for _, r := range strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#"))) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				b.WriteRune(r)
			}
		}
		if b.String() == anchor {
			return true
		}
	}
	return false
}

func TestExamplesRun(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(top, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, e := range entries {
		if e.Name() == "README.md" || strings.HasSuffix(e.Name(), "_vars") { // variables of the files beside it
			continue
		}
		ran++
		t.Run(e.Name(), func(t *testing.T) {
			var out, errs bytes.Buffer
			args := []string{"farmwall", "rules", "-i", filepath.Join(top, "examples", e.Name())}
			if code := run(context.Background(), args, strings.NewReader(""), &out, &errs); code != exitOK {
				t.Fatalf("exit %d\n%s%s", code, out.String(), errs.String())
			}
			if !strings.Contains(out.String(), " from ") {
				t.Errorf("no rule in the answer:\n%s", out.String())
			}
		})
	}
	if ran == 0 {
		t.Error("there is no example")
	}
}

var codeBlock = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")

// commandsIn returns the farmwall commands in a document's code blocks.
func commandsIn(text string) []string {
	var out []string
	for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
		for _, line := range strings.Split(block[1], "\n") {
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			line, _, _ = strings.Cut(line, " #")
			if strings.HasPrefix(line, "farmwall ") || strings.HasPrefix(line, "./farmwall ") {
				out = append(out, line)
			}
		}
	}
	return out
}

func TestCommandsInTheDocumentsExist(t *testing.T) {
	found := 0
	walk(t, func(name string, text []byte) {
		if path.Ext(name) != ".md" {
			return
		}
		for _, line := range commandsIn(string(text)) {
			found++
			if err := commandExists(line); err != nil {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
	})
	if found < 5 {
		t.Errorf("only %d commands found in the documents", found)
	}
}

// commandExists says whether the verb of a command line, and the verb's flags, are there.
func commandExists(line string) error {
	app := (&program{}).app()
	args, err := arrange(app.Commands, strings.Fields(line))
	if err != nil {
		return err
	}
	verbs := app.Commands
	var verb *cli.Command
	for _, word := range args[1:] {
		name, isFlag := strings.CutPrefix(word, "-")
		if !isFlag {
			if next := named(verbs, word); next != nil {
				verb, verbs = next, next.Subcommands
			}
			continue
		}
		if word == "--" {
			break
		}
		if verb == nil {
			return fmt.Errorf("no such verb")
		}
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if _, ok := flagShapes([]*cli.Command{verb})[name]; !ok {
			return fmt.Errorf("%s has no flag %s", verb.Name, name)
		}
	}
	if verb == nil {
		return fmt.Errorf("no such verb")
	}
	return nil
}

func TestReadmeNamesEveryVerbAndExitCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	for _, c := range (&program{}).app().Commands {
		if !strings.Contains(readme, "| `"+c.Name) {
			t.Errorf("README's table of verbs lacks %s", c.Name)
		}
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \|$`).FindAllStringSubmatch(readme, -1) {
		rows[m[1]] = m[2]
	}
	for _, m := range exits() {
		if got := rows[fmt.Sprint(m.Code)]; got != m.Text {
			t.Errorf("README says of exit %d %q, the program %q", m.Code, got, m.Text)
		}
	}
	if len(rows) != len(exits()) {
		t.Errorf("README has %d exit codes, the program %d", len(rows), len(exits()))
	}
}
