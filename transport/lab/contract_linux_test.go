package lab

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/ssh"
	"farmwall/transport/transporttest"
)

// insideVariable says that the test runs in the controller's place.
const insideVariable = "FARMWALL_LAB_TEST_INSIDE"

// The lab's hosts pass the contract of transports through the real SSH line.
func TestContract(t *testing.T) {
	if os.Getenv(insideVariable) != "" {
		contractInside(t)
		return
	}
	for name, real := range map[string]bool{"the lab's server": false, "OpenSSH": true} {
		t.Run(name, func(t *testing.T) {
			if real && os.Geteuid() != 0 {
				skip(t, "OpenSSH's sshd needs root")
			}
			specs := numbered(1)
			specs[0].RealSSHD = real
			f := up(t, specs...)
			var out bytes.Buffer
			code, err := f.Run(testContext(t), Command{
				Argv: []string{os.Args[0], "-test.run", "^TestContract$", "-test.v"}, Env: []string{insideVariable + "=1"}, Stdout: &out, Stderr: &out,
			})
			if err != nil || code != 0 || !strings.Contains(out.String(), "--- PASS: TestContract/") {
				t.Errorf("code %d, %v\n%s", code, err, out.String())
			}
		})
	}
}

func contractInside(t *testing.T) {
	f, err := Join(testContext(t), os.Getenv(EnvDir))
	if err != nil {
		t.Fatal(err)
	}
	h := f.Hosts()[0]
	d, err := ssh.New(ssh.Config{
		Home: t.TempDir(), System: t.TempDir(), KnownHosts: []string{f.KnownHosts()}, Agent: "none", Keepalive: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	member := &inventory.Host{Name: h.Name, Access: inventory.Access{Connection: "ssh", Address: h.Addresses[0].String(), User: "root", KeyFile: f.KeyFile()}}
	plug := func() {
		if err := h.Plug(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	transporttest.Contract(t, transporttest.Subject{
		Scripts: transporttest.ShScripts(),
		Dial: func(t testing.TB) transport.Conn {
			plug()
			c, err := d.Dial(testContext(t), member)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		},
		Cut: func(t testing.TB, _ transport.Conn) {
			if err := h.Cut(testContext(t)); err != nil {
				t.Fatal(err)
			}
		},
	})
	plug()
	if got, err := f.Probe(testContext(t), Probe{To: netip.MustParseAddr("10.77.0.11"), Protocol: 6, Port: 22}); err != nil || got[0].Reach != Connected {
		t.Errorf("after the contract: %v %v", got, err)
	}
}
