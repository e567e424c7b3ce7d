package winrm

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// TestSSPI signs on as the user of this machine to the host that
// FARMWALL_TEST_SSPI names: ADDRESS PORT SPNHOST [PIN]. What is there must answer the
// script echo as the lab's machine for tests does.
func TestSSPI(t *testing.T) {
	words := strings.Fields(os.Getenv("FARMWALL_TEST_SSPI"))
	if len(words) < 3 {
		t.Skip("FARMWALL_TEST_SSPI names no host")
	}
	h := &inventory.Host{Name: "srv1"}
	h.Access.Address, h.Access.Shell = words[0], "powershell"
	h.Access.Port, _ = strconv.Atoi(words[1])
	h.Access.WinRM.Auth, h.Access.WinRM.SPNHost = "sspi", words[2]
	if len(words) > 3 {
		h.Access.WinRM.TLS, h.Access.WinRM.Pins = true, words[3:]
	}
	ctx := context.Background()
	d := New(Config{})
	defer d.Close()
	l, err := d.line(h)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if onWine() && !h.Access.WinRM.TLS {
		signOnUnderWine(t, l)
	}
	if err := l.open(ctx); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 100, 100_000} {
		text := strings.Repeat("x", n)
		out, err := l.Run(ctx, rules.Script{Name: "echo", Shell: rules.PowerShell, Body: "# farmwall echo 1\n", Input: []byte(text)})
		if err != nil || string(out) != text {
			t.Fatalf("%d of %d bytes, %v", len(out), n, err)
		}
	}
}

// signOnUnderWine signs a line on with sealed messages that are cut elsewhere.
func signOnUnderWine(t *testing.T, l *line) {
	t.Helper()
	k, err := l.target.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	spn, err := servicePrincipal(&l.target.access)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newSSPI(spn.String(), k.binding(), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.establish(context.Background(), &wine{m.(*sspiContext)}, nil); err != nil {
		t.Fatal(err)
	}
	l.link, l.raw = k, k.nc
}

func onWine() bool {
	return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// wine cuts messages anew: Wine's EncryptMessage makes one wrap token without
// rotation, gives its front as the text and the rest as the head, and says that
// the head is shorter and the padding longer than they are.
type wine struct{ *sspiContext }

const wineHead = 60

func (w *wine) Seal(plain []byte) (header, data []byte, err error) {
	w.head, w.block = wineHead, 0
	header, data, err = w.sspiContext.Seal(plain)
	whole := append(data, header...)
	return whole[:len(header)], whole[len(header):], err
}

func (w *wine) Unseal(header, data []byte) ([]byte, error) {
	whole := append(bytes.Clone(header), data...)
	return w.sspiContext.Unseal(whole[len(data):], whole[:len(data)])
}

func TestChannelBindingsAreLaidOutAsWindowsReadsThem(t *testing.T) {
	if secChannelBindings(nil) != nil {
		t.Error("a binding without TLS")
	}
	got := secChannelBindings([]byte("tls-server-end-point:x"))
	want := append(make([]byte, 24), 22, 0, 0, 0, 32, 0, 0, 0)
	if !bytes.Equal(got, append(want, "tls-server-end-point:x"...)) {
		t.Errorf("% x", got)
	}
}
