package winrm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/messages"

	"farmwall/transport"
)

const (
	krbOp      = "log in with Kerberos"
	hintCipher = "let the account use AES (msDS-SupportedEncryptionTypes), and change its password once so that it has AES keys"
)

// What is wrong with Kerberos, finer than transport's errors.
var (
	errRealm     = errors.New("realm not known")
	errNoKDC     = errors.New("KDC not known")
	errPrincipal = errors.New("user not known")
	errSecret    = errors.New("wrong password or keytab")
	errService   = errors.New("host not known")
	errExpired   = errors.New("expired")
	errCipher    = errors.New("cipher not supported")
)

// krbError is a failure before anything ran on the host.
func krbError(class, err error, hint string) error {
	return &transport.Error{Op: krbOp, Err: fmt.Errorf("%w: %w", class, err), Hint: hint, NotRun: true}
}

// kdcSays is an error of the KDC in its own words.
func kdcSays(e messages.KRBError) string {
	words := errorcode.Lookup(e.ErrorCode)
	if e.EText != "" {
		words += " - " + transport.Printable([]byte(e.EText))
	}
	return words
}

// explain turns what came of a login into an error for people.
func (a *account) explain(err error) error {
	var e *transport.Error
	var ke messages.KRBError
	var silence *kdcSilence
	switch {
	case errors.As(err, &e):
		return err
	case errors.As(err, &ke):
		return a.explainKDC(ke)
	case errors.As(err, &silence):
		return krbError(transport.ErrTicket, err, "is a domain controller up, and does a firewall on the way let TCP port 88 through?")
	case errors.Is(err, errNoKDC):
		return krbError(transport.ErrTicket, err, "is "+a.who.realm+" the domain's DNS name? name its KDCs in krb5.conf ([realms]), or let this machine use the domain's DNS")
	case errors.Is(err, errSecret):
		return krbError(transport.ErrRejected, fmt.Errorf("%w of %s", err, a.who), a.hintSecret())
	case errors.Is(err, errCipher):
		return krbError(transport.ErrTicket, err, hintCipher)
	}
	return krbError(transport.ErrTicket, err, "")
}

func (a *account) hintSecret() string {
	if a.keytab != nil {
		return "make the keytab anew: every change of the password makes the old one useless"
	}
	return "correct the password; upper and lower case count in the user's name too"
}

func (a *account) explainKDC(e messages.KRBError) error {
	said := errors.New(kdcSays(e))
	switch e.ErrorCode {
	case errorcode.KDC_ERR_PREAUTH_FAILED, errorcode.KRB_AP_ERR_BAD_INTEGRITY:
		return krbError(transport.ErrRejected, fmt.Errorf("%w of %s (%w)", errSecret, a.who, said), a.hintSecret())
	case errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN:
		return krbError(transport.ErrRejected, fmt.Errorf("%w: %s has no %s (%w)", errPrincipal, a.who.realm, a.who.name.PrincipalNameString(), said),
			"write the user as name@REALM; a mail-like suffix (UPN) that is not the domain's DNS name does not work")
	case errorcode.KDC_ERR_CLIENT_REVOKED:
		return krbError(transport.ErrRejected, fmt.Errorf("%s is locked, disabled or outside its hours (%w)", a.who, said), "unlock or enable the account")
	case errorcode.KDC_ERR_KEY_EXPIRED:
		return krbError(transport.ErrRejected, fmt.Errorf("the password of %s has expired (%w)", a.who, said), "change the password")
	case errorcode.KRB_AP_ERR_SKEW:
		return skewError(e, "KDC of "+a.who.realm)
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return krbError(transport.ErrTicket, fmt.Errorf("%w: %s (%w)", errCipher, a.who, said), hintCipher)
	case errorcode.KRB_AP_ERR_TKT_EXPIRED:
		return krbError(transport.ErrTicket, fmt.Errorf("%w (%w)", errExpired, said), hintKinit)
	case errorcode.KDC_ERR_WRONG_REALM:
		return krbError(transport.ErrTicket, fmt.Errorf("%w: %s is of another realm (%w)", errRealm, a.who, said), "write the user as name@REALM with the DNS name of its own domain")
	}
	return krbError(transport.ErrTicket, fmt.Errorf("the KDC of %s says: %w", a.who.realm, said), "")
}

// skewError says how far the clocks are apart.
func skewError(e messages.KRBError, whose string) error {
	gap := time.Until(e.STime)
	where := "behind"
	if gap < 0 {
		where, gap = "ahead of", -gap
	}
	return krbError(transport.ErrClockSkew, fmt.Errorf("the clock of this machine is %s %s the %s", gap.Round(time.Second), where, whose),
		"set the clocks: Kerberos allows 5 minutes of difference")
}

// explainService turns what came of asking for a service's ticket into an error.
func (a *account) explainService(err error, s spn, realm string) error {
	var ke messages.KRBError
	if !errors.As(err, &ke) {
		return a.explain(err)
	}
	switch ke.ErrorCode {
	case errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_PRINCIPAL_NOT_UNIQUE:
		hint := "give ansible_host the host's full DNS name, or the right name in ansible_winrm_kerberos_hostname_override; on a domain member, setspn -L HOST lists its names"
		if !strings.Contains(s.host, ".") {
			hint = "short names often have no service name: " + hint
		}
		return krbError(transport.ErrTicket, fmt.Errorf("%w: %s has no service %s (%s)", errService, realm, s, kdcSays(ke)), hint)
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return krbError(transport.ErrTicket, fmt.Errorf("%w: %s has no AES key (%s)", errCipher, s, kdcSays(ke)), hintCipher)
	}
	return a.explainKDC(ke)
}

// hostError turns the host's KRB-ERROR into an error for people.
func (a *account) hostError(body []byte) error {
	var e messages.KRBError
	if err := e.Unmarshal(body); err != nil {
		return krbError(transport.ErrRejected, errors.New("the host refuses the ticket and its reason cannot be read"), "")
	}
	switch e.ErrorCode {
	case errorcode.KRB_AP_ERR_SKEW, errorcode.KRB_AP_ERR_TKT_NYV:
		return skewError(e, "host")
	case errorcode.KRB_AP_ERR_TKT_EXPIRED:
		return krbError(transport.ErrTicket, fmt.Errorf("%w: the host's clock says so (%s)", errExpired, kdcSays(e)), "compare the clocks of this machine and the host")
	case errorcode.KRB_AP_ERR_MODIFIED, errorcode.KRB_AP_ERR_NOKEY, errorcode.KRB_AP_ERR_BADKEYVER, errorcode.KRB_AP_ERR_NOT_US:
		return krbError(transport.ErrRejected, fmt.Errorf("the host cannot open the ticket (%s)", kdcSays(e)),
			"the name is another machine's: is the service name (SPN) on the host's own computer account, and only there? setspn -Q shows it")
	}
	return krbError(transport.ErrRejected, fmt.Errorf("the host says: %s", kdcSays(e)), "")
}
