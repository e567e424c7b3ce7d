package wsman

import (
	"crypto/tls"
	"time"
)

// Options are a host's settings. The zero value is a host as Windows Server 2016
// and later are when they are new: Negotiate only, nothing unsealed, no accounts.
type Options struct {
	// Name is the computer's name; empty: WIN-LAB. Domain and DNSDomain are the two
	// names of its domain; empty: a workgroup.
	Name, Domain, DNSDomain string
	// Release says how old the host is, for its quotas and the form of its answers.
	Release Release
	// Version is the host's, major.minor.build, for who asks it to identify itself; empty
	// means the one that Release began with.
	Version string
	// Quotas replace those of the release.
	Quotas *Quotas
	// TLS, where it is set, is spoken on every connection. Sealing is not asked for
	// then. Certificates[0] is what channel bindings are made of.
	TLS *tls.Config
	// Schemes are those that the service takes and offers.
	Schemes Schemes
	// AllowUnencrypted takes messages over HTTP that are not sealed.
	AllowUnencrypted bool
	// CbtHardeningLevel is about the channel binding over TLS.
	CbtHardeningLevel Cbt
	// Accounts are who may log on with a password, or with a certificate that names
	// them.
	Accounts []Account
	// Certificates map client certificates to local accounts.
	Certificates []Mapping
	// Kerberos verifies tickets. Without it a host offers no Kerberos.
	Kerberos *Keytab
	// ConnectionIdle is how long an unused connection is kept; 0: two minutes, as
	// HTTP.sys does.
	ConnectionIdle time.Duration
	// Gather is how long a Receive that has some output waits for more of it, or for
	// the end of the command; 0: 50 ms, less than 0: not at all.
	Gather time.Duration
	// Faults are what goes wrong from the start (Service.SetFaults changes them).
	Faults Faults
}

// Schemes are authentication schemes, as in winrm/config/service/auth.
type Schemes struct{ Basic, Negotiate, Kerberos, Certificate bool }

// Account is somebody who can log on.
type Account struct {
	Name, Password string
	// Domain is the NetBIOS name of the account's domain. Empty: a local account,
	// the only kind that Basic and certificates take.
	Domain string
	// Admin: the token is an elevated administrator's. Remote: a member of Remote
	// Management Users. Others log on, but get no shell (fault 5).
	Admin, Remote bool
}

// Mapping is an entry of winrm/config/service/certmapping: certificates with this
// user principal name in their subject alternative name log on as the account.
type Mapping struct{ UPN, Account string }

// name is the computer's name.
func (o *Options) name() string {
	if o.Name == "" {
		return "WIN-LAB"
	}
	return o.Name
}
