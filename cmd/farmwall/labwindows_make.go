package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"farmwall/inventory"
	"farmwall/transport/lab"
	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/sshd"
)

// labAccount is an administrator whom every Windows host of the lab knows.
const labAccount = "labadmin"

// guests is the Windows hosts of a lab before they are up, and what a controller needs
// to know of them.
type guests struct {
	windowsLab
	password string // of labAccount
	// login: some host cannot be logged on to with what the inventory says.
	login bool
	known strings.Builder // known_tls
	keys  strings.Builder // known_hosts
}

// newGuests makes the Windows hosts of an inventory, each with the account that the
// inventory names and the lab's own.
func newGuests(inv *inventory.Inventory, specs []lab.HostSpec, engine windows.Engine, rules int) (*guests, error) {
	g := &guests{windowsLab: windowsLab{Engine: engine}, password: rand.Text()[:16]}
	for _, s := range specs {
		h := inv.Host(s.Name)
		if err := g.add(h, s, rules); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *guests) add(h *inventory.Host, s lab.HostSpec, rules int) error {
	w := windowsHost{Name: s.Name, Addresses: s.Addresses, Port: s.Port, SSH: h.Access.Connection == "ssh", Rules: rules,
		Accounts: []windowsAccount{{labAccount, g.password}}}
	if h.Access.User != "" && !h.Access.Password.Empty() {
		w.Accounts = append(w.Accounts, windowsAccount{h.Access.User, h.Access.Password.Reveal()})
	}
	w.Names = append([]string{s.Name}, s.Names...)
	if w.Port == 0 {
		w.Port = 5985
		switch {
		case w.SSH:
			w.Port = 22
		case h.Access.WinRM.TLS:
			w.Port = 5986
		}
	}
	switch {
	case w.SSH:
		name := h.Access.User
		if name == "" {
			name = ownName()
		}
		if len(w.Accounts) == 1 {
			w.Accounts = append(w.Accounts, windowsAccount{Name: name}) // by key
		}
		return g.sshHost(w)
	case h.Access.WinRM.TLS:
		if err := g.tlsHost(&w, h); err != nil {
			return err
		}
	}
	auth := h.Access.WinRM.Auth
	g.login = g.login || len(w.Accounts) == 1 || auth == "kerberos" || auth == "certificate" || auth == "sspi" || auth == "" && strings.Contains(h.Access.User, "@")
	g.Hosts = append(g.Hosts, w)
	return nil
}

func (g *guests) sshHost(w windowsHost) error {
	private, public, err := sshd.NewKey("")
	if err != nil {
		return err
	}
	w.Key = string(private)
	names := w.Names
	for _, a := range w.Addresses {
		names = append(names, a.String())
	}
	for _, at := range names {
		if w.Port != 22 {
			at = fmt.Sprintf("[%s]:%d", at, w.Port)
		}
		fmt.Fprintf(&g.keys, "%s %s", at, public)
	}
	g.Hosts = append(g.Hosts, w)
	return nil
}

// tlsHost gives the host a certificate of its own, as New-SelfSignedCertificate would.
func (g *guests) tlsHost(w *windowsHost, h *inventory.Host) error {
	if err := certify(w); err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(w.Certificate))
	sum := sha256.Sum256(block.Bytes)
	names := []string{tlsAddress(h)}
	for _, a := range w.Addresses {
		names = append(names, net.JoinHostPort(a.String(), strconv.Itoa(w.Port)))
	}
	slices.Sort(names)
	for _, at := range slices.Compact(names) {
		fmt.Fprintf(&g.known, "%s sha256 %s\n", strings.ToLower(at), hex.EncodeToString(sum[:]))
	}
	return nil
}

func certify(w *windowsHost) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		return err
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: w.Name}, DNSNames: []string{w.Name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, a := range w.Addresses {
		c.IPAddresses = append(c.IPAddresses, net.IP(a.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	w.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	w.Key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return nil
}

// letIn has the hosts with SSH accept a key.
func (g *guests) letIn(private []byte) error {
	public, err := sshd.PublicKey(private)
	if err != nil {
		return err
	}
	for i := range g.Hosts {
		if g.Hosts[i].SSH {
			g.Hosts[i].Client = public
		}
	}
	return nil
}

// ownName is the name by which ssh logs in unless told another.
func ownName() string {
	u, err := user.Current()
	if err != nil {
		return labAccount
	}
	return u.Username
}

// loopback says whether all hosts are on addresses that this machine has anyway.
func (g *guests) loopback() bool {
	for _, h := range g.Hosts {
		if slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return !a.IsLoopback() }) {
			return false
		}
	}
	return len(g.Hosts) > 0
}

// Files in the lab's folder of guests.
func knownTLSIn(dir string) string { return filepath.Join(dir, "guests", "known_tls") }
func extraIn(dir string) string    { return filepath.Join(dir, "guests", "extra.json") }

// write leaves in the lab's folder what a controller needs: certificates, SSH keys
// beside those of known_hosts, and the log-in where the inventory's is of no use.
func (g *guests) write(dir, keyFile, knownHosts string) error {
	if err := os.WriteFile(knownTLSIn(dir), []byte(g.known.String()), 0o600); err != nil {
		return err
	}
	if g.keys.Len() > 0 {
		if err := appendPrivately(knownHosts, g.keys.String()); err != nil {
			return err
		}
	}
	extra := ""
	if keyFile != "" {
		extra = fmt.Sprintf("%q: %q", "ansible_ssh_private_key_file", keyFile)
	}
	if g.login {
		if extra != "" {
			extra += ", "
		}
		extra += fmt.Sprintf("%q: %q, %q: %q, %q: %q", "ansible_winrm_user", labAccount, "ansible_winrm_password", g.password, "ansible_winrm_transport", "ntlm")
		extra += fmt.Sprintf(", %q: %q, %q: %q", "ansible_psrp_user", labAccount, "ansible_psrp_auth", "ntlm")
	}
	return os.WriteFile(extraIn(dir), []byte("{"+extra+"}\n"), 0o600)
}
