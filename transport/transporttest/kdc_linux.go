package transporttest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Realm is the realm of a test's KDC, where it has only one.
const Realm = "LAB.TEST"

// KDC is MIT's Kerberos server for one test, on loopback, with everything it needs
// in the test's own folder.
type KDC struct {
	Realm   string
	Conf    string // a krb5.conf that names it
	Address string // 127.0.0.1:port
	dir     string
	t       testing.TB
}

// NewKDC starts a KDC that ends with the test. It skips the test where the programs
// are missing, unless FARMWALL_TEST_NO_SKIP=1. clock ("+10m") sets the KDC's clock
// off with faketime; empty: right.
func NewKDC(t testing.TB, clock string) *KDC {
	t.Helper()
	return newKDC(t, Realm, clock, "")
}

// NewForest starts a KDC for each of the realms, of which each trusts the one
// before it. A realm's hosts are below the domain of its name. Their Conf names all
// of the realms, and knows of no host's realm.
func NewForest(t testing.TB, realms ...string) []*KDC {
	t.Helper()
	more, all := "[domain_realm]\n", "[libdefaults]\n dns_lookup_kdc = false\n[realms]\n"
	for _, r := range realms {
		more += " ." + strings.ToLower(r) + " = " + r + "\n"
	}
	more += "[capaths]\n"
	for i, r := range realms {
		more += r + " = {\n"
		for j := i + 2; j < len(realms); j++ {
			for _, via := range realms[i+1 : j] {
				more += " " + realms[j] + " = " + via + "\n"
			}
		}
		more += "}\n"
	}
	var list []*KDC
	for i, r := range realms {
		k := newKDC(t, r, "", more)
		all += fmt.Sprintf(" %s = {\n  kdc = %s\n }\n", r, k.Address)
		if i > 0 {
			for _, side := range []*KDC{list[i-1], k} {
				side.Admin(fmt.Sprintf("addprinc -pw between krbtgt/%s@%s", r, realms[i-1]))
			}
		}
		list = append(list, k)
	}
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(conf, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, k := range list {
		k.Conf = conf
	}
	return list
}

func newKDC(t testing.TB, realm, clock, more string) *KDC {
	t.Helper()
	for _, program := range []string{"krb5kdc", "kdb5_util", "kadmin.local", "kinit"} {
		if kdcProgram(program) == "" {
			skipOrFail(t, program+" is missing; install krb5-kdc, krb5-admin-server and krb5-user")
		}
	}
	dir := t.TempDir()
	k := &KDC{t: t, dir: dir, Realm: realm, Conf: filepath.Join(dir, "krb5.conf")}
	for try := 0; ; try++ {
		k.Address = freeAddress(t)
		k.write(more)
		if try == 0 {
			k.Run("", "kdb5_util", "create", "-s", "-r", realm, "-P", "master")
		}
		if k.start(clock) {
			return k
		}
		if try == 4 {
			t.Fatalf("krb5kdc does not start:\n%s", k.Log())
		}
	}
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (k *KDC) write(more string) {
	conf := fmt.Sprintf(`[libdefaults]
 default_realm = %[1]s
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 %[1]s = {
  kdc = %[2]s
 }
%[3]s`, k.Realm, k.Address, more)
	kdc := fmt.Sprintf(`[kdcdefaults]
 kdc_listen = %[2]s
 kdc_tcp_listen = %[2]s
[realms]
 %[1]s = {
  database_name = %[3]s/principal
  key_stash_file = %[3]s/stash
  acl_file = %[3]s/acl
  max_life = 24h
  supported_enctypes = aes256-cts:normal aes128-cts:normal aes256-sha2:normal aes128-sha2:normal
 }
[logging]
 kdc = FILE:%[3]s/kdc.log
`, k.Realm, k.Address, k.dir)
	for name, text := range map[string]string{"krb5.conf": conf, "kdc.conf": kdc} {
		if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
}

// start says whether the KDC came up.
func (k *KDC) start(clock string) bool {
	k.t.Helper()
	line := []string{kdcProgram("krb5kdc"), "-n", "-r", k.Realm, "-P", filepath.Join(k.dir, "pid")}
	if clock != "" {
		faketime, err := exec.LookPath("faketime")
		if err != nil {
			skipOrFail(k.t, "faketime is missing")
		}
		line = append([]string{faketime, "-f", clock}, line...)
	}
	c := exec.Command(line[0], line[1:]...)
	c.Env = k.Env()
	// faketime may start the server as a child: both end together, and with the test.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var words bytes.Buffer
	c.Stdout, c.Stderr = &words, &words
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { c.Wait(); close(over) }()
	stop := func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL); <-over }
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case <-over:
			k.t.Logf("krb5kdc: %s", words.String())
			return false
		default:
		}
		if conn, err := net.Dial("tcp", k.Address); err == nil {
			conn.Close()
			k.t.Cleanup(stop)
			return true
		}
	}
	stop()
	return false
}

// Env is the environment of programs that are to use this KDC and no other files
// of Kerberos.
func (k *KDC) Env(more ...string) []string {
	return append([]string{"PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", "HOME=" + k.dir, "KRB5_CONFIG=" + filepath.Join(k.dir, "krb5.conf"),
		"KRB5_KDC_PROFILE=" + filepath.Join(k.dir, "kdc.conf"), "KRB5CCNAME=FILE:" + filepath.Join(k.dir, "ccache"), "KRB5RCACHETYPE=none"}, more...)
}

// Run runs one of Kerberos' programs with input and returns what it says.
func (k *KDC) Run(input, program string, args ...string) string {
	k.t.Helper()
	c := exec.Command(kdcProgram(program), args...)
	c.Env = k.Env()
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	if err != nil {
		k.t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// Admin gives commands to kadmin.local, one a line.
func (k *KDC) Admin(commands ...string) string {
	k.t.Helper()
	out := k.Run(strings.Join(commands, "\n")+"\nquit\n", "kadmin.local", "-r", k.Realm)
	if strings.Contains(out, "add_principal:") || strings.Contains(out, "No entry") || strings.Contains(out, "Invalid") {
		k.t.Fatalf("kadmin.local: %s", out)
	}
	return out
}

// User makes a user who must prove the password (as Windows domains have it).
func (k *KDC) User(name, password string, options ...string) {
	k.t.Helper()
	k.Admin(fmt.Sprintf("addprinc %s +requires_preauth -pw %s %s@%s", strings.Join(options, " "), password, name, k.Realm))
}

// Keytab makes services and returns a keytab with their keys. cipher,
// "aes256-cts:normal", may be empty; it is that of the sessions too.
func (k *KDC) Keytab(cipher string, principals ...string) string {
	k.t.Helper()
	file := filepath.Join(k.t.TempDir(), "keytab")
	var commands []string
	for _, p := range principals {
		e := ""
		if cipher != "" {
			e = "-e " + cipher + " "
		}
		commands = append(commands, "addprinc -randkey "+e+p+"@"+k.Realm, "ktadd -k "+file+" -norandkey "+p+"@"+k.Realm)
		if name, _, ok := strings.Cut(cipher, ":"); ok {
			commands = append(commands, "setstr "+p+"@"+k.Realm+" session_enctypes "+name)
		}
	}
	k.Admin(commands...)
	return file
}

// Log is what the KDC has noted.
func (k *KDC) Log() string {
	text, _ := os.ReadFile(filepath.Join(k.dir, "kdc.log"))
	return string(text)
}

// Count says in how many lines of the log all of the words stand.
func (k *KDC) Count(words ...string) int {
	n := 0
lines:
	for _, line := range strings.Split(k.Log(), "\n") {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		n++
	}
	return n
}

func kdcProgram(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/sbin", "/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

func skipOrFail(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
