package ssh

import (
	"errors"
	"fmt"
	"net"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"time"

	"farmwall/inventory"
)

// target is one place to log in to, everything decided.
type target struct {
	host    string // for messages: the inventory's name, or the jump host's
	address string // name or address to dial
	port    int
	user    string
	timeout time.Duration // of the TCP connection and, again, of the handshake

	keyName        string // in known_hosts
	userKnown      []string
	globalKnown    []string
	identities     []string // named by inventory or config, in order
	defaults       []string // the usual names, where none was given
	certs          []string
	identitiesOnly bool
	agent          string // socket or pipe; empty: none
	passphrase     inventory.Secret
	password       inventory.Secret
	noKeys         bool
	noPassword     bool
	noKeyboard     bool
	keepalive      time.Duration
	network        string // "tcp", "tcp4" or "tcp6"
	bind           string
	jumps          []*target // in the order of the way; the last one reaches the host
}

// id is the same for targets that one connection can serve.
func (t *target) id() string {
	var b strings.Builder
	for _, j := range t.jumps {
		b.WriteString(j.id() + " ")
	}
	fmt.Fprintf(&b, "%s@%s", t.user, net.JoinHostPort(t.address, strconv.Itoa(t.port)))
	return b.String()
}

const maxJumps = 8

var errCircle = errors.New("ProxyJump goes in a circle, or over more than 8 hosts")

// target decides how to reach a host of the inventory, whose variables beat the
// config files.
func (d *Dialer) target(h *inventory.Host) (*target, error) {
	a := h.Access
	if len(a.Problems) > 0 {
		return nil, a.Problems
	}
	t, err := d.resolve(h.Name, a, 0)
	if err != nil {
		return nil, err
	}
	t.password, t.passphrase = a.Password, a.KeyPassphrase
	return t, nil
}

func (d *Dialer) resolve(host string, a inventory.Access, depth int) (*target, error) {
	if a.Address == "" {
		return nil, errors.New("the host has no address")
	}
	if depth > maxJumps {
		return nil, errCircle
	}
	o := lookUp(d.files, a.Address, a.User, a.ProxyJump, d.localUser)
	if o.refused != nil {
		return nil, o.refused
	}
	t := &target{host: host, address: o.hostName(), port: a.Port, user: o.userName(), timeout: a.Timeout, network: "tcp", bind: o.text("bindaddress")}
	if t.user == "" {
		return nil, errors.New("no user: set ansible_user, -u or User in ssh_config")
	}
	var wrong []error
	number := func(key string, most int) int {
		v := o.values[key]
		if v == nil {
			return 0
		}
		n, err := strconv.Atoi(v.args[0])
		if err != nil || n < 0 || n > most {
			wrong = append(wrong, fmt.Errorf("%s: %s is no number from 0 to %d", v.at(), v.args[0], most))
		}
		return n
	}
	if t.port == 0 {
		t.port = number("port", 65535)
	}
	if t.port == 0 {
		t.port = 22
	}
	if t.timeout == 0 {
		t.timeout = time.Duration(number("connecttimeout", 86400)) * time.Second
	}
	if t.timeout == 0 {
		t.timeout = d.cfg.Timeout
	}
	if t.keepalive = time.Duration(number("serveraliveinterval", 86400)) * time.Second; t.keepalive == 0 {
		t.keepalive = d.cfg.Keepalive
	}
	switch strings.ToLower(o.text("addressfamily")) {
	case "inet":
		t.network = "tcp4"
	case "inet6":
		t.network = "tcp6"
	}
	if v := o.values["stricthostkeychecking"]; v != nil && (o.off(v.key) || strings.EqualFold(v.args[0], "off")) {
		wrong = append(wrong, fmt.Errorf("%s: StrictHostKeyChecking %s: farmwall always checks host keys; take the line out and run farmwall ping --learn", v.at(), v.args[0]))
	}
	t.noKeys, t.noPassword = o.off("pubkeyauthentication"), o.off("passwordauthentication")
	t.noKeyboard = o.off("kbdinteractiveauthentication") || o.off("challengeresponseauthentication")

	t.keyName = knownName(t.address, t.port)
	if alias := o.text("hostkeyalias"); alias != "" {
		t.keyName = strings.ToLower(alias)
	}
	expand := func(v *directive, words []string) (out []string) {
		for _, w := range words {
			if strings.EqualFold(w, "none") {
				continue
			}
			path, err := d.path(w, t)
			if err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", v.at(), err))
				continue
			}
			out = append(out, path)
		}
		return out
	}
	d.known(t, a, o, expand)
	d.keys(t, a, o, expand)
	if v := o.values["proxyjump"]; v != nil && !strings.EqualFold(v.args[0], "none") {
		jumps, err := d.jumps(strings.Join(v.args, " "), a, depth)
		if err == errCircle && depth > 0 {
			return nil, err
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", v.at(), err))
		}
		t.jumps = jumps
	}
	return t, errors.Join(wrong...)
}

// localUser is the name of the user who runs farmwall.
func localUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	if _, name, ok := strings.Cut(u.Username, `\`); ok && runtime.GOOS == "windows" {
		return name
	}
	return u.Username
}
