package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
)

func TestFlagsMayStandAnywhere(t *testing.T) {
	app := (&program{}).app()
	want := []string{"farmwall", "rollback", "-i=inv", "-y", "--forks=4", "--", "RUN"}
	for _, line := range []string{
		"farmwall rollback -i inv -y --forks 4 RUN",
		"farmwall -i inv rollback RUN -y --forks 4",
		"farmwall -i inv -y --forks=4 rollback RUN",
		"farmwall rollback RUN -iinv -y --forks 4",
	} {
		got, err := arrange(app.Commands, strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		// "--forks 4" and "--forks=4" both become one word.
		if !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
}

func TestArgumentsThatLookLikeFlagsFollowDashes(t *testing.T) {
	app := (&program{}).app()
	got, err := arrange(app.Commands, []string{"farmwall", "apply", "-y", "--", "-odd-name"})
	if err != nil || !slices.Equal(got, []string{"farmwall", "apply", "-y", "--", "-odd-name"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		"farmwall plan --limt x":      `did you mean "limit"`,
		"farmwall plan -i":            "-i needs a value",
		"farmwall plan --limit":       "--limit needs a value",
		"farmwall plan -Z":            "there is no flag -Z",
		"farmwall plna":               `did you mean "plan"`,
		"farmwall history":            "history needs one of: list, show, verify",
		"farmwall history lst":        `did you mean "list"`,
		"farmwall catalog --fix":      "fix",
		"farmwall catalog --role gw":  `there is no role "gw"`,
		"farmwall plan --output toml": "this verb prints text, json, jsonl",
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), strings.Fields(line), strings.NewReader(""), &out, &errs); code != exitNotStarted {
			t.Errorf("%s: exit %d", line, code)
		}
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%s: %q lacks %q", line, errs.String(), want)
		}
	}
}

func FuzzArrange(f *testing.F) {
	f.Add("plan -i inv -vvl web -- x")
	f.Add("-bK apply --serial=1,2 file")
	app := (&program{}).app()
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Fields(line)
		out, err := arrange(app.Commands, append([]string{"farmwall"}, args...))
		if err != nil {
			return
		}
		again, err := arrange(app.Commands, out)
		if err != nil || !slices.Equal(again, out) {
			t.Errorf("%q became %q and then %q (%v)", args, out, again, err)
		}
	})
}
