package ssh

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"farmwall/inventory"
)

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
