package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
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

// known decides which files hold the keys of known hosts.
func (d *Dialer) known(t *target, a inventory.Access, o *options, expand func(*directive, []string) []string) {
	t.userKnown = []string{filepath.Join(d.cfg.Home, ".ssh", "known_hosts"), filepath.Join(d.cfg.Home, ".ssh", "known_hosts2")}
	t.globalKnown = []string{filepath.Join(d.cfg.System, "ssh_known_hosts"), filepath.Join(d.cfg.System, "ssh_known_hosts2")}
	if v := o.values["userknownhostsfile"]; v != nil {
		t.userKnown = expand(v, v.args)
	}
	if len(a.KnownHosts) > 0 {
		t.userKnown = nil
		for _, path := range a.KnownHosts {
			t.userKnown = append(t.userKnown, tilde(path, d.cfg.Home))
		}
	}
	if len(d.cfg.KnownHosts) > 0 {
		t.userKnown = d.cfg.KnownHosts
	}
	if v := o.values["globalknownhostsfile"]; v != nil {
		t.globalKnown = expand(v, v.args)
	}
}

// keys decides which keys and which agent may be used.
func (d *Dialer) keys(t *target, a inventory.Access, o *options, expand func(*directive, []string) []string) {
	if a.KeyFile != "" {
		t.identities = append(t.identities, tilde(a.KeyFile, d.cfg.Home))
	}
	for _, v := range o.identities {
		t.identities = append(t.identities, expand(v, v.args[:1])...)
	}
	for _, v := range o.certs {
		t.certs = append(t.certs, expand(v, v.args[:1])...)
	}
	if len(t.identities) == 0 && len(o.identities) == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			t.defaults = append(t.defaults, filepath.Join(d.cfg.Home, ".ssh", name))
		}
	}
	t.identitiesOnly = a.IdentitiesOnly || strings.EqualFold(o.text("identitiesonly"), "yes")
	t.agent = d.cfg.Agent
	switch v := o.values["identityagent"]; {
	case v == nil || v.args[0] == "SSH_AUTH_SOCK":
	case strings.EqualFold(v.args[0], "none"):
		t.agent = ""
	case strings.HasPrefix(v.args[0], "$") && !strings.HasPrefix(v.args[0], "${"):
		t.agent = os.Getenv(v.args[0][1:])
	default:
		t.agent = strings.Join(expand(v, v.args[:1]), "")
	}
}

// jumps reads a ProxyJump list: [user@]host[:port] or ssh://, separated by
// commas. The first one may itself be behind jump hosts.
func (d *Dialer) jumps(list string, a inventory.Access, depth int) ([]*target, error) {
	var way []*target
	for i, spec := range strings.Split(list, ",") {
		spec = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(spec), "ssh://"), "/")
		userName, host := "", spec
		if at := strings.LastIndex(spec, "@"); at >= 0 {
			userName, host = spec[:at], spec[at+1:]
		}
		port := 0
		if h, p, err := net.SplitHostPort(host); err == nil {
			n, err := strconv.ParseUint(p, 10, 16)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%q is no port", p)
			}
			host, port = h, int(n)
		}
		host = strings.Trim(host, "[]")
		if host == "" || strings.ContainsAny(host, " \t") {
			return nil, fmt.Errorf("ProxyJump %q names no host", list)
		}
		j, err := d.resolve("jump host "+host, inventory.Access{Address: host, User: userName, Port: port, Timeout: a.Timeout, KnownHosts: a.KnownHosts}, depth+1)
		if errors.Is(err, errCircle) {
			return nil, errCircle
		}
		if err != nil {
			return nil, fmt.Errorf("jump host %s: %w", host, err)
		}
		if i == 0 {
			way = append(way, j.jumps...)
		}
		j.jumps = append([]*target(nil), way...)
		way = append(way, j)
	}
	if len(way) > maxJumps {
		return nil, errCircle
	}
	return way, nil
}

// path replaces "~/", "${NAME}" and OpenSSH's percent signs in a file name.
func (d *Dialer) path(s string, t *target) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '$' && i+1 < len(s) && s[i+1] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("%q: ${ is not closed", s)
			}
			b.WriteString(os.Getenv(s[i+2 : i+end]))
			i += end
		case s[i] == '%' && i+1 < len(s):
			i++
			switch s[i] {
			case '%':
				b.WriteByte('%')
			case 'd':
				b.WriteString(d.cfg.Home)
			case 'h':
				b.WriteString(t.address)
			case 'p':
				b.WriteString(strconv.Itoa(t.port))
			case 'r':
				b.WriteString(t.user)
			case 'u':
				b.WriteString(d.localUser)
			default:
				return "", fmt.Errorf("%q: farmwall does not know %%%c", s, s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return tilde(b.String(), d.cfg.Home), nil
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
