package lab

import (
	"bytes"
	"os"
	"testing"
)

func TestOpenSSHClient(t *testing.T) {
	f := up(t, numbered(3)...)
	for _, to := range []string{"10.77.0.12", "fd77::1002", "h2"} {
		var out, errs bytes.Buffer
		code, err := f.Run(testContext(t), Command{Argv: []string{"ssh", "-F", "none", "-i", f.KeyFile(), "-o", "UserKnownHostsFile=" + f.KnownHosts(), "root@" + to, "echo $SSH_CONNECTION; cat; hostname; exit 3"}, Stdin: bytes.NewBufferString("in\n"), Stdout: &out, Stderr: &errs})
		t.Log(code, err, out.String(), errs.String())
	}
	c, err := f.Dial(testContext(t), "tcp", "h1:22")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, _ := c.Read(b)
	t.Log(string(b[:n]), c.RemoteAddr(), c.LocalAddr())
	_, err = f.Dial(testContext(t), "tcp", "10.77.0.11:23")
	t.Log(err)
	_ = os.Stdout
}
