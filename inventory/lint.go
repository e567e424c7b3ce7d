package inventory

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Lint reads sources as Load does and looks for more than what stops farmwall:
// hosts without a role, roles without hosts, versions that differ in a farm,
// passwords in plain text, and keys that others can read. All findings come at
// once; the error is the context's.
func Lint(ctx context.Context, from []string, opt Options) (problems, warnings Problems, err error) {
	d, inv, err := load(ctx, from, opt)
	if err != nil {
		return nil, nil, err
	}
	l := &linter{draft: d, inv: inv, values: newResolver(inv, &opt, &lookups{ctx: ctx, vault: opt.Vault, keyring: opt.Keyring, done: map[[2]string]lookedUp{}})}
	l.hostsWithoutRole()
	l.rolesWithoutHosts()
	l.versions()
	l.plainPasswords()
	l.keyFiles()
	return sorted(d.problems), sorted(d.warnings), nil
}

type linter struct {
	*draft
	inv    *Inventory
	values *resolver
}

// hostsWithoutRole tells of each line that names hosts which have none.
func (l *linter) hostsWithoutRole() {
	type line struct {
		first *Host
		more  int
	}
	lines := map[Position]*line{}
	var order []Position
	for _, h := range l.inv.Hosts {
		if len(h.Roles) > 0 || h.Contacted() {
			continue
		}
		if at := lines[h.At]; at != nil {
			at.more++
			continue
		}
		lines[h.At] = &line{first: h}
		order = append(order, h.At)
	}
	for _, at := range order {
		who := fmt.Sprintf("host %q has", lines[at].first.Name)
		if n := lines[at].more; n > 0 {
			who = fmt.Sprintf("host %q and %d more of this line have", lines[at].first.Name, n)
		}
		l.warn(at, "put it into a group with a role's name, or set ras_roles; other hosts are left alone", "%s no role", who)
	}
}

func (l *linter) rolesWithoutHosts() {
	s := &selection{inv: l.inv, under: map[string][]string{}}
	for _, g := range l.inv.Groups {
		role, is := groupRole(g.Name)
		if near := closest(g.Name, roleNames()); !is && near != "" && len(g.Name) > 4 {
			l.warn(g.At, `did you mean "`+near+`"?`, "group %q gives no role", g.Name)
		}
		if is && len(s.hosts(g)) == 0 {
			l.warn(g.At, "name its hosts, or take the group out", "group %q gives the role %s, but has no hosts", g.Name, role)
		}
	}
}

// versions tells of hosts whose version is not the one that most of their farm have.
func (l *linter) versions() {
	for _, farm := range l.inv.Farms {
		count := map[Version]int{}
		for _, h := range farm.Members {
			count[h.Version.Value]++
		}
		if len(count) < 2 {
			continue
		}
		var most Version
		for v, n := range count {
			if n > count[most] || n == count[most] && v.Compare(most) < 0 {
				most = v
			}
		}
		for _, h := range farm.Members {
			if v := h.Version; v.Value != most {
				at := v.At
				if !v.Set {
					at = h.At
				}
				l.warn(at, "the hosts of a farm run one version", "host %q of farm %s has version %s, others have %s", h.Name, farm.Name, v.Value, most)
			}
		}
	}
}

// plainPasswords tells of passwords that anybody can read who can read the file.
func (l *linter) plainPasswords() {
	l.everywhere(func(_ *draftGroup, name string, v Value) {
		text, isText := textOf(v.Any)
		if !isText || text == "" || v.Secret() || isTemplate(text) || !namesPassword(name) {
			return
		}
		l.warn(v.At, "encrypt it with farmwall secrets encrypt --name "+name+", or fetch it with a lookup", "%s stands here in plain text", name)
	})
}

// namesPassword says whether a variable's name is that of a secret.
func namesPassword(name string) bool {
	name = strings.ToLower(name)
	for _, end := range []string{"password", "passwd", "passphrase", "_pass", "_secret", "_token", "api_key"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return name == "secret" || name == "token" || name == "pass"
}

// keyVariables name files that hold a secret.
func keyVariables() []string {
	return []string{"ansible_private_key_file", "ansible_ssh_private_key_file", "ansible_winrm_cert_key_pem", "ansible_psrp_certificate_key_pem", "ansible_winrm_keytab", "farmwall_keytab"}
}

// keyFiles tells of keys that others can read, and of those that are not there.
func (l *linter) keyFiles() {
	for _, h := range l.inv.Hosts {
		for _, name := range keyVariables() {
			v, set := h.Vars[name]
			if !set {
				continue
			}
			v, _, err := l.values.resolve(h, name, v)
			path, isText := textOf(v.Any)
			if err != nil || !isText || path == "" {
				continue // Load tells of it where it matters
			}
			info, failed := os.Stat(expandHome(path))
			switch {
			case failed != nil:
				l.warn(v.At, "it is looked for from the current folder", "the key file %s of %s cannot be read: %s", show(path), name, reason(failed))
			case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
				l.warn(v.At, "chmod 600 "+path, "the key file %s can be read by others: its mode is %s", show(path), fs.FileMode(info.Mode().Perm()))
			}
		}
	}
	l.vaultPasswordsBeside()
}

// vaultPasswordsBeside is about files with vault passwords that lie with the
// inventory.
func (l *linter) vaultPasswordsBeside() {
	if runtime.GOOS == "windows" {
		return
	}
	var seen []string
	for _, s := range l.sources {
		if slices.Contains(seen, s) {
			continue
		}
		seen = append(seen, s)
		for _, name := range []string{".vault_pass", ".vault_pass.txt", ".vault_password", "vault_pass", "vault_pass.txt", "vault_password"} {
			path := filepath.Join(s, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
				l.warn(Position{File: path}, "chmod 600 "+path, "the vault password can be read by others: the file's mode is %s", fs.FileMode(info.Mode().Perm()))
			}
		}
	}
}
