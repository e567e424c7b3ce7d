package rules

import (
	"net/netip"
	"strings"
	"testing"
)

// ports makes ranges of pairs: first, last, first, last ...
func ports(ends ...uint16) []PortRange {
	var out []PortRange
	for ; len(ends) > 1; ends = ends[2:] {
		out = append(out, PortRange{First: ends[0], Last: ends[1]})
	}
	return out
}

func sample() Rule {
	return Rule{ID: "gateway-in-tcp-443", Farm: "north", Direction: In, Protocol: TCP, Ports: ports(443, 443), Remotes: list("10.0.0.0/8")}
}

func TestMarkFollowsContent(t *testing.T) {
	r := sample()
	mark := r.Mark()
	if farm, id, hash, ok := ParseMark(mark); !ok || farm != "north" || id != "gateway-in-tcp-443" || hash != r.hash8() {
		t.Fatalf("%s parses as %s %s %s %v", mark, farm, id, hash, ok)
	}
	for name, change := range map[string]func(*Rule){
		"direction": func(r *Rule) { r.Direction = Out },
		"protocol":  func(r *Rule) { r.Protocol = UDP },
		"port":      func(r *Rule) { r.Ports = ports(444, 444) },
		"ports":     func(r *Rule) { r.Ports = ports(443, 444) },
		"no ports":  func(r *Rule) { r.Ports = nil },
		"remotes":   func(r *Rule) { r.Remotes = list("10.0.0.0/9") },
		"anywhere":  func(r *Rule) { r.Remotes = nil },
		"nobody":    func(r *Rule) { r.Remotes = NewAddresses(nil) },
		"loopback":  func(r *Rule) { r.Loopback = true },
		"opaque":    func(r *Rule) { r.Opaque = "tcp dport 443 accept" },
		"name":      func(r *Rule) { r.ID = "other" },
		"farm":      func(r *Rule) { r.Farm = "south" },
	} {
		o := sample()
		if change(&o); o.Mark() == mark || o.Same(&r) {
			t.Errorf("another %s leaves the mark %s", name, mark)
		}
	}
	for name, change := range map[string]func(*Rule){
		"reason":    func(r *Rule) { r.Why = &Why{Text: "because"} },
		"condition": func(r *Rule) { r.OnlyIfBlocked = true },
		"hash":      func(r *Rule) { r.Hash = "00000000" },
	} {
		o := sample()
		if change(&o); o.Mark() != mark || !o.Same(&r) {
			t.Errorf("another %s changes the mark", name)
		}
	}
	long := sample()
	long.Farm, long.ID = strings.Repeat("f", 32), strings.Repeat("i", 64)
	if n := len(long.Mark()); n > 116 {
		t.Errorf("the longest mark has %d bytes", n)
	}
}

func TestParseMarkRefuses(t *testing.T) {
	for _, s := range []string{"", "farmwall", "farmwall:", "farmwall:a:b", "farmwall:a:b:0123456", "farmwall:a:b:012345678", "farmwall:a:b:0123456G",
		"farmwall:A:b:01234567", "farmwall::b:01234567", "farmwall:a::01234567", "farmwall:a_b:c:01234567", " farmwall:a:b:01234567", "farmwall:a:b:01234567\n",
		"farmwall:" + strings.Repeat("f", 33) + ":b:01234567", "farmwall:a:" + strings.Repeat("i", 65) + ":01234567"} {
		if _, _, _, ok := ParseMark(s); ok {
			t.Errorf("%q is taken for a mark of ours", s)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	r := sample()
	f.Add(r.Mark())
	f.Add("farmwall:a:b:01234567")
	f.Add("farmwall:a:\"; flush ruleset;:01234567")
	f.Fuzz(func(t *testing.T, s string) {
		farm, id, hash, ok := ParseMark(s)
		if !ok {
			return
		}
		if Prefix+farm+":"+id+":"+hash != s || len(s) > 116 || !farmForm.MatchString(farm) || !idForm.MatchString(id) {
			t.Fatalf("%q parses as %q %q %q", s, farm, id, hash)
		}
		if strings.ContainsAny(s, "\"'`$;\\ \t\r\n(){}") {
			t.Fatalf("%q would be syntax somewhere", s)
		}
	})
}

func FuzzNewSet(f *testing.F) {
	f.Add([]byte{1, 0, 1, 187, 1, 187, 2, 1, 0, 80, 3, 232, 1, 0, 1, 188, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		var in []Rule
		count := map[string]int{}
		for ; len(b) >= 6; b = b[6:] {
			r := Rule{ID: string('a' + rune(b[0]%8)), Farm: "f", Direction: In, Protocol: TCP}
			x, y := uint16(b[2])<<8|uint16(b[3]), uint16(b[4])<<8|uint16(b[5])
			r.Ports = ports(x, x, y, y)
			if b[1]&1 == 1 {
				r.Remotes = NewAddresses([]netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte(b[2:6])), int(b[1]%33))})
			}
			count[r.ID]++
			in = append(in, r)
		}
		set, err := NewSet(in)
		if (err != nil) != (len(count) < len(in)) {
			t.Fatalf("error %v for %v", err, count)
		}
		if err != nil {
			return
		}
		if err := invariants(set); err != nil {
			t.Fatal(err)
		}
		again, err := NewSet(set)
		if err != nil || again.Digest() != set.Digest() || len(Diff(set, again)) != 0 {
			t.Fatalf("a set of a set differs: %v", err)
		}
	})
}
