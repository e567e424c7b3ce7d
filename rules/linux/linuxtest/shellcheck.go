package linuxtest

import (
	"os/exec"
	"strings"
	"testing"
)

// Shellcheck has shell text checked. Left out are: awk text in single quotes, functions
// that are called by a name put together, and what the codes say besides.
func Shellcheck(t testing.TB, name, text string, codes ...string) {
	t.Helper()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		Skip(t, "shellcheck is not installed")
	}
	cmd := exec.Command("shellcheck", "-s", "sh", "-e", strings.Join(append([]string{"SC2016", "SC2317"}, codes...), ","), "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}
