package winrm_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/winrm"
)

const (
	user     = `LAB\adm`
	password = "S3cret-Pass\u00f6rd!"
)

// machine plays powershell.exe for the programs of transporttest: what stands
// behind "# farmwall" in the script's first line says what it does.
type machine struct {
	running, begun atomic.Int32
	said           string // instead of an answer, on stderr
	exit           int64
}

func (m *machine) Run(ctx context.Context, c windows.Command) (int64, error) {
	m.running.Add(1)
	defer m.running.Add(-1)
	if m.said != "" {
		io.WriteString(c.Stderr, m.said)
		return m.exit, nil
	}
	text, err := io.ReadAll(c.Stdin)
	if err != nil {
		return 1, nil
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 6 || lines[0] != lines[4] {
		fmt.Fprintf(c.Stdout, "%s refused input %d\r\n", lines[0], len(lines))
		return 3, nil
	}
	m.begun.Add(1)
	marker, body, data := lines[0], unpack(lines[1]), unpack(lines[2])
	connection, _ := base64.StdEncoding.DecodeString(lines[3])
	name := strings.Fields(string(body))[2]
	var out []byte
	status, fault := 0, ""
	switch name {
	case "echo":
		out = data
	case "sum":
		sum := sha256.Sum256(data)
		out = []byte(hex.EncodeToString(sum[:]))
	case "fail":
		status, fault = 7, "it broke"
	case "status":
		status, _ = strconv.Atoi(strings.TrimSpace(string(data)))
	case "idle":
		io.WriteString(c.Stdout, "started\r\n")
		select {
		case <-ctx.Done():
			return 1, nil
		case <-time.After(20 * time.Second):
		}
	case "slow":
		d, _ := time.ParseDuration(string(data))
		select {
		case <-ctx.Done():
			return 1, nil
		case <-time.After(d):
		}
		out = []byte("slept")
	case "first":
		out = bytes.TrimSpace(connection)
	case "crash":
		return 0xC0000005, nil
	}
	w := bufio.NewWriter(c.Stdout)
	fmt.Fprintf(w, "stray\r\n%s begin\r\n", marker)
	if fault != "" {
		fmt.Fprintf(w, "%s error %s\r\n", marker, base64.StdEncoding.EncodeToString([]byte(fault)))
	}
	if status == 0 {
		fmt.Fprintf(w, "%s out %s\r\n", marker, pack(out))
	}
	fmt.Fprintf(w, "%s end %d\r\n", marker, status)
	w.Flush()
	return 0, nil
}

func unpack(text string) []byte {
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		return nil
	}
	b, _ := io.ReadAll(z)
	return b
}

func pack(b []byte) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

// host is one lab host on loopback.
type host struct {
	*wsman.Service
	machine *machine
	addr    netip.AddrPort
}

func serve(t testing.TB, o wsman.Options) *host {
	t.Helper()
	if o.Accounts == nil {
		o.Accounts = []wsman.Account{{Name: "adm", Domain: "LAB", Password: password, Admin: true}}
	}
	if o.Schemes == (wsman.Schemes{}) {
		o.Schemes.Negotiate = true
	}
	if o.Domain == "" {
		o.Domain, o.DNSDomain = "LAB", "lab.example"
	}
	h := &host{machine: &machine{}}
	var err error
	if h.Service, err = wsman.New(h.machine, o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = netip.MustParseAddrPort(l.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-ended })
	return h
}

// access is an inventory's entry of the host.
func (h *host) access(change ...func(*inventory.Access)) *inventory.Host {
	a := inventory.Access{Connection: "winrm", Address: h.addr.Addr().String(), Port: int(h.addr.Port()), User: user,
		Password: inventory.NewSecret(password), Shell: "powershell", Timeout: 2 * time.Second}
	a.WinRM.Auth = "ntlm"
	for _, c := range change {
		c(&a)
	}
	return &inventory.Host{Name: "srv1", Access: a}
}

func dialer(t testing.TB, c winrm.Config) *winrm.Dialer {
	t.Helper()
	d := winrm.New(c)
	t.Cleanup(func() { d.Close() })
	return d
}

func dial(t testing.TB, d *winrm.Dialer, h *inventory.Host) transport.Conn {
	t.Helper()
	c, err := d.Dial(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func script(name, input string) rules.Script {
	return rules.Script{Name: name, Shell: rules.PowerShell, Body: "# farmwall " + name + " 1\n", Input: []byte(input)}
}
