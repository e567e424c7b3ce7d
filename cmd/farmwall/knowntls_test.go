package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
)

const (
	print1 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	print2 = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
)

func TestKnownTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "known_tls")
	if known, err := readKnownTLS(file); err != nil || known.pins("a:1") != nil {
		t.Fatalf("%v %v", known, err)
	}
	if err := appendKnownTLS(file, [][2]string{{"GW1:5986", print1}, {"GW1:5986", print1}, {"[fd00::1]:5986", print2}}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	// Another certificate never takes the place of one that was accepted.
	err := appendKnownTLS(file, [][2]string{{"gw1:5986", print2}, {"gw2:5986", print2}})
	if err == nil || !strings.Contains(err.Error(), "gw1:5986: another certificate") {
		t.Errorf("%v", err)
	}
	text, _ := os.ReadFile(file)
	if want := "gw1:5986 sha256 " + print1 + "\n[fd00::1]:5986 sha256 " + print2 + "\ngw2:5986 sha256 " + print2 + "\n"; string(text) != want {
		t.Errorf("got %q", text)
	}
	if err := os.WriteFile(file, []byte("# mine\n\ngw1:5986 sha256 "+strings.ToUpper(print1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := appendKnownTLS(file, [][2]string{{"gw2:5986", print2}}); err != nil {
		t.Fatal(err)
	}
	known, err := readKnownTLS(file)
	if err != nil || len(known) != 2 || known.pins("GW1:5986")[0] != print1 {
		t.Errorf("after a line without an end: %v %v", known, err)
	}
	for _, bad := range []string{"gw1:5986", "gw1:5986 sha1 " + print1, "gw1:5986 sha256 abc", "gw1:5986 sha256 " + print1 + " more"} {
		if _, err := parseKnownTLS([]byte("\n"+bad), "f"); err == nil || !strings.HasPrefix(err.Error(), "f:2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzKnownTLS(f *testing.F) {
	f.Add([]byte("gw1:5986 sha256 " + print1 + "\n# x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		known, err := parseKnownTLS(text, "f")
		if err != nil {
			return
		}
		for at, pins := range known {
			if at != strings.ToLower(at) || len(pins) == 0 || !isFingerprint(pins[0]) {
				t.Errorf("%q: %q", at, pins)
			}
		}
	})
}

func TestTLSAddress(t *testing.T) {
	for _, c := range []struct {
		address string
		port    int
		want    string
	}{{"gw1", 0, "gw1:5986"}, {"gw1", 443, "gw1:443"}, {"fd00::1", 0, "[fd00::1]:5986"}, {"[fd00::1]", 0, "[fd00::1]:5986"}} {
		h := &inventory.Host{Access: inventory.Access{Address: c.address, Port: c.port}}
		if got := tlsAddress(h); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// What the inventory says of checking nothing counts only together with the flag,
// and either way somebody is told.
func TestCertificatesAreChecked(t *testing.T) {
	dir := t.TempDir()
	inv := filepath.Join(dir, "farm.ini")
	text := "[gateway]\nw1 ansible_host=127.0.0.1 ansible_port=1 ansible_connection=winrm ansible_winrm_scheme=https ansible_user=u ansible_password=p ansible_winrm_server_cert_validation=ignore\n"
	if err := os.WriteFile(inv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{
		"":                 "is not obeyed for w1 without --insecure-winrm",
		"--insecure-winrm": "nobody checks who answers for w1",
	} {
		argv := []string{"farmwall", "ping", "-i", inv, "--state", filepath.Join(dir, "state"), "--known-tls", filepath.Join(dir, "none")}
		if flag != "" {
			argv = append(argv, flag)
		}
		var out, errs strings.Builder
		if code := run(context.Background(), argv, strings.NewReader(""), &out, &errs); code != exitUnreachable {
			t.Errorf("%s: exit %d\n%s%s", flag, code, &out, &errs)
		}
		if !strings.Contains(errs.String(), want) || !strings.Contains(out.String(), "connection refused") {
			t.Errorf("%s: got\n%s%s", flag, &out, &errs)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "known"), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	if code := run(context.Background(), []string{"farmwall", "ping", "-i", inv, "--known-tls", filepath.Join(dir, "known")}, strings.NewReader(""), &errs, &errs); code != exitNotStarted || !strings.Contains(errs.String(), "known:1: it must be") {
		t.Errorf("exit %d: %s", code, &errs)
	}
}
