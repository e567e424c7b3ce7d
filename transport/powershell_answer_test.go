package transport

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"farmwall/rules"
)

const answerMark = framePrefix + "0123456789abcdef0123456789abcdef "

// playedBack feeds a host's words in steps and returns what came of them.
func playedBack(t testing.TB, stdout, stderr string, exit int64, step int) ([]byte, error) {
	t.Helper()
	c, err := PowerShell(rules.Script{Name: "test", Shell: rules.PowerShell}, "")
	if err != nil {
		t.Fatal(err)
	}
	c.answer.mark = []byte(answerMark)
	c.Stderr([]byte(stderr))
	for rest := []byte(stdout); len(rest) > 0; {
		n := min(step, len(rest))
		done, err := c.Stdout(rest[:n])
		if err != nil {
			return nil, err
		}
		if rest = rest[n:]; done {
			break
		}
	}
	return c.Result(exit)
}

// lines puts the marker in front of each line but those that begin with a dot.
func frameOf(lines ...string) string {
	var s strings.Builder
	for _, l := range lines {
		if noise, ok := strings.CutPrefix(l, "."); ok {
			s.WriteString(noise)
		} else {
			s.WriteString(answerMark + l + "\r\n")
		}
	}
	return s.String()
}

func TestPowerShellAnswers(t *testing.T) {
	out := "out " + packed([]byte("output"))
	for name, c := range map[string]struct {
		stdout, stderr string
		exit           int64
		want           string
		is             error
		status         int
		notRun         bool
	}{
		"plain":           {frameOf("begin", out, "end 0"), "", 0, "output", nil, 0, false},
		"noise":           {frameOf(".profile!\r\n", "begin", ".stray", ".more\r\n", out, ".no line end ", "end 0", ".after"), "CLIXML", 0, "output", nil, 0, false},
		"bom":             {"\ufeff" + frameOf("begin", out, "end 0"), "", 0, "output", nil, 0, false},
		"LF only":         {strings.ReplaceAll(frameOf("begin", out, "end 0"), "\r", ""), "", 0, "output", nil, 0, false},
		"empty":           {frameOf("begin", "out ", "end 0"), "", 0, "", nil, 0, false},
		"failed":          {frameOf("begin", "error aXQgYnJva2U=", "end 7"), "", 0, "it broke", nil, 7, false},
		"failed silently": {frameOf("begin", "end 7"), objsOf(`<S S="Error">words</S>`), 0, "words", nil, 7, false},
		"not decoded":     {frameOf("error YmFkIHNjcmlwdA==", "end 1"), "", 0, "bad script", ErrLineBroke, 0, true},
		"version":         {frameOf("refused version 2.0"), "", 3, "PowerShell 2.0", ErrOldPowerShell, 0, true},
		"language":        {frameOf("refused language ConstrainedLanguage"), "", 3, "ConstrainedLanguage", ErrConstrained, 0, true},
		"input":           {frameOf("refused input 3"), "", 3, "3 of 5 lines", ErrLineBroke, 0, true},
		"never a word":    {"", objsOf(`<S S="Error">killed</S>`), -1, "exit code -1: killed", ErrLineBroke, 0, false},
		"in the middle":   {frameOf("begin"), "", 1, "in the middle", ErrLineBroke, 0, false},
		"no out":          {frameOf("begin", "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"no begin":        {frameOf(out, "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"bad base64":      {frameOf("begin", "out ???", "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"bad gzip":        {frameOf("begin", "out AAAA", "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"cut gzip":        {frameOf("begin", out[:len(out)-8], "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"bad status":      {frameOf("begin", out, "end x"), "", 0, "does not end", ErrLineBroke, 0, false},
		"large status":    {frameOf("begin", out, "end 256"), "", 0, "does not end", ErrLineBroke, 0, false},
		"unknown word":    {frameOf("begin", "what", "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"twice":           {frameOf("begin", "begin", out, "end 0"), "", 0, "does not end", ErrLineBroke, 0, false},
		"other marker":    {strings.ReplaceAll(frameOf("begin", out, "end 0"), "0123", "3210"), "", 0, "without an answer", ErrLineBroke, 0, false},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			got, err := playedBack(t, c.stdout, c.stderr, c.exit, step)
			var exit *ExitError
			var e *Error
			switch {
			case c.is == nil && c.status == 0:
				if err != nil || string(got) != c.want || got == nil {
					t.Errorf("%s by %d: %q, %v", name, step, got, err)
				}
			case c.status != 0:
				if !errors.As(err, &exit) || exit.Code != c.status || string(exit.Stderr) != c.want {
					t.Errorf("%s by %d: %v", name, step, err)
				}
			case !errors.Is(err, c.is) || !errors.As(err, &e) || e.NotRun != c.notRun || !strings.Contains(err.Error(), c.want):
				t.Errorf("%s by %d: %v", name, step, err)
			}
		}
	}
}

// TestPowerShellAnswerCutAnywhere: nothing but a whole answer is one.
func TestPowerShellAnswerCutAnywhere(t *testing.T) {
	whole := frameOf(".noise", "begin", "out "+packed([]byte("output")), "end 0")
	for n := range len(whole) - 1 {
		_, err := playedBack(t, whole[:n], "", 1, 1<<20)
		var e *Error
		if !errors.Is(err, ErrLineBroke) || !errors.As(err, &e) || e.NotRun {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
}

func TestPowerShellAnswersAreLimited(t *testing.T) {
	for name, text := range map[string]string{"begun": frameOf("begin"), "bomb": frameOf("begin") + answerMark + "out "} {
		c, _ := PowerShell(rules.Script{Name: "test", Shell: rules.PowerShell}, "")
		c.answer.mark = []byte(answerMark)
		c.Stdout([]byte(text))
		if name == "bomb" { // small as it comes, large when it is opened
			if _, err := c.Stdout([]byte(packed(make([]byte, maxOutput+1)) + "\n")); !errors.Is(err, ErrLineBroke) {
				t.Error(err)
			}
			continue
		}
		chunk, n := bytes.Repeat([]byte("x"), 1<<20), 0
		var err error
		for ; err == nil && n < 200; n++ {
			_, err = c.Stdout(chunk)
		}
		if err == nil || n > maxPacked>>20+2 {
			t.Errorf("%s: %v after %d MiB", name, err, n)
		}
	}
	c, _ := PowerShell(rules.Script{Name: "test", Shell: rules.PowerShell}, "")
	for range 100 {
		c.Stdout(bytes.Repeat([]byte("noise"), 10_000))
		c.Stderr(bytes.Repeat([]byte("noise"), 10_000))
	}
	if n := len(c.answer.line) + len(c.answer.noise) + len(c.words); n > 4*maxNoise+maxStderr {
		t.Errorf("%d bytes of noise are kept", n)
	}
}

func FuzzPowerShellAnswer(f *testing.F) {
	f.Add([]byte("noise"), []byte("output"), []byte("bye"), uint8(3))
	f.Add([]byte(answerMark[:9]), []byte{}, []byte(answerMark), uint8(1))
	f.Fuzz(func(t *testing.T, before, output, after []byte, step uint8) {
		if bytes.Contains(before, []byte(answerMark)) || bytes.HasSuffix(before, []byte(answerMark[:1])) {
			t.Skip("nobody but us can print our mark: it is random")
		}
		text := fmt.Sprintf("%s\n%s%s", before, frameOf("begin", "out "+packed(output), "end 0"), after)
		got, err := playedBack(t, text, "", 0, int(step)+1)
		if err != nil || !bytes.Equal(got, output) {
			t.Errorf("%q, %v; want %q", got, err, output)
		}
	})
}

func FuzzPowerShellHost(f *testing.F) {
	f.Add([]byte(frameOf("begin", "out "+packed([]byte("x")), "end 0")))
	f.Add([]byte(frameOf("refused version 2.0")))
	f.Add([]byte(frameOf("end 1")))
	f.Fuzz(func(t *testing.T, text []byte) {
		out, err := playedBack(t, string(text), "", 0, 1<<20)
		if (out == nil) == (err == nil) {
			t.Errorf("%q, %v", out, err)
		}
	})
}
