//go:build linux

package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"farmwall/rules"
)

// awks are the programs that the fingerprint must run under, each with its first words.
var awks = map[string][]string{"mawk": {"mawk"}, "gawk": {"gawk"}, "busybox": {"busybox", "awk"}}

// prints runs fingerprint.awk over a text of nft and returns the two streams.
func prints(t testing.TB, awk []string, text string) (ours, rest string) {
	t.Helper()
	dir := t.TempDir()
	args := append(append([]string{}, awk[1:]...), "-v", "ours="+dir+"/ours", "-v", "rest="+dir+"/rest", "-v", "unit=disabled",
		"-v", "legacy=", "-f", "fingerprint.awk")
	cmd := exec.Command(awk[0], args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdin = strings.NewReader(text + "\n# end\n")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %v: %s", awk, err, out)
	}
	var streams [2]string
	for i, name := range []string{"ours", "rest"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		streams[i] = string(b)
	}
	return streams[0] + "kept none\n", streams[1]
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
		bare := n.run(t, "", "nft", "-s", "-n", "list", "ruleset")
		full := n.run(t, "", "nft", "-a", "-s", "-n", "list", "ruleset")
		if cut := regexp.MustCompile(`(?m) # handle [0-9]+$`).ReplaceAllString(full, ""); cut != bare {
			t.Errorf("without handles it is\n%s\ninstead of\n%s", cut, bare)
		}
		return full
	}
	base := text("")
	ours0, rest0 := prints(t, awks["mawk"], base)
	for _, want := range []string{"table inet farmwall {", "set farmwall_a {", "chain farmwall_in {", "jump inet site input 2 jump farmwall_in comment"} {
		if !strings.Contains(ours0, want) {
			t.Errorf("what is ours lacks %q:\n%s", want, ours0)
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
			s := readText(changed, nil)
			ours, rest := s.ours("disabled", nil), s.rest("")
			if (ours != ours0) != c.ours || (rest != rest0) != c.rest {
				t.Errorf("ours moved=%v want %v, rest moved=%v want %v\n%s", ours != ours0, c.ours, rest != rest0, c.rest, changed)
			}
			for name, awk := range awks {
				if o, r := prints(t, awk, changed); o != ours || r != rest {
					t.Errorf("%s makes other bytes than Go:\n%s%s\ninstead of\n%s%s", name, o, r, ours, rest)
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

// What observe lets Go hash and what a change hashes under its lock are the same,
// whichever shell and awk the host has, and the copy and what loads it count.
func TestFingerprintsOfObserveAndChangeAgree(t *testing.T) {
	need(t, "unshare", "mount", "nft", "busybox")
	hash := strings.ReplaceAll(groundSh, "cd / || exit 1\n", "") + "fingerprint_awk='" + fingerprintAwk + "'\nsaves_awk='" + savesAwk + "'\n" + fingerprintSh
	setups := map[string]string{
		"nothing": "", "copy": "printf 'a\\n' >/etc/farmwall/copy", "copy without newline": "printf a >/etc/farmwall/copy",
		"empty copy": ": >/etc/farmwall/copy", "odd copy": "printf 'a\\000b\\377\\n\\n\\n' >/etc/farmwall/copy",
		"unit": "ln -s x /etc/rc2.d/S01farmwall", "all": stateFiles,
	}
	for name, setup := range hosts {
		setups[name+" of the goldens"] = setup
	}
	seen := map[string]string{}
	for name, setup := range setups {
		for _, shell := range shells {
			for awkName, awk := range awks {
				if name != "all" && (awkName != "mawk" || shell[0] == "bash" && name != "odd copy") {
					continue
				}
				script := emptyEtc + setup + "\nset +e\nsh=$1 observe=$2 hash=$3\n$sh -c \"$observe\" sh ''; echo SPLIT; $sh -c \"$hash\""
				end := "\nawk='" + strings.Join(awk, " ") + "'\nlisting && prints && echo $ours $rest\n"
				cmd := exec.Command("unshare", "-n", "-m", "sh", "-c", script, "sh", strings.Join(shell, " "), New().Observe().Body, hash+end)
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%s: %v: %s", name, err, out)
				}
				observed, hashes, _ := strings.Cut(string(out), "SPLIT\n")
				st, err := New().Decode([]byte(observed))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if want := st.Ours + " " + st.Rest + "\n"; hashes != want {
					t.Errorf("%s, %v, %s: the change would see %q instead of %q", name, shell, awkName, hashes, want)
				}
				if shell[0] == "dash" && awkName == "mawk" && !strings.Contains(name, "goldens") {
					if other, twice := seen[st.Ours]; twice {
						t.Errorf("%q and %q have one fingerprint", name, other)
					}
					seen[st.Ours] = name
				}
			}
		}
	}
}

// Whatever text there is, Go and awk make the same of it.
func FuzzStreams(f *testing.F) {
	need(f, "mawk")
	for _, b := range goldenFiles(f) {
		sec, err := splitSections(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sec["text"])
	}
	f.Add(fingerprintBase)
	f.Fuzz(func(t *testing.T, text string) {
		// What a shell's variable cannot hold, and what separates for awk alone.
		text = strings.NewReplacer("\x00", "", "\x1c", "", "\r", "", "\v", "", "\f", "").Replace(text)
		s := readText(text, nil)
		ours, rest := prints(t, awks["mawk"], text)
		if o, r := s.ours("disabled", nil), s.rest(""); o != ours || r != rest {
			t.Fatalf("Go makes\n%s%s\nand awk\n%s%s", o, r, ours, rest)
		}
	})
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
