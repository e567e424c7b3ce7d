package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

func TestHelpNamesEveryFlagOnceAndFits(t *testing.T) {
	everyVerb((&program{}).app().Commands, func(c *cli.Command) {
		if len(c.Subcommands) > 0 {
			return
		}
		text := verbHelp(c)
		for _, f := range c.Flags {
			if name := "--" + f.Names()[0]; strings.Count(text+" ", name+" ")+strings.Count(text, name+",")+strings.Count(text, name+"\n") < 1 {
				t.Errorf("%s: no %s in\n%s", c.Name, name, text)
			}
		}
		for _, line := range strings.Split(text, "\n") {
			if utf8.RuneCountInString(line) > 130 {
				t.Errorf("%s: too wide: %s", c.Name, line)
			}
		}
	})
	var out bytes.Buffer
	if code := run(context.Background(), []string{"farmwall", "help", "lab"}, strings.NewReader(""), &out, &out); code != exitOK || !strings.Contains(out.String(), "reboot") {
		t.Errorf("help lab: exit %d\n%s", code, out.String())
	}
	for _, args := range [][]string{{"help", "apply"}, {"apply", "--help"}} {
		var out bytes.Buffer
		if code := run(context.Background(), append([]string{"farmwall"}, args...), strings.NewReader(""), &out, &out); code != exitOK {
			t.Errorf("%v: exit %d", args, code)
		}
		for _, want := range []string{"farmwall apply [flags] [PLAN-FILE]\n", "-i, --inventory SOURCE ", "-y, --yes, --auto-approve  ", "(default: 60s, on Windows 120s)"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v lacks %q:\n%s", args, want, out.String())
			}
		}
	}
}
