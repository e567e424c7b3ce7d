package linux

import (
	"os/exec"
	"strings"
	"testing"

	"farmwall/rules"
)

// awks are the programs that the fingerprint must run under, each with its first words.
var awks = map[string][]string{"mawk": {"mawk"}, "gawk": {"gawk"}, "busybox": {"busybox", "awk"}}

// prints runs fingerprint.awk over a text of nft.
func prints(t *testing.T, awk []string, text string) (ours, rest, own string) {
	t.Helper()
	args := append(append([]string{}, awk[1:]...), "-v", "sha=exec sha256sum", "-v", "unit=disabled",
		"-v", "kept=none", "-v", "legacy=", "-v", "show=1", "-f", "fingerprint.awk")
	cmd := exec.Command(awk[0], args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", awk, err)
	}
	lines := strings.SplitN(string(out), "\n", 3)
	if len(lines) != 3 || !hashLine.MatchString(lines[0]) || !hashLine.MatchString(lines[1]) {
		t.Fatalf("%v printed %q", awk, out)
	}
	return lines[0], lines[1], lines[2]
}

const fingerprintBase = `flush ruleset
table inet farmwall { chain in { type filter hook input priority 0; tcp dport 1 accept comment "farmwall:f:a:00000000"
} }
table inet site {
 comment "of the site { } \ it's"
 set s { type ipv4_addr; elements = { 10.0.0.1 } }
 set farmwall_a { type ipv4_addr; elements = { 10.0.0.7 } }
 map m { type inet_service : verdict; elements = { 22 : jump called } }
 map n { type ipv4_addr : inet_service; elements = { 10.0.0.1 : 80 } }
 counter c { }
 chain called { tcp dport 22 accept
 }
 chain deeper { tcp dport 23 accept
 }
 chain routed { tcp dport 24 accept
 }
 chain farmwall_in { ip saddr @farmwall_a accept comment "farmwall:f:a:00000000"
 }
 chain input { comment "jump routed"; type filter hook input priority 0; policy drop;
  iif lo accept comment "a } in a comment, and farmwall:"
  ip saddr @s goto deeper
  jump farmwall_in comment "farmwall:hook"
  tcp dport vmap @m
 }
 chain forward { type filter hook forward priority 0; jump routed
 } }
`

// What is ours moves ours alone, what else decides moves the rest alone, and the rest
// of the world moves nothing; under every awk alike.
func TestFingerprintsMoveForWhatTheyAreOf(t *testing.T) {
	need(t, "nft", "mawk", "gawk", "busybox")
	n := newNetns(t)
	const load = "}\n}"
	text := func(change string) string {
		n.run(t, strings.ReplaceAll(strings.ReplaceAll(fingerprintBase, "} }", load), "}; }", load)+change, "nft", "-f", "-")
		return n.run(t, "", "nft", "-s", "-n", "list", "ruleset")
	}
	base := text("")
	ours0, rest0, own0 := prints(t, awks["mawk"], base)
	for _, want := range []string{"table inet farmwall {", "set farmwall_a {", "chain farmwall_in {", "jump inet site input 2 jump farmwall_in comment"} {
		if !strings.Contains(own0, want) {
			t.Errorf("what is ours lacks %q:\n%s", want, own0)
		}
	}
	for _, c := range []struct {
		name, change string
		ours, rest   bool // moves
	}{
		{"nothing", "", false, false},
		{"a rule of ours", "add rule inet farmwall in tcp dport 2 accept\n", true, false},
		{"an element of ours", "add element inet site farmwall_a { 10.0.0.8 }\n", true, false},
		{"our chain in a foreign table", "add rule inet site farmwall_in accept\n", true, false},
		{"our jump again", "add rule inet site input jump farmwall_in comment \"farmwall:hook\"\n", true, false},
		{"a foreign rule after our jump", "add rule inet site input tcp dport 99 accept\n", false, true},
		{"a foreign rule before our jump", "insert rule inet site input tcp dport 99 accept\n", true, true},
		{"a foreign rule with our word in its comment", "add rule inet site input accept comment \"no farmwall:\"\n", false, true},
		{"a called chain", "add rule inet site called accept\n", false, true},
		{"a chain that goto reaches", "add rule inet site deeper accept\n", false, true},
		{"a verdict map", "add element inet site m { 23 : drop }\n", false, true},
		{"a foreign policy", "add chain inet site input { policy accept; }\n", false, true},
		{"a new foreign base chain", "add table ip more\nadd chain ip more x { type filter hook prerouting priority 0; }\n", false, true},
		{"elements of a foreign set", "add element inet site s { 10.0.0.2 }\n", false, false},
		{"elements of a foreign map", "add element inet site n { 10.0.0.2 : 81 }\n", false, false},
		{"what is forwarded only", "add rule inet site forward accept\n", false, false},
		{"a chain that only forwarding reaches", "add rule inet site routed accept\n", false, false},
		{"a chain that nothing calls", "add chain inet site idle\nadd rule inet site idle drop\n", false, false},
		{"an output chain", "add chain inet site out { type filter hook output priority 0; }\n", false, true},
		{"a table going to sleep", "add table inet site { flags dormant; }\n", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := text(c.change)
			ours, rest, own := prints(t, awks["mawk"], changed)
			if (ours != ours0) != c.ours || (rest != rest0) != c.rest {
				t.Errorf("ours moved=%v want %v, rest moved=%v want %v\n%s", ours != ours0, c.ours, rest != rest0, c.rest, changed)
			}
			for name, awk := range awks {
				if o, r, w := prints(t, awk, changed); o != ours || r != rest || w != own {
					t.Errorf("%s makes other bytes than mawk", name)
				}
			}
		})
	}
}

// emptyEtc hides the machine's own /etc, /run and /var/lib, but for what awk needs.
const emptyEtc = `set -e
mount -t tmpfs none /run; cp -a /etc/alternatives /run/; mount -t tmpfs none /etc; mv /run/alternatives /etc/
mount -t tmpfs none /var/lib; mkdir -p -m 0700 /etc/farmwall /run/farmwall /var/lib/farmwall; mkdir -p /etc/rc2.d /etc/init.d
`

// The shell function adds what loads the rules at boot.
func TestFingerprintHoldsCopyAndUnit(t *testing.T) {
	need(t, "unshare", "mount", "nft")
	print := func(setup string) string {
		script := emptyEtc + setup + "\nset +e\n" + fingerprintShell() + "fingerprints ''\n"
		out, err := exec.Command("unshare", "-n", "-m", "sh", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		first, _, _ := strings.Cut(string(out), "\n")
		return first
	}
	seen := map[string]string{}
	for name, setup := range map[string]string{
		"nothing": "", "copy": "printf 'a\\n' >/etc/farmwall/nftables.copy", "copy without newline": "printf a >/etc/farmwall/nftables.copy",
		"unit": "ln -s x /etc/rc2.d/S01farmwall",
	} {
		p := print(setup)
		if other, twice := seen[p]; twice {
			t.Errorf("%q and %q have one fingerprint", name, other)
		}
		seen[p] = name
	}
}

// The awk text travels inside single quotes.
func TestScriptsCanBeQuoted(t *testing.T) {
	if strings.Contains(fingerprintAwk, "'") {
		t.Error("fingerprint.awk holds a single quote")
	}
	if s := New().Observe(); s.Shell != rules.Sh || len(s.Body) > 60_000 || len(s.Input) != 0 {
		t.Errorf("observe is %s, %d bytes, input %d", s.Shell, len(s.Body), len(s.Input))
	}
}
