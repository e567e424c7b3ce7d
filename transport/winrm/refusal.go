package winrm

import (
	"fmt"
	"net/http"
	"strings"

	"farmwall/transport"
)

// refusal is an answer of HTTP without a message of WS-Management in it.
type refusal struct {
	status  int
	offered []string // schemes
	server  string
	err     error // with its sentinel
	hint    string
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// harmless says that the host surely did nothing with the request.
func (r *refusal) harmless() bool {
	return r.status >= 300 && r.status < 500 || r.status == http.StatusServiceUnavailable || r.status == http.StatusNotImplemented
}

// refusal says what the status means.
func (k *link) refusal(a *answered) *refusal {
	r := &refusal{status: a.status, offered: schemes(a.header), server: transport.Printable([]byte(a.header.Get("Server")))}
	who := "HTTP status " + fmt.Sprint(a.status)
	if r.server != "" {
		who += " of " + r.server
	}
	set := func(sentinel error, text, hint string) *refusal {
		if text != "" {
			text = " (" + text + ")"
		}
		r.err, r.hint = fmt.Errorf("%w: %s%s", sentinel, who, text), hint
		return r
	}
	secure := k.state != nil
	switch a.status {
	case http.StatusUnauthorized:
		return set(transport.ErrRejected, "the host offers "+offer(r.offered), k.hintRejected(r.offered))
	case http.StatusBadRequest:
		if !secure && strings.Contains(strings.ToLower(string(a.body)), "https") {
			return set(transport.ErrNotWinRM, "the port wants https", "set ansible_winrm_scheme: https")
		}
		return set(transport.ErrLineBroke, "the host could not read the message", "does a load balancer or proxy stand in between?")
	case http.StatusForbidden:
		if k.target.auth == authCertificate {
			return set(transport.ErrRejected, "the client certificate was not accepted", "is it mapped to an account there (winrm/config/service/certmapping), and its CA trusted?")
		}
		return set(transport.ErrNoPrivilege, "", "is this WinRM, and does the account belong to the host's administrators?")
	case http.StatusProxyAuthRequired, http.StatusBadGateway, http.StatusGatewayTimeout:
		return set(transport.ErrNotWinRM, "a proxy answers", "connect to the host itself")
	case http.StatusRequestEntityTooLarge:
		return set(transport.ErrQuota, "the message is too long for the host", "set MaxEnvelopeSizekb to 150 or more there (winrm set winrm/config)")
	case http.StatusServiceUnavailable:
		return set(transport.ErrBusy, "the service takes no more requests", "see the quotas in winrm get winrm/config there, and try again later")
	case http.StatusInternalServerError:
		if secure {
			return set(transport.ErrLineBroke, "without a reason", "see the event log Microsoft-Windows-WinRM there")
		}
		return set(transport.ErrLineBroke, "without a sealed reason", "the host may not have taken the sealing: see the event log Microsoft-Windows-WinRM there")
	case http.StatusOK:
		return set(transport.ErrNotWinRM, "what it answers is "+transport.Printable([]byte(a.header.Get("Content-Type"))), hintWinRM)
	}
	return set(transport.ErrNotWinRM, "", "another web server (IIS, a proxy) has this port; "+hintWinRM)
}

// hintRejected says what a 401 can mean; hosts do not tell.
func (k *link) hintRejected(offered []string) string {
	hint := "check the user and the password, and that it is not locked or expired"
	if k.target.auth == authBasic {
		hint = "Basic takes local accounts only: check the user and the password"
	}
	if k.target.auth == authKerberos || k.target.auth == authSSPI {
		hint = "a ticket for it was there, so the password is right: is the service name (SPN) on the host's own computer account, and only there (setspn -Q), is the host's clock right, and may the user log on there?"
	}
	if !has(offered, schemeKerberos) && k.target.auth == authNTLM && !strings.ContainsAny(k.target.access.User, `\@`) {
		hint += "; a domain's account is written DOMAIN\\name"
	}
	if k.state != nil {
		hint += "; with CbtHardeningLevel=Strict nothing may stand between this machine and the host"
	}
	return hint
}

// schemes are the names in WWW-Authenticate, one line or several.
func schemes(h http.Header) []string {
	var names []string
	for _, line := range h.Values("WWW-Authenticate") {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name = strings.TrimSuffix(name, ","); name != "" && len(names) < 10 {
			names = append(names, transport.Printable([]byte(name[:min(len(name), 100)])))
		}
	}
	return names
}

func has(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// offer lists schemes in words.
func offer(names []string) string {
	var words []string
	for _, n := range names {
		if strings.HasSuffix(n, "/https/mutual") {
			n = "client certificates"
		}
		words = append(words, n)
	}
	if len(words) == 0 {
		return "no authentication at all"
	}
	return strings.Join(words, ", ")
}
