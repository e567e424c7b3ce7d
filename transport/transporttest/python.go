package transporttest

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"testing"
)

// Python starts a program of Debian's Python and returns its standard input and the
// lines of its output. It ends with the test, which fails if it does not end well.
// A nil env is this process's.
func Python(t testing.TB, env []string, program string, args ...string) (io.Writer, *bufio.Scanner) {
	t.Helper()
	c := exec.Command("/usr/bin/python3", append([]string{program}, args...)...)
	c.Env = env
	var words bytes.Buffer
	c.Stderr = &words
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", program, err, words.String())
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	return in, lines
}
