package inventory

import (
	"slices"
	"strings"
)

// sshNames are the variables of Ansible's ssh connection and of become: those that
// farmwall honours or speaks of by itself, and those that tune what it does not have.
func sshNames() []string {
	return []string{
		"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_executable", "ansible_ssh_extra_args", "ansible_ssh_host",
		"ansible_ssh_host_key_checking", "ansible_ssh_pass", "ansible_ssh_password", "ansible_ssh_pkcs11_provider", "ansible_ssh_port",
		"ansible_ssh_private_key_file", "ansible_ssh_private_key_passphrase", "ansible_ssh_timeout", "ansible_ssh_user",
		"ansible_become_exe", "ansible_become_flags", "ansible_become_method", "ansible_become_pass", "ansible_become_password", "ansible_become_user",
		"ansible_sudo_exe", "ansible_sudo_flags", "ansible_sudo_pass", "ansible_sudo_user",
		"ansible_ssh_control_path", "ansible_ssh_control_path_dir", "ansible_ssh_pipelining", "ansible_ssh_use_tty", "ansible_ssh_transfer_method",
		"ansible_ssh_sftp_extra_args", "ansible_ssh_scp_extra_args", "ansible_become_ask_pass",
	}
}

// mistyped are names that people write for Ansible's, and that do nothing.
func mistyped() map[string]string {
	return map[string]string{
		"ansible_pass": "ansible_password", "ansible_passwd": "ansible_password", "ansible_username": "ansible_user", "ansible_login": "ansible_user",
		"ansible_ip": "ansible_host", "ansible_address": "ansible_host", "ansible_sudo": "ansible_become", "ansible_su": "ansible_become",
		"ansible_key_file": "ansible_ssh_private_key_file", "ansible_ssh_key": "ansible_ssh_private_key_file", "ansible_ssh_key_file": "ansible_ssh_private_key_file",
		"ansible_ssh_username": "ansible_user", "ansible_ssh_passwd": "ansible_password",
	}
}

// checkConnectionNames warns about variables that look like those of a connection
// and that nobody honours, wherever they are set. Those of WinRM are told where
// they are read.
func (d *draft) checkConnectionNames() {
	wrong, known := mistyped(), sshNames()
	d.everywhere(func(_ *draftGroup, name string, v Value) {
		switch meant, is := wrong[name]; {
		case !strings.HasPrefix(name, "ansible_"):
		case is:
			d.warn(v.At, `did you mean "`+meant+`"?`, "%s is no variable of a connection and does nothing", name)
		case slices.Contains(known, name):
		case name == "ansible_ssh_retries":
			d.warn(v.At, "farmwall repeats what only reads by itself", "%s is not used", name)
		case strings.HasPrefix(name, "ansible_ssh_"), strings.HasPrefix(name, "ansible_become_"), strings.HasPrefix(name, "ansible_sudo_"):
			d.warn(v.At, suggest(name, known...), "%s is not used", name)
		}
	})
}

// everywhere calls do with each variable at each place where one is set but -e; the
// group is nil for a host's.
func (d *draft) everywhere(do func(g *draftGroup, name string, v Value)) {
	all := func(g *draftGroup, vars Vars) {
		for _, name := range sortedKeys(vars) {
			do(g, name, vars[name])
		}
	}
	for _, g := range d.groupOrder {
		all(g, g.vars)
	}
	for _, h := range d.hostOrder {
		all(nil, h.vars)
	}
	for _, place := range d.files {
		for _, g := range d.groupOrder {
			all(g, place.groups[g])
		}
		for _, h := range d.hostOrder {
			all(nil, place.hosts[h])
		}
	}
}
