package notify

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func noKeyring(name string) (string, error) {
	if name == "hook" {
		return "from the keyring", nil
	}
	return "", errors.New("there is no such entry")
}

func TestAddressesAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	os.WriteFile(file, []byte("p@ss/w ord\n"), 0o600)
	t.Setenv("FARMWALL_TEST_URL", "https://hooks.example.com/T0/B0/abcdef")
	a, err := ParseAddress("smtps://bob:${file:"+file+"}@mail.example.com?from=a@example.com&to=b@example.com#name=ops&farm=north,south", FromSystem(noKeyring))
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := a.URL.User.Password(); p != "p@ss/w ord" || a.Name != "ops" || fmt.Sprint(a.Farms) != "[north south]" || a.URL.Fragment != "" {
		t.Errorf("%+v", a)
	}
	if a, err = ParseAddress("${env:FARMWALL_TEST_URL}", FromSystem(noKeyring)); err != nil || a.URL.Host != "hooks.example.com" || strings.Contains(a.Name, "abcdef") {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = ParseAddress("https://example.com/x#hmac=${keyring:hook}", FromSystem(noKeyring)); err != nil || a.HMAC != "from the keyring" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestBadReceiversAreToldWithoutTheirSecrets(t *testing.T) {
	const secret = "s3cr3t-t0ken-value"
	for text, part := range map[string]string{
		"":                            "no URL",
		"example.com/" + secret:       "no URL",
		"ftp://example.com/" + secret: "no kind",
		"https://example.com/" + secret + "#colour=red":                         "no option",
		"https://example.com/" + secret + "#tls=none":                           "smtp",
		"https:///" + secret:                                                    "names no host",
		"smtp://u:" + secret + "@mail.example.com?to=a@example.com":             "from=",
		"smtp://u:" + secret + "@mail.example.com?from=a@example.com":           "to=",
		"smtp://u:" + secret + "@mail.example.com?from=a@b.c&to=a@b.c#tls=none": "plain text",
		"smtp://mail.example.com?from=a@b.c&to=a@b.c&body=" + secret:            "body",
		"smtp://mail.example.com?from=a@b.c%0d%0aBcc:x@y.z&to=a@b.c":            "from=",
		"exec:relative/" + secret:                                               "no program",
		"exec:/not/there":                                                       "not there",
		"exec:/bin/true?shell=" + secret:                                        "shell",
		"slack://" + secret:                                                     "not complete",
		"telegram://" + secret + "@telegram":                                    "not complete",
		"https://example.com/${file:/not/there}/" + secret:                      "no such file",
		"https://example.com/${vault:x}/" + secret:                              "no such kind",
		"https://example.com/${keyring:nope}/" + secret:                         "no such entry",
		"https://example.com/\n" + secret:                                       "control character",
		"https://" + secret + "%zz@example.com/":                                "no URL",
		"https://example.com/" + secret + "#name=../x":                          "a name has",
		"exec:/bin/true#hmac=" + secret:                                         "webhooks",
		"https://example.com/" + secret + "#ca=/not/there":                      "no such file",
		"gotify://" + secret + ".example.com/short#ca=/x":                       "webhooks and mail",
	} {
		_, err := Parse([]string{text}, FromSystem(noKeyring))
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && (strings.Contains(err.Error(), secret) && !strings.HasPrefix(text, "exec:relative")) {
			t.Errorf("%q: the error holds the secret: %v", text, err)
		}
	}
	_, err := Parse([]string{"https://a.example.com/#name=x", "https://b.example.com/#name=x", "ftp://c"}, FromSystem(noKeyring))
	if err == nil || !strings.Contains(err.Error(), "two receivers") || !strings.Contains(err.Error(), "ftp") {
		t.Errorf("two mistakes: %v", err)
	}
	all, err := Parse([]string{"https://a.example.com/1", "https://a.example.com/2"}, FromSystem(noKeyring))
	if err != nil || all[0].Name() == all[1].Name() {
		t.Errorf("%v, %v", all, err)
	}
}

func TestSecretsInCommandLinesAreSeen(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/hook": false, "https://u:p@example.com/": true, "https://example.com/?sig=abc": true, "https://example.com/#hmac=abc": true,
		"https://example.com/#hmac=${file:/x}": false, "${file:/x}": false, "slack://hook:a-b-c@webhook": true, "slack://hook:${env:X}@webhook": false,
		"smtp://mail.example.com?from=a@b.c&to=a@b.c": false, "smtp://u:p@mail.example.com?from=a@b.c&to=a@b.c": true, "exec:/usr/local/bin/tell": false,
		"Discord://token@id": true,
	} {
		if got := HoldsSecret(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestLinesOfAFile(t *testing.T) {
	got := Lines("# who is told\n\n https://a.example.com/ \r\nexec:/bin/true\n")
	if fmt.Sprintf("%q", got) != `["https://a.example.com/" "exec:/bin/true"]` {
		t.Errorf("%q", got)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"https://u:secretsecret@example.com/secretsecret?x=secretsecret#name=a&hmac=secretsecret", "smtp://u:secretsecret@h?from=a@b.c&to=d@e.f", "exec:/bin/true?arg=x", "slack://hook:secretsecret@webhook", "${env:X}", "${file:/secretsecret}x", "teams+https://h/secretsecret"} {
		f.Add(s)
	}
	lookup := func(string, string) (string, error) { return "secretsecret", nil }
	f.Fuzz(func(t *testing.T, text string) {
		receivers, err := Parse([]string{text}, lookup)
		shown := Redacted(text)
		HoldsSecret(text)
		if err != nil {
			shown += err.Error()
		}
		for _, r := range receivers {
			shown += r.Name()
		}
		if strings.ContainsAny(shown, "\x00\x1b\r") {
			t.Errorf("%q shows control characters: %q", text, shown)
		}
		u, failed := url.Parse(strings.TrimSpace(text))
		if failed != nil || u.Scheme == "exec" {
			return
		}
		// A password is never shown, unless it is also something that is.
		if p, ok := u.User.Password(); ok && len(p) >= 6 && !strings.Contains(u.Host+u.Scheme+u.Fragment, p) && strings.Contains(shown, p) && !strings.Contains("there is no such kind receiver", p) {
			t.Errorf("%q shows its password: %s", text, shown)
		}
	})
}
