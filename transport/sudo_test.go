package transport

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// fakeSudo asks as sudo does, up to three times, and writes down what it was
// told. HOW selects its mood, RIGHT is the password.
const fakeSudo = `#!/bin/sh
case $HOW in
denied) echo "farm is not in the sudoers file." >&2; exit 1 ;;
rule) echo "Sorry, user farm is not allowed to execute '/bin/sh -c eval $8' as root on h1." >&2; exit 1 ;;
tty) echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1 ;;
account) echo "sudo: account validation failure, is your account locked?" >&2; exit 1 ;;
esac
stdin= prompt=
while [ $# -gt 0 ]; do
	case $1 in
	-S) stdin=1 ;;
	-n) ;;
	-p) prompt=$2; shift ;;
	-u) shift ;;
	--) shift; break ;;
	esac
	shift
done
[ "$HOW" = pam ] && prompt="LDAP password: "
if [ "$HOW" != free ]; then
	[ -n "$stdin" ] || { echo "sudo: a password is required" >&2; exit 1; }
	n=0
	while :; do
		printf %s "$prompt" >&2
		IFS= read -r p || { echo >&2; echo "sudo: no password was provided" >&2; echo "sudo: $n incorrect password attempts" >&2; exit 1; }
		echo "tried $p" >>"$LOG"
		[ "$p" = "$RIGHT" ] && break
		n=$((n + 1))
		[ $n -lt ${TRIES:-3} ] || { echo "sudo: $n incorrect password attempts" >&2; exit 1; }
		echo "Sorry, try again." >&2
	done
fi
echo "sudo: unable to resolve host h1" >&2
exec "$@"
`

func TestSudo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sudo"), []byte(fakeSudo), 0o755); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	for name, c := range map[string]struct {
		how, password, tries string
		want                 error
		words                string
		tried                int
	}{
		"no password needed, none given":  {"free", "", "", nil, "", 0},
		"no password needed, one given":   {"free", "right", "", nil, "", 0},
		"no password needed, a wrong one": {"free", "wrong", "", nil, "", 0},
		"right":                           {"", "right", "", nil, "", 1},
		"with blanks":                     {"", `  r"i'g$h\t `, "", nil, "", 1},
		"wrong":                           {"", "wrong", "", ErrSudoPassword, "rejected", 1},
		"wrong, one try":                  {"", "wrong", "1", ErrSudoPassword, "rejected", 1},
		"needed":                          {"", "", "", ErrSudoPassword, "", 0},
		"PAM asks in its own words":       {"pam", "right", "", nil, "", 1},
		"wrong, in PAM's own words":       {"pam", "wrong", "", ErrSudoPassword, "rejected", 1},
		"not in sudoers":                  {"denied", "right", "", ErrSudoDenied, "sudoers does not let farm", 0},
		"no such rule":                    {"rule", "", "", ErrSudoDenied, "sudoers does not let farm", 0},
		"requiretty":                      {"tty", "", "", ErrSudoDenied, "requiretty", 0},
		"locked":                          {"account", "right", "", ErrSudoDenied, "locked", 0},
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(log)
			right := "right"
			if name == "with blanks" {
				right = c.password
			}
			data := hostile + "farmwall-sudo-password:\n"
			sudo := Sudo{Use: true, Password: inventory.NewSecret(c.password), Login: "farm", Host: "h1", Gate: NewGate()}
			call, err := Sh(rules.Script{Name: "test", Body: `echo "$1"; cat`, Input: []byte(data)}, sudo)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			out, err := local(t, call, []string{"/bin/sh", "-c"}, "PATH="+dir+":"+os.Getenv("PATH"), "HOW="+c.how, "RIGHT="+right, "LOG="+log, "TRIES="+c.tries)
			if c.want == nil && (err != nil || string(out) != connection+"\n"+data) {
				t.Errorf("got %.200q, %v", out, err)
			}
			if c.want != nil {
				var e *Error
				if !errors.Is(err, c.want) || !errors.As(err, &e) || !e.NotRun || e.Op != "sudo" || !strings.Contains(err.Error(), c.words) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if len(err.Error()) > 300 {
					t.Errorf("nobody reads %d bytes: %.400s", len(err.Error()), err)
				}
			}
			told, _ := os.ReadFile(log)
			if n := strings.Count(string(told), "tried "); n != c.tried {
				t.Errorf("sudo was told %d passwords: %q", n, told)
			}
			if strings.Contains(string(told), "INJECTED") || strings.Contains(string(told), framePrefix) {
				t.Errorf("data went to sudo: %q", told)
			}
			if took := time.Since(start); c.how != "pam" && took > 2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestSudoGate(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sudo"), []byte(fakeSudo), 0o755); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	g := NewGate()
	run := func(host, password string) error {
		call, err := Sh(rules.Script{Name: "test", Body: "cat"}, Sudo{Use: true, Password: inventory.NewSecret(password), Login: "farm", Host: host, Gate: g})
		if err != nil {
			t.Fatal(err)
		}
		_, err = local(t, call, []string{"/bin/sh", "-c"}, "PATH="+dir+":"+os.Getenv("PATH"), "RIGHT=right", "LOG="+log)
		return err
	}
	if err := run("h1", "wrong"); !errors.Is(err, ErrSudoPassword) {
		t.Errorf("got %v", err)
	}
	if err := run("h2", "wrong"); !errors.Is(err, ErrNotTried) || !strings.Contains(err.Error(), "rejected at h1") {
		t.Errorf("got %v", err)
	}
	if err := run("h2", "right"); err != nil {
		t.Errorf("got %v", err)
	}
	told, _ := os.ReadFile(log)
	if string(told) != "tried wrong\ntried right\n" {
		t.Errorf("sudo was told %q", told)
	}
}

func TestMissingPrograms(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		sudo  bool
		links []string
		want  error
	}{
		"no sudo":   {true, []string{"env", "base64"}, ErrToolMissing},
		"no base64": {false, nil, ErrToolMissing},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		os.Mkdir(path, 0o755)
		for _, l := range c.links {
			if err := os.Symlink("/usr/bin/"+l, filepath.Join(path, l)); err != nil {
				t.Fatal(err)
			}
		}
		call, err := Sh(rules.Script{Name: "test", Body: "echo hi"}, Sudo{Use: c.sudo, Login: "farm"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = local(t, call, []string{"/bin/sh", "-c"}, "PATH="+path)
		var e *Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) || !e.NotRun {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNoLogin(t *testing.T) {
	call, err := Sh(rules.Script{Name: "test", Body: "echo hi"}, Sudo{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = local(t, call, []string{"/bin/sh", "-c", "echo This account is not available.; exit 1 #"})
	var e *Error
	if !errors.Is(err, ErrNoPrivilege) || !errors.As(err, &e) || !e.NotRun || !strings.Contains(err.Error(), "not available") {
		t.Errorf("got %v", err)
	}
}
