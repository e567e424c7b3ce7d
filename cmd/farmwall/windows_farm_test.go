package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/farm"
	"farmwall/transport/lab/windows/wsman"
)

// winPassword is the secret that no output may ever show.
const winPassword = "Seed-5ecret-of-the-farm"

// winHost is a Windows host of a test: its model, its line and what it heard.
type winHost struct {
	*farm.Host
	service *wsman.Service
	heard   *heard
	before  []string // the foreign rules at the beginning
}

// heard is a machine that keeps what its shells were told.
type heard struct {
	host *windows.Host
	mu   sync.Mutex
	said bytes.Buffer
}

func (h *heard) Run(ctx context.Context, c windows.Command) (int64, error) {
	h.mu.Lock()
	fmt.Fprintln(&h.said, c.Line, c.Env)
	h.mu.Unlock()
	c.Stdin = io.TeeReader(c.Stdin, h)
	return h.host.Run(ctx, c)
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.said.Write(b)
}

// winFarm is Windows hosts in this very process, and a controller's folder.
type winFarm struct {
	t     *testing.T
	dir   string
	inv   string
	hosts []*winHost
	said  lockedBuffer // all that farmwall printed
}

// winOptions change what a host is like.
type winOptions struct {
	rules  []windows.Entry // empty: 60
	engine windows.Engine
	host   func(*windows.Options)
	line   func(*wsman.Options)
	vars   string // more lines for [all:vars]
	roles  []string
}

// nextNet gives each farm of this process addresses of its own.
var nextNet atomic.Int32

// winFarmOf brings Windows hosts up: one gateway and otherwise session hosts.
func winFarmOf(t *testing.T, n int, o winOptions) *winFarm {
	t.Helper()
	needLoopback(t)
	f := &winFarm{t: t, dir: t.TempDir()}
	f.inv = filepath.Join(f.dir, "farm.ini")
	program := ""
	if o.engine == windows.PowerShell {
		var err error
		if program, err = windows.FindEngine(); err != nil {
			t.Skip(err.Error()) // the one thing that may be missing everywhere
		}
	}
	if o.rules == nil {
		o.rules = windows.Foreign("", windows.BuiltIn(""), 60)
	}
	second, third := 64+os.Getpid()%150, nextNet.Add(1)
	var specs []farm.Spec
	var text strings.Builder
	var waiting []chan struct{}
	for i := range n {
		at := netip.MustParseAddrPort(fmt.Sprintf("127.%d.%d.%d:5985", second, third, 11+i))
		name, role := fmt.Sprintf("w%d", i+1), "rdsh"
		if i == 0 {
			role = "gateway"
		}
		if i < len(o.roles) {
			role = o.roles[i]
		}
		host := windows.Options{Name: name, Addresses: []netip.Addr{at.Addr()}, Rules: o.rules, Engine: o.engine, Program: program, Dir: filepath.Join(f.dir, "disk", name)}
		if o.host != nil {
			o.host(&host)
		}
		line := wsman.Options{Name: name, Domain: "LAB", Schemes: wsman.Schemes{Negotiate: true},
			Accounts: []wsman.Account{{Name: "adm", Password: winPassword, Domain: "LAB", Admin: true}}}
		if o.line != nil {
			o.line(&line)
		}
		w := &winHost{heard: &heard{}}
		ready := make(chan struct{})
		waiting = append(waiting, ready)
		serve := func(ctx context.Context, l net.Listener, m *windows.Host) error {
			w.heard.host = m
			s, err := wsman.New(w.heard, line)
			if err != nil {
				t.Error(err)
				return err
			}
			w.service = s
			close(ready)
			return s.Serve(ctx, l)
		}
		specs = append(specs, farm.Spec{Host: host, Lines: []farm.Line{{At: at, Program: "System", Serve: serve}}})
		f.hosts = append(f.hosts, w)
		fmt.Fprintf(&text, "[%s]\n%s ansible_host=%s\n", role, name, at.Addr())
	}
	text.WriteString("[all:vars]\nansible_connection=winrm\nansible_port=5985\nansible_user=LAB\\adm\nansible_password=" + winPassword + "\n" + o.vars)
	if err := os.WriteFile(f.inv, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	up, err := farm.Up(specs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { up.Close() })
	for _, ready := range waiting {
		<-ready
	}
	for i, h := range up.Hosts() {
		f.hosts[i].Host = h
		f.hosts[i].before = f.hosts[i].foreign()
	}
	return f
}

// texts are the rules of a host, as its registry has them.
func (h *winHost) texts() []string {
	values, _ := h.Key(`SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules`)
	var list []string
	for _, v := range values {
		list = append(list, fmt.Sprint(v.Name, " ", v.Data))
	}
	return list
}

func (h *winHost) some(ours bool) []string {
	var list []string
	for _, text := range h.texts() {
		if strings.Contains(text, "|Name=farmwall:") == ours {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}

func (h *winHost) foreign() []string { return h.some(false) }

// ours are the names of our rules that are switched on.
func (h *winHost) ours() []string {
	var names []string
	for _, text := range h.some(true) {
		_, after, _ := strings.Cut(text, "|Name=")
		if name, _, _ := strings.Cut(after, "|"); strings.Contains(text, "|Active=TRUE|") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// untouched fails where anything that is not ours has changed.
func (f *winFarm) untouched() {
	f.t.Helper()
	for _, h := range f.hosts {
		if !slices.Equal(h.foreign(), h.before) {
			f.t.Errorf("%s: foreign rules have changed", h.Name())
		}
	}
}

func (f *winFarm) flags() []string {
	return []string{"-i", f.inv, "--state", filepath.Join(f.dir, "state"), "--known-tls", filepath.Join(f.dir, "known_tls")}
}

// run runs a verb and returns its exit code and what it said. It is a process of its
// own, because tests run side by side and urfave/cli writes to its own variables.
func (f *winFarm) run(args ...string) (int, string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary(f.t), append(args[:len(args):len(args)], f.flags()...)...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.t.Fatalf("farmwall %v: %v", args, err)
	}
	f.said.Write(out)
	return c.ProcessState.ExitCode(), string(out)
}

// must fails the test where the exit code is another, or where a text is missing.
func (f *winFarm) must(code int, args []string, wants ...string) string {
	f.t.Helper()
	got, out := f.run(args...)
	if got != code {
		f.t.Fatalf("farmwall %v: exit %d, want %d\n%s", args, got, code, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			f.t.Errorf("farmwall %v does not say %q:\n%s", args, want, out)
		}
	}
	return out
}

// settled fails unless planning again finds nothing.
func (f *winFarm) settled() {
	f.t.Helper()
	f.must(exitOK, []string{"plan", "--detailed-exitcode"})
	f.untouched()
}

// lastRun is the newest run in the journal.
func (f *winFarm) lastRun() string {
	f.t.Helper()
	code, out := f.run2("history", "list", "--state", filepath.Join(f.dir, "state"))
	lines := strings.Split(out, "\n")
	if code != exitOK || len(lines) < 2 {
		f.t.Fatalf("exit %d\n%s", code, out)
	}
	return strings.Fields(lines[1] + " -")[0]
}

// run2 runs a verb that contacts no host.
func (f *winFarm) run2(args ...string) (int, string) {
	var out lockedBuffer
	code := run(f.t.Context(), append([]string{"farmwall"}, args...), strings.NewReader(""), &out, &out)
	io.WriteString(&f.said, out.String())
	return code, out.String()
}

// add writes more variables for all hosts into the inventory.
func (f *winFarm) add(vars string) {
	f.t.Helper()
	text, err := os.ReadFile(f.inv)
	if err == nil {
		err = os.WriteFile(f.inv, append(text, vars...), 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// lockedBuffer takes what several goroutines print.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// certified makes a host speak TLS with a certificate that nobody vouches for.
func certified(t *testing.T, names ...netip.Addr) *tls.Config {
	t.Helper()
	w := windowsHost{Name: "w1", Addresses: names}
	if err := certify(&w); err != nil {
		t.Fatal(err)
	}
	own, err := tls.X509KeyPair([]byte(w.Certificate), []byte(w.Key))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{own}}
}
