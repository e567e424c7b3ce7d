package inventory

import "time"

// Access says how to reach a host. Empty fields mean the transport's default.
type Access struct {
	Connection     string // "ssh" or "winrm"
	Address        string // name or address to dial; never empty
	Port           int    // 0: the transport's default
	User           string
	Password       Secret
	KeyFile        string // as written: "~" and relative paths are the transport's to resolve
	KeyPassphrase  Secret
	IdentitiesOnly bool          // offer KeyFile only, no key of an agent
	Timeout        time.Duration // of dialling; 0: the transport's default
	Become         bool
	BecomeUser     string // default root
	BecomePassword Secret
	Shell          string // ansible_shell_type: "sh" or "powershell"

	// ProxyJump is the way through other hosts as ssh -J has it:
	// [user@]host[:port], with commas between several.
	ProxyJump string
	// KnownHosts are files to use instead of ~/.ssh/known_hosts.
	KnownHosts []string

	// WinRM is how a host with Connection "winrm" is spoken to.
	WinRM WinRM

	// Problems say why this access must not be used. It is empty for every host
	// that Contacted; another host's mistakes concern only who contacts it all the
	// same.
	Problems Problems

	fallback struct{ user, become bool } // taken from the command line
}
