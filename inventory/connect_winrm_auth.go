package inventory

import (
	"encoding/hex"
	"strings"
)

// winrmSchemes maps Ansible's words for authentication to ours.
func winrmSchemes() map[string]string {
	return map[string]string{"basic": "basic", "ssl": "basic", "plaintext": "basic", "ntlm": "ntlm", "kerberos": "kerberos",
		"negotiate": "negotiate", "certificate": "certificate"}
}

// winrmAuth reads which authentication is asked for. Ansible tries a list in turn;
// farmwall takes the first and never falls back to another.
func (r *variables) winrmAuth(a *Access, n *winrmNames) {
	name := n.auth[0]
	v, ok := r.find(name)
	if !ok {
		return
	}
	items, ok := v.part().items()
	if !ok {
		r.tell(name, v, v.At, "", "%s is %s, not a text", name, kindOf(v.Any))
		return
	}
	if len(items) == 0 {
		return
	}
	word, _ := items[0].text()
	if len(items) > 1 {
		r.note(v, "it never falls back from one authentication to another", "%s: farmwall takes the first, %s", name, show(word))
	}
	scheme := winrmSchemes()[lower(word)]
	switch {
	case lower(word) == "credssp":
		r.tell(name, v, v.At, "ntlm or kerberos will do: farmwall needs no second hop", "%s credssp of host %q is not supported", name, r.host)
		return
	case scheme == "":
		r.tell(name, v, v.At, "ntlm, kerberos, negotiate, certificate or basic", "%s %s of host %q is not known", name, show(word), r.host)
		return
	case scheme == "basic" && !a.WinRM.TLS:
		r.tell(name, v, v.At, "use ntlm or kerberos, which seal every message, or https", "%s %s of host %q would send the password in the clear over http", name, show(word), r.host)
		return
	case scheme == "certificate" && !a.WinRM.TLS:
		r.tell(name, v, v.At, "a client certificate needs https", "%s %s of host %q cannot work over http", name, show(word), r.host)
		return
	}
	a.WinRM.Auth = scheme
	if scheme == "certificate" {
		cert, _, _ := r.text(n.cert...)
		key, _, _ := r.text(n.key...)
		if cert == "" || key == "" {
			r.tell(name, v, v.At, "two PEM files: "+n.cert[0]+" and "+n.key[0], "%s certificate of host %q needs %s and %s", name, r.host, n.cert[0], n.key[0])
		}
	}
	if n.kinitMode == nil {
		return
	}
	mode, at, ok := r.text(n.kinitMode...)
	switch {
	case !ok || mode == "" || mode == "managed":
	case mode == "manual": // the ticket that the user has got, not the password
		if scheme == "kerberos" {
			a.Password = Secret{}
		}
	default:
		r.tell(n.kinitMode[0], at, at.At, "managed or manual", "%s %s of host %q is not known", n.kinitMode[0], show(mode), r.host)
	}
}

// readPins reads farmwall_tls_pins: SHA-256 fingerprints of certificates in hex,
// with or without colons, as browsers, openssl and farmwall show them.
func readPins(p part, bad complaint) []string {
	items, ok := p.items()
	if !ok || len(items) == 0 {
		bad(p.at, "a list, or a text with commas", "%s is no list of fingerprints", show(p.any))
	}
	var pins []string
	for _, item := range items {
		text, _ := item.text()
		pin := strings.ToLower(strings.ReplaceAll(text, ":", ""))
		pin = strings.TrimPrefix(strings.TrimPrefix(pin, "sha256"), "=")
		if sum, err := hex.DecodeString(pin); err != nil || len(sum) != 32 {
			bad(item.at, "the SHA-256 of the certificate, 64 digits in hex; quote it in YAML", "%s is no fingerprint", show(item.any))
			continue
		}
		pins = append(pins, pin)
	}
	return pins
}
