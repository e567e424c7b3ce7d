package inventory

import (
	"slices"
	"strings"
	"time"
)

// text returns the strongest of several names for one setting, weak to strong.
// Only scalars have a text; anything else is reported.
func (r *variables) text(names ...string) (text string, v Value, ok bool) {
	for i := len(names) - 1; i >= 0; i-- {
		v, ok := r.find(names[i])
		if !ok {
			continue
		}
		text, isText := textOf(v.Any)
		if !isText {
			r.tell(names[i], v, v.At, "", "%s is %s, not a text", names[i], kindOf(v.Any))
			return "", v, false
		}
		return text, v, true
	}
	return "", Value{}, false
}

// secret is text for a password. Of a host that may never be contacted it is
// fetched when it is needed: a command for each of a thousand hosts takes its time,
// and may ask a person.
func (r *variables) secret(names ...string) Secret {
	for i := len(names) - 1; i >= 0 && r.later; i-- {
		v, ok := r.vars[names[i]]
		if !ok || v.Any == nil {
			continue
		}
		if !r.needsWork(v) {
			break
		}
		name, host, values := names[i], r.of, r.resolver
		return Secret{later: &laterSecret{fetch: func() string {
			out, _, err := values.resolve(host, name, v)
			if text, isText := textOf(out.Any); isText && err == nil {
				return text
			}
			return ""
		}}}
	}
	text, _, _ := r.text(names...)
	return NewSecret(text)
}

// access reads the connection variables of a host, each with all its names.
func (r *variables) access(opt *Options) Access {
	a := Access{Connection: "ssh"}
	name, v, ok := r.text("ansible_connection")
	name = strings.TrimPrefix(name, "ansible.builtin.")
	switch name {
	case "", "ssh", "smart", "paramiko", "paramiko_ssh":
	case "winrm", "psrp":
		a.Connection = "winrm"
	default:
		if ok {
			r.tell("ansible_connection", v, v.At, "farmwall connects by ssh and winrm", "ansible_connection %s of host %q is not supported", show(name), r.host)
		}
	}
	own := func(ssh, winrm []string) []string {
		if a.Connection != "winrm" {
			return ssh
		}
		if name != "psrp" {
			return winrm
		}
		psrp := slices.Clone(winrm)
		for i, word := range psrp {
			psrp[i] = strings.Replace(word, "ansible_winrm_", "ansible_psrp_", 1)
		}
		return psrp
	}
	a.Address = r.host
	given := Value{Any: r.host, At: r.at}
	if text, v, ok := r.text(own([]string{"ansible_host", "ansible_ssh_host"}, []string{"ansible_host", "ansible_winrm_host"})...); ok && text != "" {
		a.Address, given = text, v
	}
	if strings.ContainsFunc(a.Address, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		r.tell("ansible_host", given, given.At, "set ansible_host to a name or an address", "%s is no address of host %q", show(a.Address), r.host)
	}
	args := r.sshArgs(a.Connection)
	args.strong.fill(&a)
	port := r.port(own([]string{"ansible_port", "ansible_ssh_port"}, []string{"ansible_port", "ansible_winrm_port"})...)
	if a.Port == 0 {
		a.Port = port
	}
	user, _, _ := r.text(own([]string{"ansible_user", "ansible_ssh_user"}, []string{"ansible_user", "ansible_winrm_user"})...)
	first(&a.User, user)
	secrets := []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"}
	if a.Connection == "winrm" { // the same names for psrp
		secrets = append(secrets, "ansible_winrm_pass", "ansible_winrm_password")
	}
	a.Password = r.secret(secrets...)
	a.Shell = r.shell()
	if a.Connection == "ssh" {
		key, _, _ := r.text("ansible_private_key_file", "ansible_ssh_private_key_file")
		first(&a.KeyFile, key)
		a.KeyPassphrase = r.secret("ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase")
		r.refuseSSH()
	}
	if wait := r.seconds(own([]string{"ansible_timeout", "ansible_ssh_timeout"}, []string{"ansible_timeout"})...); a.Timeout == 0 {
		a.Timeout = wait
	}
	if a.Connection == "winrm" {
		r.winrm(&a, name)
	}
	r.become(&a, opt)
	opt.fill(&a)
	args.weak.fill(&a)
	return a
}

// fill sets what the inventory leaves open to what the command line says.
func (opt *Options) fill(a *Access) {
	if a.User == "" && opt.User != "" {
		a.User, a.fallback.user = opt.User, true
	}
	if a.Password.Empty() {
		a.Password = opt.Password
	}
	if a.BecomePassword.Empty() {
		a.BecomePassword = opt.BecomePassword
	}
	if a.KeyFile == "" && a.Connection == "ssh" {
		a.KeyFile = opt.KeyFile
	}
	if a.Timeout == 0 {
		a.Timeout = opt.Timeout
	}
}

// port is the port that the variables name; 0 where none does.
func (r *variables) port(names ...string) int {
	text, v, ok := r.text(names...)
	if !ok || text == "" {
		return 0
	}
	n, ok := wholeOf(text)
	if !ok || n < 1 || n > 65535 {
		r.tell(names[0], v, v.At, "ports are 1 to 65535", "port %s of host %q is no port", show(text), r.host)
		return 0
	}
	return n
}

// seconds reads a time-out.
func (r *variables) seconds(names ...string) time.Duration {
	text, v, ok := r.text(names...)
	if !ok || text == "" {
		return 0
	}
	n, ok := wholeOf(text)
	if !ok || n < 1 || n > 3600 {
		r.tell(names[0], v, v.At, "seconds, 1 to 3600", "time-out %s of host %q is not one", show(text), r.host)
		return 0
	}
	return time.Duration(n) * time.Second
}

func (r *variables) shell() string {
	text, v, ok := r.text("ansible_shell_type")
	switch text {
	case "":
	case "sh", "bash", "dash", "ash", "ksh", "zsh":
		return "sh"
	case "powershell", "cmd":
		return "powershell"
	default:
		if ok {
			r.tell("ansible_shell_type", v, v.At, "sh or powershell", "ansible_shell_type %s of host %q is not supported", show(text), r.host)
		}
	}
	return ""
}

// become reads ansible_become and its relatives; the old sudo names win.
func (r *variables) become(a *Access, opt *Options) {
	if v, ok := r.find("ansible_become"); !ok {
		// Windows has no sudo, and -b means the Linux hosts of a mixed farm.
		on := opt.Become && a.Connection != "winrm" && a.Shell != "powershell"
		a.Become, a.fallback.become = on, on
	} else {
		if text, isText := v.Any.(string); isText {
			switch lower(text) {
			case "y", "t":
				text = "yes"
			case "n", "f", "":
				text = "no"
			}
			v.Any = text
		}
		if a.Become, ok = boolOf(v.Any); !ok {
			r.tell("ansible_become", v, v.At, "yes or no", "ansible_become of host %q is no boolean", r.host)
		}
	}
	if text, v, ok := r.text("ansible_become_method"); ok && a.Become {
		switch strings.TrimPrefix(text, "ansible.builtin.") {
		case "sudo":
		case "runas":
			if a.Connection == "winrm" || a.Shell == "powershell" {
				break
			}
			fallthrough
		default:
			r.tell("ansible_become_method", v, v.At, "farmwall becomes root with sudo", "ansible_become_method %s of host %q is not supported", show(text), r.host)
		}
	}
	a.BecomeUser, _, _ = r.text("ansible_become_user", "ansible_sudo_user")
	a.BecomePassword = r.secret("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
	if text, v, ok := r.text("ansible_become_exe", "ansible_sudo_exe"); ok && a.Become && text != "sudo" && text != "" {
		r.tell("ansible_become_exe", v, v.At, "farmwall runs sudo", "ansible_become_exe %s of host %q is not supported", show(text), r.host)
	}
	if text, v, ok := r.text("ansible_become_flags", "ansible_sudo_flags"); ok && a.Become && text != "" {
		r.note(v, "farmwall calls sudo with flags of its own", "ansible_become_flags is not used")
	}
}

// note warns about a variable, once for all hosts that share the value.
func (r *variables) note(v Value, hint, format string, args ...any) {
	if !r.quiet {
		r.warn(v.At, hint, format, args...)
	}
}

// refuseSSH refuses what would switch a check off or run a program here.
func (r *variables) refuseSSH() {
	for _, name := range []string{"ansible_host_key_checking", "ansible_ssh_host_key_checking"} {
		if v, ok := r.find(name); ok {
			if on, known := boolOf(v.Any); !on || !known {
				r.tell(name, v, v.At, "learn the hosts' keys with farmwall ping --learn", "%s: farmwall always checks host keys", name)
			}
		}
	}
	if v, ok := r.find("ansible_ssh_pkcs11_provider"); ok {
		r.tell("ansible_ssh_pkcs11_provider", v, v.At, "use an agent that holds the key", "ansible_ssh_pkcs11_provider is not supported")
	}
	for _, name := range []string{"ansible_ssh_executable", "ansible_sftp_executable", "ansible_scp_executable", "ansible_sshpass_prompt"} {
		if v, ok := r.vars[name]; ok && v.Any != nil {
			r.note(v, "farmwall runs no ssh program", "%s is not used", name)
		}
	}
}
