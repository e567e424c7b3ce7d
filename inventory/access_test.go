package inventory

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// reached is what the tests compare: Access without what they do not set.
type reached struct {
	Connection, Address, User, Password, KeyFile, BecomeUser, BecomePassword, Shell, ProxyJump, KnownHosts string
	Port                                                                                                   int
	Timeout                                                                                                time.Duration
	Become, KeysOnly                                                                                       bool
}

func reach(a Access) reached {
	return reached{a.Connection, a.Address, a.User, a.Password.Reveal(), a.KeyFile, a.BecomeUser, a.BecomePassword.Reveal(), a.Shell, a.ProxyJump,
		strings.Join(a.KnownHosts, " "), a.Port, a.Timeout, a.Become, a.IdentitiesOnly}
}

func TestAccess(t *testing.T) {
	tests := []struct {
		vars string
		want reached
	}{
		{"", reached{Connection: "ssh", Address: "g"}},
		{"ansible_host=10.0.0.1 ansible_port=2222 ansible_user=u ansible_password=p ansible_private_key_file=~/k ansible_timeout=5",
			reached{Connection: "ssh", Address: "10.0.0.1", Port: 2222, User: "u", Password: "p", KeyFile: "~/k", Timeout: 5 * time.Second}},
		{"ansible_host=a ansible_ssh_host=b ansible_port=1 ansible_ssh_port=2 ansible_user=a ansible_ssh_user=b ansible_password=a ansible_ssh_pass=b ansible_private_key_file=a ansible_ssh_private_key_file=b ansible_timeout=1 ansible_ssh_timeout=2",
			reached{Connection: "ssh", Address: "b", Port: 2, User: "b", Password: "b", KeyFile: "b", Timeout: 2 * time.Second}},
		{"ansible_ssh_pass=a ansible_ssh_password=b", reached{Connection: "ssh", Address: "g", Password: "b"}},
		{"ansible_connection=winrm ansible_host=a ansible_winrm_host=b ansible_ssh_host=c ansible_port=1 ansible_winrm_port=2 ansible_ssh_port=3 ansible_user=a ansible_winrm_user=b ansible_ssh_user=c ansible_password=a ansible_winrm_password=b",
			reached{Connection: "winrm", Address: "b", Port: 2, User: "b", Password: "b"}},
		{"ansible_connection=psrp ansible_ssh_pass=x", reached{Connection: "winrm", Address: "g", Password: "x"}},
		{"ansible_connection=smart", reached{Connection: "ssh", Address: "g"}},
		{"ansible_connection=paramiko", reached{Connection: "ssh", Address: "g"}},
		{"ansible_connection=ansible.builtin.ssh ansible_shell_type=cmd", reached{Connection: "ssh", Address: "g", Shell: "powershell"}},
		{"ansible_become=yes ansible_become_user=a ansible_become_password=x", reached{Connection: "ssh", Address: "g", Become: true, BecomeUser: "a", BecomePassword: "x"}},
		{"ansible_become=True ansible_become_user=a ansible_sudo_user=b ansible_become_password=x ansible_become_pass=y ansible_sudo_pass=z", reached{Connection: "ssh", Address: "g", Become: true, BecomeUser: "b", BecomePassword: "z"}},
		{"ansible_become=no ansible_become_method=su", reached{Connection: "ssh", Address: "g"}},
		{"ansible_password=12345 ansible_user=1000", reached{Connection: "ssh", Address: "g", User: "1000", Password: "12345"}},
		{`ansible_ssh_common_args='-J bastion.example -p 2200 -i ~/.ssh/b -o ConnectTimeout=7 -o "User=u" -o StrictHostKeyChecking=yes -o UserKnownHostsFile="a b"'`,
			reached{Connection: "ssh", Address: "g", ProxyJump: "bastion.example", Port: 2200, KeyFile: "~/.ssh/b", Timeout: 7 * time.Second, User: "u", KnownHosts: "a b"}},
		{`ansible_ssh_common_args='-o UserKnownHostsFile=/a -oIdentitiesOnly=yes -Cq -o ControlMaster=auto -o "ControlPersist 60s"'`, reached{Connection: "ssh", Address: "g", KnownHosts: "/a", KeysOnly: true}},
		{`ansible_ssh_common_args='-J a' ansible_ssh_extra_args='-J b -p 9' ansible_port=5`, reached{Connection: "ssh", Address: "g", ProxyJump: "a", Port: 5}},
		{`ansible_ssh_args='-J c' ansible_ssh_common_args='-J a'`, reached{Connection: "ssh", Address: "g", ProxyJump: "c"}},
		{`ansible_ssh_args='-p 7 -l x -i y -o ConnectTimeout=3' ansible_port=5 ansible_user=u ansible_private_key_file=k ansible_timeout=9`, reached{Connection: "ssh", Address: "g", Port: 7, User: "x", KeyFile: "y", Timeout: 3 * time.Second}},
		{`ansible_ssh_common_args='-p 7 -l x -i y -o ConnectTimeout=3' ansible_port=5 ansible_user=u ansible_private_key_file=k ansible_timeout=9`, reached{Connection: "ssh", Address: "g", Port: 5, User: "u", KeyFile: "k", Timeout: 9 * time.Second}},
		{`ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q -p 2222 u@b.example"'`, reached{Connection: "ssh", Address: "g", ProxyJump: "u@b.example:2222"}},
		{`ansible_ssh_common_args='-o ProxyJump=u@[fd00::1]:22,c:23'`, reached{Connection: "ssh", Address: "g", ProxyJump: "u@[fd00::1]:22,c:23"}},
	}
	for _, test := range tests {
		inv, err := loadText(t, "[gateway]\ng "+test.vars+"\n")
		if err != nil {
			t.Errorf("%s: %v", test.vars, err)
			continue
		}
		if got := reach(inv.Host("g").Access); got != test.want {
			t.Errorf("%s:\n got %+v\nwant %+v", test.vars, got, test.want)
		}
	}
}

func TestRefusedAccess(t *testing.T) {
	tests := map[string]string{
		"ansible_connection=local": `ansible_connection "local" of host "g" is not supported`, "ansible_connection=docker": "not supported",
		"ansible_host_key_checking=False": "ping --learn", "ansible_ssh_host_key_checking=no": "ping --learn", "ansible_ssh_pkcs11_provider=/x.so": "pkcs11",
		"ansible_port=0": "is no port", "ansible_port=70000": "is no port", "ansible_timeout=soon": "time-out", "ansible_become=perhaps": "no boolean",
		"ansible_become=yes ansible_become_method=su": `ansible_become_method "su"`, "ansible_become=yes ansible_become_exe=/x": "ansible_become_exe", "ansible_shell_type=fish": "ansible_shell_type",
		"ansible_user=[1]": "ansible_user is a list", "ansible_host='a b'": "is no address", "ansible_host=fe80::1%eth0": "ras_addresses", "ansible_host=0.0.0.0": "no address that other members",
	}
	for _, arg := range []string{"-o StrictHostKeyChecking=no", "-o stricthostkeychecking=accept-new", "-oUserKnownHostsFile=/dev/null", "-o ProxyCommand=\"nc x\"", "-o ProxyCommand=\"ssh -W %h:%p -o X=y b\"",
		"-o ProxyCommand=\"ssh b\"", "-o LocalCommand=reboot", "-o PermitLocalCommand=yes", "-L 1:2:3", "-p 0", "-J \"a b\"", "-J -oX", "-o", "x", "-4", "-F conf", "-o ConnectTimeout=x", "-o HostKeyAlgorithms=+ssh-dss", "-D 1"} {
		tests["ansible_ssh_common_args='"+arg+"'"] = "hosts:2: ansible_ssh_common_args: "
	}
	for vars, want := range tests {
		_, err := loadText(t, "[gateway]\ng "+vars+"\n")
		if ps, _ := err.(Problems); len(ps) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", vars, err, want)
		}
		// What concerns no member stops nobody, but stays with the host.
		inv, err := loadText(t, "x "+vars+withRole)
		if strings.Contains(vars, "ansible_host=f") || strings.Contains(vars, "ansible_host=0") {
			continue
		}
		if err != nil || len(inv.Host("x").Access.Problems) != 1 {
			t.Errorf("%s on a host that is no member: %v", vars, err)
		}
	}
	inv := must(t, "[gateway]\ng ansible_ssh_executable=/x ansible_become=1 ansible_become_flags=-E\n")
	if w := inv.Warnings.Error(); !strings.Contains(w, "ansible_ssh_executable is not used") || !strings.Contains(w, "ansible_become_flags is not used") {
		t.Errorf("got %s", w)
	}
	if len(inv.Host("g").Access.Problems) != 0 {
		t.Error("a member has problems")
	}
}

// Each host is told of, though none has a variable that could be named.
func TestNamesThatAreNoAddresses(t *testing.T) {
	_, err := loadText(t, "[gateway]\n0.0.0.0\n224.0.0.1\n\"a b\"\n\"c d\" ansible_host=10.0.0.1\n")
	var lines []int
	ps, _ := err.(Problems)
	for _, p := range ps {
		lines = append(lines, p.At.Line)
	}
	equal(t, "lines", lines, []int{2, 3, 4})
}

// What the command line says is weaker than the inventory; -e is stronger.
func TestCommandLine(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "[gateway]\na\nb ansible_user=inv ansible_password=inv ansible_become=no ansible_private_key_file=inv ansible_timeout=9 ansible_become_password=inv\nc ansible_ssh_args='-l strong' ansible_ssh_common_args='-i weak'\n"})
	opt := Options{User: "cli", Password: NewSecret("cli"), BecomePassword: NewSecret("cli"), KeyFile: "cli", Become: true, Timeout: time.Second}
	inv, err := Load(context.Background(), []string{dir}, opt)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a", reach(inv.Host("a").Access), reached{Connection: "ssh", Address: "a", User: "cli", Password: "cli", BecomePassword: "cli", KeyFile: "cli", Become: true, Timeout: time.Second})
	equal(t, "b", reach(inv.Host("b").Access), reached{Connection: "ssh", Address: "b", User: "inv", Password: "inv", BecomePassword: "inv", KeyFile: "inv", Timeout: 9 * time.Second})
	equal(t, "c", reach(inv.Host("c").Access), reached{Connection: "ssh", Address: "c", User: "strong", Password: "cli", BecomePassword: "cli", KeyFile: "cli", Become: true, Timeout: time.Second})
	opt.Extra = map[string]any{"ansible_ssh_user": "extra", "ansible_ssh_args": nil, "ras_version": 17, "ras_roles": []any{"halb"}}
	inv, err = Load(context.Background(), []string{dir}, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range inv.Hosts {
		equal(t, h.Name, h.Access.User, "extra")
		equal(t, h.Name, h.Version, Setting[Version]{Version{17, 0}, "ras_version", true, Position{File: "-e"}})
		equal(t, h.Name, h.Roles, []Role{Gateway, HALB})
	}
	opt.Extra = map[string]any{"ras_sll": true, "ras_ssl": "x"}
	_, err = Load(context.Background(), []string{dir}, opt)
	if ps, _ := err.(Problems); len(ps) != 2 || !strings.Contains(err.Error(), `-e: variable "ras_sll" does not exist (did you mean "ras_ssl"?)`) {
		t.Errorf("got %v", err)
	}
	// Windows has no sudo: -b means the Linux hosts of a mixed farm.
	for _, vars := range []string{"ansible_connection=winrm", "ansible_shell_type=powershell", "ansible_shell_type=cmd"} {
		mixed, err := Load(context.Background(), []string{tree(t, map[string]string{"hosts": "[rdsh]\na " + vars + "\n"})}, Options{Become: true})
		if err != nil {
			t.Fatal(err)
		}
		if mixed.Host("a").Access.Become {
			t.Errorf("%s: -b asks Windows for sudo", vars)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	h := must(t, "[gateway]\ng ansible_password=hunter2 ansible_become_password=hunter2\n").Host("g")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if s := fmt.Sprintf(format, h.Access); strings.Contains(s, "hunter2") || strings.Contains(s, "68756e74657232") {
			t.Errorf("%s shows the password: %s", format, s)
		}
	}
}
