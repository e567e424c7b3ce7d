package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/farm"
	"farmwall/transport/lab/windows/sshd"
	"farmwall/transport/lab/windows/wsman"
)

// argWindows is the hidden first argument of the program that plays the lab's
// Windows hosts.
const argWindows = "lab-windows"

// windowsLab is what that program is told on its standard input: all of the hosts.
type windowsLab struct {
	Dir    string         `json:"dir"` // of the lab
	Engine windows.Engine `json:"engine"`
	Hosts  []windowsHost  `json:"hosts"`
}

// windowsHost is one Windows host of the lab.
type windowsHost struct {
	Name      string       `json:"name"`
	Names     []string     `json:"names,omitempty"`
	Addresses []netip.Addr `json:"addresses"`
	Port      int          `json:"port"`
	SSH       bool         `json:"ssh,omitempty"`
	// Certificate and Key, in PEM, are of a host that speaks TLS, or SSH's host key.
	Certificate string           `json:"certificate,omitempty"`
	Key         string           `json:"key,omitempty"`
	Accounts    []windowsAccount `json:"accounts"`
	Client      string           `json:"client,omitempty"` // SSH's public key that is let in
	Rules       int              `json:"rules"`            // in the store, at least those that Windows brings
}

// windowsAccount is who may log on to a host, as administrator.
type windowsAccount struct{ Name, Password string }

// windowsMain is the program that plays the lab's Windows hosts: it says "ready" when
// all of them answer, or why they cannot, and ends with its standard input.
func windowsMain(stdin io.Reader, stdout io.Writer) int {
	var w windowsLab
	in := json.NewDecoder(stdin)
	err := in.Decode(&w)
	var f *farm.Farm
	if err == nil {
		f, err = w.up()
	}
	if err != nil {
		fmt.Fprintf(stdout, "%v\n", err)
		return 1
	}
	defer f.Close()
	fmt.Fprintln(stdout, windowsReady)
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, stdin)
		close(ended)
	}()
	select {
	case <-ended:
	case <-f.Ended():
	}
	return 0
}

const windowsReady = "ready"

// windowsControl is the socket of the Windows hosts in the lab's folder.
func windowsControl(dir string) string { return filepath.Join(dir, "guests", "control") }

// up brings the hosts up in this process.
func (w *windowsLab) up() (*farm.Farm, error) {
	program := ""
	if w.Engine == windows.PowerShell {
		var err error
		if program, err = windows.FindEngine(); err != nil {
			return nil, err
		}
	}
	stores := map[int][]windows.Entry{}
	var specs []farm.Spec
	for i := range w.Hosts {
		h := &w.Hosts[i]
		if stores[h.Rules] == nil {
			stores[h.Rules] = windows.Foreign("", windows.BuiltIn(""), h.Rules)
		}
		s, err := h.spec(stores[h.Rules])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		s.Host.Engine, s.Host.Program = w.Engine, program
		if w.Engine == windows.PowerShell {
			s.Host.Dir = filepath.Join(w.Dir, "guests", "disks", strconv.Itoa(i))
		}
		specs = append(specs, s)
	}
	f, err := farm.Up(specs)
	if err != nil {
		return nil, err
	}
	if err := f.Control(windowsControl(w.Dir)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// spec is a host as the package farm knows it. What its line needs is let in.
func (h *windowsHost) spec(store []windows.Entry) (farm.Spec, error) {
	s := farm.Spec{Host: windows.Options{Name: h.Name, Addresses: h.Addresses, Rules: store}}
	serve, program, err := h.line()
	if err != nil {
		return s, err
	}
	if h.SSH || h.Port != 5985 {
		what := "WinRM"
		if h.SSH {
			what = "OpenSSH-Server"
		}
		s.Host.Rules = append(store[:len(store):len(store)], windows.Entry{ID: what + "-In-TCP", Text: fmt.Sprintf("v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=%d|App=%s|Name=%s|", h.Port, program, what)})
	}
	for _, a := range h.Addresses {
		s.Lines = append(s.Lines, farm.Line{At: netip.AddrPortFrom(a, uint16(h.Port)), Program: program, Serve: serve})
	}
	return s, nil
}

// line is how the host is spoken to, and by which program a rule knows it.
func (h *windowsHost) line() (farm.Serve, string, error) {
	if h.SSH {
		o := sshd.Options{HostKey: []byte(h.Key)}
		for _, a := range h.Accounts {
			o.Accounts = append(o.Accounts, sshd.Account{Name: a.Name, Password: a.Password, Key: h.Client})
		}
		return func(ctx context.Context, l net.Listener, m *windows.Host) error { return sshd.Serve(ctx, l, m, o) },
			`%SystemRoot%\system32\OpenSSH\sshd.exe`, nil
	}
	o := wsman.Options{Name: h.Name, Domain: "LAB", Schemes: wsman.Schemes{Negotiate: true}}
	if h.Certificate != "" {
		own, err := tls.X509KeyPair([]byte(h.Certificate), []byte(h.Key))
		if err != nil {
			return nil, "", err
		}
		o.TLS, o.Schemes.Basic = &tls.Config{Certificates: []tls.Certificate{own}}, true
	}
	for _, a := range h.Accounts {
		o.Accounts = append(o.Accounts, accountOf(a, &o))
	}
	return func(ctx context.Context, l net.Listener, m *windows.Host) error {
		o := o
		o.Version = m.Version()
		return wsman.Serve(ctx, l, m, o)
	}, "System", nil
}

// accountOf is an account by the name that the inventory has for it: DOMAIN\name and
// name@domain are the domain's, other names the host's own.
func accountOf(a windowsAccount, o *wsman.Options) wsman.Account {
	out := wsman.Account{Name: a.Name, Password: a.Password, Admin: true}
	if domain, name, ok := strings.Cut(a.Name, `\`); ok {
		out.Name = name
		if domain != "." {
			out.Domain = domain
		}
	} else if name, domain, ok := strings.Cut(a.Name, "@"); ok {
		short, _, _ := strings.Cut(domain, ".")
		out.Name, out.Domain = name, strings.ToUpper(short)
		o.Domain, o.DNSDomain = out.Domain, domain
	}
	return out
}

// windowsPart plays the Windows hosts where the arguments say so.
func windowsPart(args []string) (handled bool, code int) {
	if len(args) != 1 || args[0] != argWindows {
		return false, 0
	}
	return true, windowsMain(os.Stdin, os.Stdout)
}

// text is what windowsMain reads.
func (w *windowsLab) text() ([]byte, error) { return json.Marshal(w) }

// firstLine takes what a program says, and tells its first line.
type firstLine struct {
	mu   sync.Mutex
	all  []byte
	line chan string // one place
	told bool
}

func (f *firstLine) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, b...)
	if line, _, ok := strings.Cut(string(f.all), "\n"); ok && !f.told {
		f.told = true
		f.line <- line
	}
	return len(b), nil
}

func (f *firstLine) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return string(f.all)
}
