package ufw

import (
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// randomRule is a rule of ours that ufw can say.
func randomRule(rnd *rand.Rand, id int) rules.Rule {
	w := rules.Rule{ID: fmt.Sprintf("r%d", id), Farm: "f", Direction: rules.In, Protocol: rules.TCP}
	switch rnd.Intn(6) {
	case 0:
		w.Protocol = rules.UDP
	case 1:
		w.Protocol = rules.VRRP
	}
	if w.Protocol != rules.VRRP {
		for range 1 + rnd.Intn(20) {
			first := 1 + rnd.Intn(65000)
			w.Ports = append(w.Ports, rules.PortRange{First: uint16(first), Last: uint16(first + rnd.Intn(3)*rnd.Intn(200))})
		}
		w.Ports = rules.MergePorts(w.Ports)
	}
	if rnd.Intn(3) > 0 {
		var list []netip.Prefix
		for range 1 + rnd.Intn(5) {
			a := netip.AddrFrom4([4]byte{10, byte(rnd.Intn(3)), byte(rnd.Intn(256)), byte(rnd.Intn(256))})
			bits := 8 + rnd.Intn(25)
			if rnd.Intn(3) == 0 {
				a, bits = netip.AddrFrom16([16]byte{0xfd, byte(rnd.Intn(256)), 15: byte(rnd.Intn(256))}), 16+rnd.Intn(113)
			}
			list = append(list, netip.PrefixFrom(a, bits))
		}
		w.Remotes = rules.NewAddresses(list)
	}
	switch rnd.Intn(8) {
	case 0:
		w.Direction = rules.Out
	case 1:
		w.Loopback = true
	case 2:
		w.Block, w.Remotes = true, nil
	}
	return w
}

func TestWhatIsSaidIsReadBack(t *testing.T) {
	rnd := rand.New(rand.NewSource(5))
	for i := range 3000 {
		f := &files{six: rnd.Intn(3) > 0, protocols: []string{`vrrp"`}}
		w := randomRule(rnd, i)
		list := f.say(&w)
		if !f.six {
			w.Remotes = w.Remotes.Family(true)
		}
		got := f.decode(list)
		if w.Remotes.Empty() {
			if len(got) != 0 {
				t.Fatalf("nobody to open to, and yet %+v", got)
			}
			continue
		}
		if len(got) != 1 || !got[0].Same(&w) {
			t.Fatalf("%+v\nreads back as\n%+v\nof %v", w, got, list)
		}
		// A part that is missing, twice there or another shows.
		if len(list) > 1 {
			if got := f.decode(list[1:]); len(got) == 1 && got[0].Same(&w) {
				t.Fatalf("a missing part does not show: %+v", w)
			}
		}
		if got := f.decode(append(list, list[0])); len(got) < 2 {
			t.Fatalf("a twin does not show: %+v", w)
		}
	}
}

// TestRulesFollowUfwsLimits: fifteen ports a rule, a range counts as two.
func TestRulesFollowUfwsLimits(t *testing.T) {
	rnd := rand.New(rand.NewSource(6))
	for i := range 500 {
		w := randomRule(rnd, i)
		f := &files{six: true}
		for _, p := range f.say(&w) {
			if n := strings.Count(p.dport, ",") + strings.Count(p.dport, ":"); n > 14 {
				t.Fatalf("ufw would refuse the ports %s", p.dport)
			}
		}
	}
}

// saved are lines of a file of ufw, and of iptables-save for the same rule.
var saved = []struct {
	v6         bool
	file, save string
}{
	{false, "-A ufw-user-input -p tcp --dport 22 -j ACCEPT", "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT"},
	{false, "-A ufw-user-input -p tcp -m multiport --dports 80,443 -s 10.0.0.5 -j ACCEPT", "-A ufw-user-input -s 10.0.0.5/32 -p tcp -m multiport --dports 80,443 -j ACCEPT"},
	{true, "-A ufw6-user-input -p vrrp -s fd00::5 -j ACCEPT", "-A ufw6-user-input -s fd00::5/128 -p 112 -j ACCEPT"},
	{false, "-A ufw-user-output -o lo -p udp -d 10.0.0.0/8 --dport 53 -j DROP", "-A ufw-user-output -d 10.0.0.0/8 -o lo -p udp -m udp --dport 53 -j DROP"},
	{false, "-A ufw-user-input -s 10.9.9.9 -j REJECT", "-A ufw-user-input -s 10.9.9.9/32 -j REJECT --reject-with icmp-port-unreachable"},
}

func TestKeysOfFileAndSave(t *testing.T) {
	seen := map[string]string{}
	for _, s := range saved {
		if key(s.file, s.v6) != key(s.save, s.v6) {
			t.Errorf("%s\n%s\nhave the keys\n%s\n%s", s.file, s.save, key(s.file, s.v6), key(s.save, s.v6))
		}
		if other := seen[key(s.file, s.v6)]; other != "" {
			t.Errorf("%s has the key of %s", s.file, other)
		}
		seen[key(s.file, s.v6)] = s.file
	}
}

// TestSpliceKeepsOthersBytes has awk splice random sets into a file with rules of others,
// and out again.
func TestSpliceKeepsOthersBytes(t *testing.T) {
	if _, err := exec.LookPath("awk"); err != nil {
		t.Skip("awk is not installed")
	}
	dir := t.TempDir()
	before := strings.ReplaceAll(otherRules, "\t", "")
	write(t, dir+"/rules", before)
	rnd := rand.New(rand.NewSource(7))
	for round := range 30 {
		var b strings.Builder
		b.WriteString("farmwall walls ufw\n" + copyHeader + "\n")
		f := &files{}
		n := rnd.Intn(4)
		for i := range n {
			w := randomRule(rnd, i)
			for _, p := range f.say(&w) {
				p.write(&b, "-")
			}
		}
		b.WriteString("end\n")
		write(t, dir+"/copy", b.String())
		want := len(parseCopy([]byte(b.String()), true))
		text := spliced(t, dir, 21)
		var rest strings.Builder
		ours := 0
		for _, block := range strings.SplitAfter(text, "\n\n") {
			if strings.Contains(block, " comment=6661726d") {
				ours++
			} else {
				rest.WriteString(block)
			}
		}
		if rest.String() != before || ours != want {
			t.Fatalf("round %d: %d of %d rules of ours, others:\n%s", round, ours, want, rest.String())
		}
		write(t, dir+"/rules", text)
		if again := spliced(t, dir, 20); again != text {
			t.Fatalf("round %d: not the same a second time", round)
		}
	}
	write(t, dir+"/copy", "farmwall walls ufw\n"+copyHeader+"\nend\n")
	if text := spliced(t, dir, 21); text != before {
		t.Errorf("without ours:\n%s", text)
	}
}

const otherRules = `*filter
:ufw-user-input - [0:0]
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT

### tuple ### limit tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in comment=666f6f
-A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 2222 -j ufw-user-limit-accept

### END RULES ###

### LOGGING ###
### END LOGGING ###
COMMIT
`

func FuzzFiles(f *testing.F) {
	f.Add("/etc/ufw/user.rules 0\n\t### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in comment=6661\n\t-A ufw-user-input -p tcp --dport 80 -j ACCEPT",
		"file /etc/default/ufw\n\tIPV6=yes\nfile /etc/ufw/ufw.conf\n\tENABLED=yes", saved[1].save)
	f.Fuzz(func(t *testing.T, ours, rest, line string) {
		r := &linux.Reading{Walls: map[string]linux.WallText{name: {Ours: ours, Rest: rest}}, Saves: []linux.Save{{Family: "ip", Backend: "nft", Text: line}}}
		st := &rules.State{Native: r}
		Manager{}.Places(r)
		Manager{}.Check(st, nil)
		Manager{}.Diff(st, nil)
		if c, err := (Manager{}).Undo(st); err == nil {
			if got, want := len(parseCopy(c, true)), len(read(r).ours); got > want {
				t.Errorf("an undo of %d rules holds %d", want, got)
			}
		}
		key(line, true)
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// spliced runs splice.awk on the files of a folder and returns the new rules.
func spliced(t *testing.T, dir string, status int) string {
	t.Helper()
	cmd := exec.Command("awk", "-v", "v=", "-v", "copy="+dir+"/copy", "-v", "rules="+dir+"/rules", "-v", "fresh="+dir+"/fresh", linux.Compact(splice))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != status && !(status == 21 && exit.ExitCode() == 20) {
		t.Fatalf("awk: %v, want status %d\n%s", err, status, out)
	}
	file := dir + "/fresh"
	if exit.ExitCode() == 20 {
		file = dir + "/rules"
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
