package inventory

import (
	"slices"
	"strings"
	"time"
)

// winrmNames are one plugin's names for the settings of WS-Management, weak to
// strong where a setting has several.
type winrmNames struct {
	prefix                                 string
	scheme, path, auth, validation         []string
	ca, cert, key                          []string
	encryption, operation, read, connect   []string
	spnClass, spnHost, kinitMode, keytab   []string
	delegation, bindings, known, elsewhere []string
}

// namesOf are the names that Ansible's connection plugin winrm or psrp reads.
func namesOf(plugin string) *winrmNames {
	if plugin == "psrp" {
		return &winrmNames{
			prefix: "ansible_psrp_",
			scheme: []string{"ansible_psrp_protocol"}, path: []string{"ansible_psrp_path"}, auth: []string{"ansible_psrp_auth"},
			validation: []string{"ansible_psrp_cert_validation"},
			ca:         []string{"ansible_psrp_cert_trust_path", "ansible_psrp_ca_cert"},
			cert:       []string{"ansible_psrp_certificate_pem"}, key: []string{"ansible_psrp_certificate_key_pem"},
			encryption: []string{"ansible_psrp_message_encryption"},
			operation:  []string{"ansible_psrp_operation_timeout"}, read: []string{"ansible_psrp_read_timeout"}, connect: []string{"ansible_psrp_connection_timeout"},
			spnClass: []string{"ansible_psrp_negotiate_service"}, spnHost: []string{"ansible_psrp_negotiate_hostname_override"},
			delegation: []string{"ansible_psrp_negotiate_delegate"}, bindings: []string{"ansible_psrp_negotiate_send_cbt"},
			elsewhere: []string{"ansible_psrp_host", "ansible_psrp_port", "ansible_psrp_user"},
			known:     []string{"ansible_psrp_max_envelope_size", "ansible_psrp_reconnection_retries", "ansible_psrp_reconnection_backoff", "ansible_psrp_ignore_proxy"},
		}
	}
	return &winrmNames{
		prefix: "ansible_winrm_",
		scheme: []string{"ansible_winrm_scheme"}, path: []string{"ansible_winrm_path"}, auth: []string{"ansible_winrm_transport"},
		validation: []string{"ansible_winrm_server_cert_validation"},
		ca:         []string{"ansible_winrm_ca_trust_path"},
		cert:       []string{"ansible_winrm_cert_pem"}, key: []string{"ansible_winrm_cert_key_pem"},
		encryption: []string{"ansible_winrm_message_encryption"},
		operation:  []string{"ansible_winrm_connection_timeout", "ansible_winrm_operation_timeout_sec"}, read: []string{"ansible_winrm_read_timeout_sec"},
		spnClass: []string{"ansible_winrm_service"}, spnHost: []string{"ansible_winrm_kerberos_hostname_override"},
		kinitMode: []string{"ansible_winrm_kinit_mode"}, keytab: []string{"ansible_winrm_keytab"},
		delegation: []string{"ansible_winrm_kerberos_delegation"}, bindings: []string{"ansible_winrm_send_cbt"},
		elsewhere: []string{"ansible_winrm_host", "ansible_winrm_port", "ansible_winrm_user", "ansible_winrm_pass", "ansible_winrm_password"},
	}
}

// winrm reads how the host is spoken to over WS-Management. The port has been
// read already, for the scheme follows from it as in Ansible: http on 5985, else
// https. A scheme of http without a port means 5985 here (Ansible would speak http
// to 5986, which no host answers).
func (r *variables) winrm(a *Access, plugin string) {
	n := namesOf(plugin)
	w := &a.WinRM
	w.TLS = a.Port != 5985
	if r.choice(n.scheme, func(word string) bool { return word == "http" || word == "https" }, "http or https", func(word string) { w.TLS = word == "https" }) {
		w.TLS = true
	}
	w.Path, _, _ = r.text(n.path...)
	if w.Path != "" && !strings.HasPrefix(w.Path, "/") {
		w.Path = "/" + w.Path
	}
	r.winrmAuth(a, n)
	r.choice(n.validation, func(word string) bool { return word == "validate" || word == "ignore" }, "validate or ignore", func(word string) { w.SkipVerify = word == "ignore" })
	w.CAFile, _, _ = r.text(n.ca...)
	w.CertFile, _, _ = r.text(n.cert...)
	w.KeyFile, _, _ = r.text(n.key...)
	w.SPNClass, _, _ = r.text(n.spnClass...)
	w.SPNHost, _, _ = r.text(n.spnHost...)
	if n.keytab != nil {
		w.Keytab, _, _ = r.text(n.keytab...)
	}
	w.Pins = setting(r, "farmwall_tls_pins", nil, readPins).Value
	r.winrmTimes(a, n)
	r.winrmRefusals(a, n)
	r.winrmUnused(n)
}

// choice reads a word of a fixed few; wrong says that another one is there.
func (r *variables) choice(names []string, fits func(string) bool, hint string, take func(string)) (wrong bool) {
	text, v, ok := r.text(names...)
	if !ok || text == "" {
		return false
	}
	if !fits(text) {
		name := names[len(names)-1]
		r.tell(name, v, v.At, hint, "%s %s of host %q is not known", name, show(text), r.host)
		return true
	}
	take(text)
	return false
}

// winrmTimes reads the time-outs. Ansible's rule that reading must wait longer
// than the host may hold a request is kept, though farmwall needs only the first:
// every exchange has a deadline of its own.
func (r *variables) winrmTimes(a *Access, n *winrmNames) {
	a.WinRM.OperationTimeout = r.seconds(n.operation...)
	read := r.seconds(n.read...)
	operation := a.WinRM.OperationTimeout
	if operation == 0 {
		operation = 20 * time.Second
	}
	if read != 0 && read <= operation {
		_, v, _ := r.text(n.read...)
		r.tell(n.read[0], v, v.At, "make it longer", "%s of host %q must exceed the operation time-out of %s", n.read[0], r.host, operation)
	}
	if wait := r.seconds(n.connect...); wait != 0 && a.Timeout == 0 {
		a.Timeout = wait
	}
}

// winrmRefusals refuses what would send text in the clear.
func (r *variables) winrmRefusals(a *Access, n *winrmNames) {
	if text, v, ok := r.text(n.encryption...); ok {
		name := n.encryption[0]
		switch text {
		case "", "auto", "always":
		case "never":
			r.tell(name, v, v.At, "leave it out: over http farmwall seals every message", "%s: farmwall sends nothing in the clear", name)
		default:
			r.tell(name, v, v.At, "auto or always", "%s %s of host %q is not known", name, show(text), r.host)
		}
	}
	if text, v, ok := r.text(n.bindings...); ok {
		if on, known := boolOf(text); !on || !known {
			r.note(v, "farmwall always binds what it proves to the TLS channel", "%s is not used", n.bindings[0])
		}
	}
	if text, v, ok := r.text(n.delegation...); ok {
		if on, known := boolOf(text); on || !known {
			r.note(v, "farmwall never hands a credential on to a host", "%s is not used", n.delegation[0])
		}
	}
}

// winrmUnused names the variables of the plugin that farmwall does not honour.
func (r *variables) winrmUnused(n *winrmNames) {
	var honoured []string
	for _, names := range [][]string{n.scheme, n.path, n.auth, n.validation, n.ca, n.cert, n.key, n.encryption, n.operation, n.read,
		n.connect, n.spnClass, n.spnHost, n.kinitMode, n.keytab, n.delegation, n.bindings, n.known, n.elsewhere} {
		honoured = append(honoured, names...)
	}
	for _, name := range sortedKeys(r.vars) {
		if strings.HasPrefix(name, n.prefix) && !slices.Contains(honoured, name) && r.vars[name].Any != nil {
			r.note(r.vars[name], unusedHint(strings.TrimPrefix(name, n.prefix)), "%s is not used", name)
		}
	}
}

func unusedHint(name string) string {
	switch {
	case strings.HasPrefix(name, "kinit_"):
		return "farmwall speaks Kerberos itself and runs no program for it"
	case name == "realm":
		return "write the user as user@REALM"
	case name == "proxy":
		return "farmwall dials the host itself"
	case strings.HasPrefix(name, "credssp_"):
		return "farmwall does not speak CredSSP"
	case name == "configuration_name":
		return "farmwall runs its scripts in the host's command shell"
	}
	return "farmwall does not know it"
}
