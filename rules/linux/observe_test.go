//go:build linux

package linux

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// shells are those that a host may have as /bin/sh.
var shells = [][]string{{"dash"}, {"bash"}, {"busybox", "ash"}}

// readHost runs observe in a host of its own, with its own files, after a setup.
func readHost(t *testing.T, shell []string, setup, connection string) []byte {
	t.Helper()
	need(t, "unshare", "mount", "nft", shell[0])
	outer := emptyEtc + setup + "\nset +e; script=$1; shift\nexec \"$@\" -c \"$script\" sh \"$CONNECTION\""
	argv := append([]string{"-n", "-m", "sh", "-c", outer, "sh", New().Observe().Body}, shell...)
	cmd := exec.Command("unshare", argv...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "CONNECTION=" + connection, "LANG=de_DE.UTF-8", "LC_ALL=C.UTF-8"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

const stateFiles = `
printf 'number 7\nrun R-1\ncontroller me@here\nboot %s\ntaken 1.5\ndeadline 90\n' "$(cat /proc/sys/kernel/random/boot_id)" >/var/lib/farmwall/lease
printf 'run R-0\ncontroller you@there\ntime 1700000000\ndigest abcd\n' >/var/lib/farmwall/record
printf '7 R-1 99999999\n' >/run/farmwall/token.armed
printf 'caf\303\251 line\nsection end 0\n\n' >/etc/farmwall/copy
ln -s ../init.d/farmwall /etc/rc2.d/S20farmwall
printf 'PRETTY_NAME="Caf\303\251 Linux 1"\nsection uid 1\n9\n' >/etc/os-release
nft -f - <<X
table inet farmwall {
 chain in { type filter hook input priority 0;
  tcp dport 443 accept comment "farmwall:farm:id:0123abcd"
 }
}
table ip site {
 chain input { type filter hook input priority 0; policy drop;
  tcp dport 1 accept comment "caf` + "\303\251" + ` section end 0"
  jump x comment "farmwall:hook"
 }
 chain x {
 }
 chain output { type filter hook output priority 0; policy drop;
 }
}
X
ip link set lo up
`

func TestObserveUnderEveryShell(t *testing.T) {
	for _, shell := range shells {
		t.Run(shell[len(shell)-1], func(t *testing.T) {
			out := readHost(t, shell, stateFiles, "192.0.2.1 50000 2001:db8::1%eth0 22")
			st, err := New().Decode(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			r := st.Native.(*Reading)
			check := func(what string, got, want any) {
				if got != want {
					t.Errorf("%s is %v, want %v", what, got, want)
				}
			}
			check("system", st.System, "Café Linux 1")
			check("manager", st.Manager, "nftables")
			check("client", st.Client.String(), "192.0.2.1:50000")
			check("local", st.Local.String(), "[2001:db8::1]:22")
			check("lease", st.Lease.Number, uint64(7))
			check("holder", st.Lease.Holder, "me@here run R-1")
			if st.Lease.Since <= 0 || st.Lease.Since > 10000*time.Hour {
				t.Errorf("the lease was taken %v ago", st.Lease.Since)
			}
			check("record", st.Record, rules.Record{Run: "R-0", Controller: "you@there", Digest: "abcd", Time: time.Unix(1700000000, 0).UTC()})
			check("token", st.Token.State, "armed")
			if st.Token.Left < time.Hour {
				t.Errorf("the switch fires in %v", st.Token.Left)
			}
			check("copy", string(r.Kept), "café line\nsection end 0\n\n")
			check("unit", r.KeptEnabled, true)
			check("persistence", st.Persistence, "sysvinit")
			check("blocks outbound", st.BlocksOutbound, true)
			check("farms", strings.Join(st.Farms, ","), "farm")
			check("jumps", len(r.Jumps), 1)
			check("jump", r.Jumps[0], Jump{Family: "ip", Table: "site", Chain: "input", Index: 1, Comment: "farmwall:hook",
				Target: "x", Text: `jump x comment "farmwall:hook"`})
			if !strings.HasPrefix(r.OwnText["table inet farmwall"], "table inet farmwall {\n\tchain in {\n") {
				t.Errorf("our text is %q", r.OwnText)
			}
			check("findings", len(st.Findings), 0)
			if err := New().Check(st, nil); err == nil || !strings.Contains(err.Error(), "nftables rules this host") {
				t.Errorf("without a manager: %v", err)
			}
		})
	}
}

// A folder that somebody else can write to is not read.
func TestObserveDistrustsFolders(t *testing.T) {
	for name, spoil := range map[string]string{
		"open to others": "chmod 0755 /var/lib/farmwall",
		"not root's":     "chown 1 /var/lib/farmwall",
		"a link":         "mv /var/lib/farmwall /var/lib/real; ln -s real /var/lib/farmwall",
		"a file":         "rm -r /var/lib/farmwall; echo number 9 >/var/lib/farmwall",
	} {
		t.Run(name, func(t *testing.T) {
			st, err := New().Decode(readHost(t, shells[0], stateFiles+spoil, ""))
			if err != nil {
				t.Fatal(err)
			}
			if st.Lease.Number != 0 || st.Record.Run != "" || st.Token.State != "armed" {
				t.Errorf("read from it: %+v %+v %+v", st.Lease, st.Record, st.Token)
			}
			if len(st.Findings) != 1 || st.Findings[0].Kind != "folder" || !strings.Contains(st.Findings[0].Text, "/var/lib/farmwall") {
				t.Errorf("findings are %v", st.Findings)
			}
			if err := New().Check(st, nil); err == nil || !strings.Contains(err.Error(), "not a folder of root's alone") {
				t.Errorf("Check says %v", err)
			}
		})
	}
}

// What rules the host is told from files and from nft's own answer.
func TestManagers(t *testing.T) {
	for _, c := range []struct{ name, setup, manager, finding string }{
		{"an empty host", "", "nftables", ""},
		{"iptables' nft back end", "iptables-nft -P INPUT DROP", "iptables", ""},
		{"iptables' legacy back end", "iptables-legacy -A INPUT -j ACCEPT", "iptables", "legacy-tables"},
		{"ufw", "mkdir /etc/ufw; echo ENABLED=yes >/etc/ufw/ufw.conf; iptables-nft -N ufw-user-input; iptables-nft -A INPUT -j ufw-user-input", "ufw", ""},
		{"ufw and a table of somebody's", "mkdir /etc/ufw; echo ENABLED=yes >/etc/ufw/ufw.conf; iptables-nft -N ufw-user-input; iptables-nft -A INPUT -j ufw-user-input; nft add table inet z; nft add chain inet z c '{ type filter hook input priority 0; policy drop; }'", "ufw+nftables", ""},
		{"iptables and a table of somebody's", "iptables-nft -P INPUT DROP; nft add table inet z; nft add chain inet z c '{ type filter hook input priority 0; policy drop; }'", "iptables+nftables", ""},
		{"a table of nft's with iptables' name", "nft add table ip filter; nft add chain ip filter input '{ type filter hook input priority 0; policy drop; }'", "nftables", ""},
		{"legacy tables without rules", "iptables-legacy -S >/dev/null", "nftables", "legacy-tables"},
		{"ufw not loaded", "mkdir /etc/ufw; echo ENABLED=yes >/etc/ufw/ufw.conf", "nftables", "ufw"},
		{"ufw off", "mkdir /etc/ufw; echo ENABLED=no >/etc/ufw/ufw.conf", "nftables", ""},
		{"firewalld", "nft add table inet firewalld", "firewalld", ""},
		{"docker alone", "for c in PREROUTING; do iptables-nft -t nat -N DOCKER; iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; done; iptables-nft -N DOCKER-USER; iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -j DOCKER-USER", "nftables", ""},
		{"nft rules in iptables' table", "iptables-nft -P INPUT ACCEPT; nft insert rule ip filter INPUT tcp dport { 80, 443 } accept", "iptables", "nft-in-iptables"},
		{"a dormant table", "nft add table inet z '{ flags dormant; }'", "nftables", "dormant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			need(t, "iptables-nft", "iptables-legacy")
			st, err := New().Decode(readHost(t, shells[0], c.setup, ""))
			if err != nil {
				t.Fatal(err)
			}
			if st.Manager != c.manager {
				t.Errorf("the manager is %q, want %q", st.Manager, c.manager)
			}
			kinds := ""
			for _, f := range st.Findings {
				kinds += f.Kind
			}
			if kinds != c.finding {
				t.Errorf("findings are %v, want %q", st.Findings, c.finding)
			}
			if c.manager == "ufw" || c.manager == "firewalld" {
				if err := New().Check(st, nil); err == nil || !strings.Contains(err.Error(), c.manager+" rules this host") {
					t.Errorf("Check says %v", err)
				}
			}
		})
	}
}

// What the user says of a host counts, unless the host cannot be so.
func TestWallsOfTheUser(t *testing.T) {
	need(t, "iptables-nft")
	out := readHost(t, shells[0], "iptables-nft -P INPUT DROP", "")
	for wall, want := range map[string]string{"nftables": "nftables rules this host, and farmwall cannot write", "ufw": "farmwall_wall says ufw, and ufw does not rule this host"} {
		s := New()
		s.Wall = []string{wall}
		st, err := s.Decode(out)
		if err != nil {
			t.Fatal(err)
		}
		if st.Manager != wall {
			t.Errorf("the manager is %s, the user said %s", st.Manager, wall)
		}
		if err := s.Check(st, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", wall, err)
		}
	}
}

// A ruleset that is another one at every look is not read as if it stood still.
func TestObserveSeesARulesetMove(t *testing.T) {
	nft := func(text string) string {
		return `cp /usr/sbin/nft /run/real; cat >/run/fake <<'X'
#!/bin/sh
` + text + `
X
chmod +x /run/fake; mount --bind /run/fake /usr/sbin/nft
`
	}
	for _, c := range []struct{ name, setup, says string }{
		{"moving", nft(`/run/real add table ip "t$$"; /run/real add chain ip "t$$" c "{ type filter hook input priority 0; }"; exec /run/real "$@"`), "changed the ruleset while it was read"},
		{"rules made again", nft(`/run/real flush chain ip t c; /run/real add rule ip t c accept; exec /run/real "$@"`) + "/run/real -f - <<X\ntable ip t {\n chain c { type filter hook input priority 0; accept\n }\n}\nX\n", "changed the ruleset while it was read"},
		{"failing", nft(`echo "Error: Could not process rule: Permission denied" >&2; exit 1`), "Permission denied"},
		{"moving once", nft(`[ -e /run/moved ] || { : >/run/moved; /run/real add chain ip t c '{ type filter hook input priority 0; }'; }; exec /run/real "$@"`) +
			"/run/real add table ip t\n", ""},
		{"elements that age", "nft -f - <<X\ntable ip t {\n set s { type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 1h }\n }\n}\nX\n" +
			nft(`exec /run/real "$@" | sed "s/expires [0-9a-z]*/expires $$/"`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New().Decode(readHost(t, shells[0], c.setup, ""))
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("decoding says %v, want %q", err, c.says)
			}
		})
	}
}
