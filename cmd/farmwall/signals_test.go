//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// sh runs a shell where the controller stands; in it "fw VERB ..." is farmwall with
// the story's inventory and journal.
func (s *story) sh(script string) string {
	s.t.Helper()
	var out transcript
	text := `fw() { verb=$1; shift; exec ` + binary(s.t) + ` "$verb" -i ` + s.inv + ` --state ` + s.state + ` "$@"; }; ` + script
	if _, err := s.farm.Run(context.Background(), lab.Command{Argv: []string{"sh", "-c", text}, Stdout: &out, Stderr: &out}); err != nil {
		s.t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// manually starts an apply that waits for a person, and sends it signals.
func manually(log, signals string) string {
	return `fw apply -y --confirm manual >` + log + ` 2>&1 & i=0
until grep -q 'to be confirmed' ` + log + ` || [ $i = 300 ]; do sleep 0.1; i=$((i+1)); done
` + signals + `
wait $!; echo "exit $?"; cat ` + log
}

// The terminal is gone: that is no death in the middle of a change but an interrupt.
func TestALostTerminalIsAnInterrupt(t *testing.T) {
	s := newStory(t, 1, handWritten)
	before := s.ruleset()
	s.says(s.sh(manually(filepath.Join(t.TempDir(), "log"), "kill -HUP $!; kill -HUP $!")), "exit 130", "restored: halb000")
	if s.ruleset() != before {
		t.Error("the change is still there")
	}
	s.run(0, "recover")
}

// Whoever does not wait for the hosts does not know their state.
func TestASecondInterruptLeavesHostsInDoubt(t *testing.T) {
	s := newStory(t, 1, handWritten)
	out := s.sh(manually(filepath.Join(t.TempDir(), "log"), "kill -TERM $!; kill -INT $!"))
	// The host may have been restored between the two.
	if !strings.Contains(out, "exit 5") && !strings.Contains(out, "restored: halb000") {
		t.Error(out)
	}
	p := &program{}
	if p.exitAtOnce() != exitInterrupted {
		t.Error("nothing was changed, and the exit code says something else")
	}
	p.changing.Store(true)
	if p.exitAtOnce() != exitDoubtful {
		t.Error("a change was left in the middle, and the exit code calls it proven")
	}
}

// The reader of the output goes away: the change goes on to its end, and its exit code
// says how it ended.
func TestAReaderThatGoesAwayStopsNoChange(t *testing.T) {
	s := newStory(t, 2, handWritten)
	code := filepath.Join(t.TempDir(), "code")
	s.sh(`{ ( fw apply -y --serial 1 --output jsonl ) 2>&1; echo "exit $?" >` + code + `; } | sed '/"step":"arm"/q'`)
	if text, err := os.ReadFile(code); err != nil || strings.TrimSpace(string(text)) != "exit 0" {
		t.Errorf("%s %v", text, err)
	}
	s.synced()
	out := s.sh(`( fw remove -y -l halb000 --output json ) >/dev/full; echo "exit $?"`)
	s.says(out, "exit 0", "no space left")
}

func TestAResultThatCannotBePrintedKeepsItsExitCode(t *testing.T) {
	if err := stands(nil); err != nil {
		t.Error(err)
	}
	cause := errors.New("full")
	var late unshown
	if err := stands(cause); !errors.As(err, &late) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	var out bytes.Buffer
	if code := run(context.Background(), []string{"farmwall", "confirm", "r1", "-l", "x", "-i", "nowhere"}, strings.NewReader(""), &out, &out); code != exitNotStarted || !strings.Contains(out.String(), "--limit") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}
