package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if handled, code := Main(os.Args[1:]); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// testContext ends before the test binary's own limit would.
func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// needLab skips where no lab can be, unless skipping is forbidden.
func needLab(t testing.TB) {
	t.Helper()
	if err := Check(); err != nil {
		skip(t, err.Error())
	}
}

func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal("must not skip: ", why)
	}
	t.Skip(why)
}

// numbered makes hosts h1, h2 ... with an IPv4 and an IPv6 address each.
func numbered(n int) []HostSpec {
	var specs []HostSpec
	for i := 1; i <= n; i++ {
		specs = append(specs, HostSpec{
			Name: fmt.Sprintf("h%d", i),
			Addresses: []netip.Addr{
				netip.AddrFrom4([4]byte{10, 77, byte(i / 200), byte(10 + i%200)}),
				netip.MustParseAddr(fmt.Sprintf("fd77::%x", 0x1000+i)),
			},
		})
	}
	return specs
}

func up(t testing.TB, specs ...HostSpec) *Farm {
	t.Helper()
	needLab(t)
	f, err := Up(testContext(t), Options{Hosts: specs, Dir: t.TempDir() + "/lab"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func mustHost(t testing.TB, f *Farm, name string) *Host {
	t.Helper()
	h, err := f.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// sh runs a shell command on a host and wants it to succeed.
func sh(t testing.TB, h *Host, script string) string {
	t.Helper()
	r, err := h.Exec(testContext(t), []string{"sh", "-c", script}, nil)
	if err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	if r.Code != 0 {
		t.Fatalf("%s: exit status %d: %s%s", h.Name, r.Code, r.Stdout, r.Stderr)
	}
	return string(r.Stdout)
}
