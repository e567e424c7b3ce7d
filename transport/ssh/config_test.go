//go:build unix

package ssh

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
)

// resolved is what a dialer with this ssh_config decides for a host.
func resolved(t *testing.T, config string, a inventory.Access, files map[string]string) (*target, error) {
	t.Helper()
	home := t.TempDir()
	write(t, filepath.Join(home, ".ssh", "config"), config)
	for name, text := range files {
		write(t, filepath.Join(home, name), text)
	}
	d, err := New(Config{Home: home, System: filepath.Join(home, "system"), Agent: "/run/agent"})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	tg, err := d.target(&inventory.Host{Name: "h1", Access: a})
	if tg != nil { // paths without the temporary folder
		for _, list := range [][]string{tg.identities, tg.defaults, tg.certs, tg.userKnown, tg.globalKnown} {
			for i := range list {
				list[i] = strings.TrimPrefix(list[i], home)
			}
		}
	}
	return tg, err
}

func TestConfig(t *testing.T) {
	const config = `
# first value wins
Host web*
    HostName %h.example.com
    User deploy
    Port = 2222
    IdentityFile ~/.ssh/web
    IdentityFile "~/.ssh/with blank"
    IdentitiesOnly yes
    UserKnownHostsFile ~/known1 /etc/known2
    GlobalKnownHostsFile none
    HostKeyAlias web-farm
    ConnectTimeout 3
    ServerAliveInterval 7
    IdentityAgent ~/agent.sock
    ForwardAgent yes
    AddressFamily inet
    LocalForward 1 localhost:2
HOST db1 db2 !db3
	user	dba
	proxyjump ops@bastion:2200, inner
Host bastion
  HostName 192.0.2.1
  CertificateFile /c/%r-%p
Host !web* *
  IdentityFile /keys/%r@%h # comment
Match host *.example.com user deploy
  User never
  BindAddress 192.0.2.9
Match originalhost other1,other2
  User matched
Match !host nothing all
  PubkeyAuthentication no
Include conf.d/*.conf missing.conf
`
	files := map[string]string{
		".ssh/conf.d/a.conf": "Host inc\n  User included\n  Include b\n",
		".ssh/b":             "Port 99\n",
		"system/ssh_config":  "Port 55\nUser system\n",
	}
	for alias, check := range map[string]func(t *testing.T, g *target){
		"web1": func(t *testing.T, g *target) {
			want(t, g.address, "web1.example.com")
			want(t, g.user, "deploy")
			want(t, g.port, 2222)
			want(t, g.identities, []string{"/.ssh/web", "/.ssh/with blank"})
			want(t, g.identitiesOnly, true)
			want(t, g.userKnown, []string{"/known1", "/etc/known2"})
			want(t, len(g.globalKnown), 0)
			want(t, g.keyName, "web-farm")
			want(t, g.timeout, 3*time.Second)
			want(t, g.keepalive, 7*time.Second)
			want(t, strings.HasSuffix(g.agent, "/agent.sock"), true)
			want(t, g.network, "tcp4")
			want(t, g.bind, "192.0.2.9")
			want(t, g.noKeys, true)
		},
		"db1": func(t *testing.T, g *target) {
			want(t, g.user, "dba")
			want(t, g.port, 55)
			want(t, g.identities, []string{"/keys/dba@db1"})
			want(t, len(g.jumps), 2)
			want(t, g.jumps[0].id(), "ops@192.0.2.1:2200")
			want(t, g.jumps[0].keyName, "[192.0.2.1]:2200")
			want(t, g.jumps[0].certs, []string{"/c/ops-2200"})
			want(t, g.jumps[1].id(), "ops@192.0.2.1:2200 system@inner:55")
			want(t, g.userKnown, []string{"/.ssh/known_hosts", "/.ssh/known_hosts2"})
		},
		"db3":    func(t *testing.T, g *target) { want(t, g.user, "system"); want(t, len(g.jumps), 0) },
		"other2": func(t *testing.T, g *target) { want(t, g.user, "matched") },
		"inc":    func(t *testing.T, g *target) { want(t, g.user, "included"); want(t, g.port, 99) },
		"INC":    func(t *testing.T, g *target) { want(t, g.user, "included"); want(t, g.keyName, "[inc]:99") },
	} {
		t.Run(alias, func(t *testing.T) {
			g, err := resolved(t, config, inventory.Access{Address: alias}, files)
			if err != nil {
				t.Fatal(err)
			}
			want(t, g.host, "h1")
			check(t, g)
		})
	}
	t.Run("inventory first", func(t *testing.T) {
		g, err := resolved(t, config, inventory.Access{Address: "web1", User: "me", Port: 22, KeyFile: "/mine", Timeout: time.Minute}, files)
		if err != nil {
			t.Fatal(err)
		}
		want(t, g.user, "me")
		want(t, g.port, 22)
		want(t, g.timeout, time.Minute)
		want(t, g.identities[0], "/mine")
		want(t, g.bind, "")
	})
	t.Run("ways and files of the inventory", func(t *testing.T) {
		g, err := resolved(t, "ProxyCommand nc\nUserKnownHostsFile /x\nHost b\nUser ops", inventory.Access{Address: "h", ProxyJump: "c:7,b", KnownHosts: []string{"~/k", "k2"}, IdentitiesOnly: true}, nil)
		if err == nil {
			t.Fatal("the jump hosts themselves need the ProxyCommand")
		}
		g, err = resolved(t, "Host h\nProxyCommand nc\nHost *\nUserKnownHostsFile /x\nHost b\nUser ops", inventory.Access{Address: "h", User: "u", ProxyJump: "me@c:7,b", KnownHosts: []string{"~/k", "k2"}, IdentitiesOnly: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, g.id(), "me@c:7 me@c:7 ops@b:22 u@h:22")
		want(t, g.userKnown, []string{"/k", "k2"})
		want(t, strings.HasSuffix(g.jumps[1].userKnown[0], "/k"), true)
		want(t, g.identitiesOnly, true)
		_, err = resolved(t, "", inventory.Access{Address: "h", Problems: inventory.Problems{{Text: "ansible_port is no port"}}}, nil)
		want(t, err != nil && strings.Contains(err.Error(), "no port"), true)
	})
	t.Run("nothing", func(t *testing.T) {
		g, err := resolved(t, "", inventory.Access{Address: "h"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, g.port, 22)
		want(t, g.timeout, 10*time.Second)
		want(t, g.defaults, []string{"/.ssh/id_ed25519", "/.ssh/id_ecdsa", "/.ssh/id_rsa"})
		want(t, g.agent, "/run/agent")
		want(t, g.keyName, "h")
		want(t, g.user, localUser())
	})
}

func want[T any](t *testing.T, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestConfigRefusals(t *testing.T) {
	for config, words := range map[string]string{
		"Host h1\nProxyCommand nc %h %p":                         "config:2: farmwall does not do proxycommand: use ProxyJump",
		"Host other\nProxyCommand x\nHost h1\nPort 3":            "",
		"ProxyCommand none":                                      "",
		"Host h1\nProxyJump b\nProxyCommand x":                   "",
		"StrictHostKeyChecking no":                               "farmwall ping --learn",
		"StrictHostKeyChecking off":                              "farmwall ping --learn",
		"StrictHostKeyChecking accept-new":                       "",
		"Match exec \"true\"\nUser x":                            "config:2: a Match with conditions",
		"Match exec \"true\"\nForwardAgent yes":                  "",
		"Match host other exec \"true\"\nUser x":                 "",
		"Match final\nUser x":                                    "a Match with conditions",
		"User y\nMatch exec \"true\"\nUser x":                    "",
		"Match exec \"true\"\nInclude sub":                       "a Match with conditions",
		"Port 70000":                                             "70000 is no number from 0 to 65535",
		"Port x\nConnectTimeout -1":                              "-1 is no number",
		"ProxyJump h1":                                           "circle",
		"ProxyJump a:99999":                                      "no port",
		"ProxyJump ,":                                            "names no host",
		"IdentityFile /k/%x":                                     "%x",
		"KnownHostsCommand /bin/x":                               "knownhostscommand",
		"CanonicalizeHostname yes":                               "canonicalizehostname",
		"CanonicalizeHostname no":                                "",
		"Host \"unclosed\nUser x":                                "a quote is not closed",
		"User\nPort":                                             "user has no value",
		"Host b\nStrictHostKeyChecking no\nHost h1\nProxyJump b": "jump host b",
	} {
		_, err := resolved(t, config, inventory.Access{Address: "h1"}, map[string]string{".ssh/sub": "Port 3"})
		switch {
		case words == "" && err != nil:
			t.Errorf("%q: %v", config, err)
		case words != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(words))):
			t.Errorf("%q: got %v, want %q", config, err, words)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"?", "", false}, {"a?", "a", false}, {"a?", "ab", true}, {"*.x", "a.b.x", true},
		{"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXbYbZ", false}, {"***", "x", true}, {"abc", "abcd", false}, {"192.168.0.?", "192.168.0.12", false},
		{strings.Repeat("*a", 60), strings.Repeat("a", 200) + "b", false},
	} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.text, got)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("Host a\n User b\nMatch host x exec \"y\"\nPort=3\nIdentityFile \"a b\" # c")
	f.Add("Host\t!a *\nProxyJump a,b@c:1\nMatch all\nmatch =\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseConfig(text, "file")
		if err != nil {
			return
		}
		for _, d := range list {
			if len(d.args) == 0 || d.key != strings.ToLower(d.key) {
				t.Fatalf("%+v", d)
			}
		}
		o := lookUp([][]directive{list}, "host", "", "", "me")
		if o.userName() == "" && o.values["user"] == nil {
			t.Fatal("no user")
		}
	})
}
