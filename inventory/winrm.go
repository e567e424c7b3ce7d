package inventory

import "time"

// WinRM is how a host is spoken to over WS-Management. Empty fields mean the
// transport's default.
type WinRM struct {
	TLS  bool   // https
	Path string // default "/wsman"
	// Auth is "ntlm", "kerberos", "negotiate" (Kerberos inside SPNEGO where a ticket
	// can be had, else NTLM), "basic", "certificate" or "sspi" (whoever is logged on to
	// a Windows controller). Empty: by the form of the user's name.
	Auth string

	// CAFile are certificates to trust instead of the system's; Pins are SHA-256 of
	// certificates in lower-case hex, trusted whatever else is wrong with them.
	CAFile string
	Pins   []string
	// ServerName is what the certificate must name; empty: the address dialled.
	ServerName string
	// SkipVerify is ansible_winrm_server_cert_validation: ignore. It is honoured only
	// together with a flag that says so.
	SkipVerify bool

	CertFile, KeyFile string // client certificate, PEM

	// SPNClass ("HTTP") and SPNHost name the host's Kerberos principal; Keytab, CCache
	// and KrbConf are files, empty: KRB5_CLIENT_KTNAME, KRB5CCNAME, KRB5_CONFIG and their
	// defaults.
	SPNClass, SPNHost       string
	Keytab, CCache, KrbConf string

	// OperationTimeout is how long the host may hold one request; 0: the transport's.
	OperationTimeout time.Duration
}

// Windows says whether the host is a Windows host: one that is reached by WinRM, or
// by SSH with PowerShell behind it.
func (h *Host) Windows() bool {
	return h.Access.Connection == "winrm" || h.Access.Shell == "powershell"
}
