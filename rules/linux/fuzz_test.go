//go:build linux

package linux

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"farmwall/rules"
)

// goldenFiles are what real hosts printed.
func goldenFiles(t testing.TB) [][]byte {
	names, err := filepath.Glob("testdata/*.observe")
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	var out [][]byte
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// Whatever a host prints is decoded or refused with words, and judged the same twice.
func FuzzDecode(f *testing.F) {
	for _, b := range goldenFiles(f) {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		st, err := New().Decode(out)
		if err != nil {
			if err.Error() == "" || st != nil {
				t.Fatalf("refused with %q and a state %v", err, st != nil)
			}
			return
		}
		for _, flow := range goldenFlows {
			New().Judge(st, flow)
		}
		_ = New().Check(st, nil)
	})
}

// Whatever nft's JSON holds is judged without a panic, the same way each time, and
// with a reason where nobody can know.
func FuzzJudge(f *testing.F) {
	for _, b := range goldenFiles(f) {
		sec, err := splitSections(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(sec["ruleset"]), uint8(6), uint16(443), []byte{10, 0, 0, 0, 8}, false)
	}
	network, err := os.ReadFile("testdata/rich.observe")
	if err != nil {
		f.Fatal(err)
	}
	base, err := New().Decode(network)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ruleset []byte, protocol uint8, port uint16, address []byte, out bool) {
		first, err := decodeNft(ruleset)
		if err != nil {
			return
		}
		second, err := decodeNft(ruleset)
		if err != nil {
			t.Fatal(err)
		}
		flow := rules.Flow{Direction: rules.In, Protocol: rules.Protocol(protocol), Port: port}
		if out {
			flow.Direction = rules.Out
		}
		if len(address) == 5 {
			var a [4]byte
			copy(a[:], address)
			flow.Remotes = rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(netip.AddrFrom4(a), int(address[4])%33)})
		}
		var verdicts []rules.Verdict
		for _, r := range []*Ruleset{first, second} {
			reading := *base.Native.(*Reading)
			reading.Ruleset = r
			st := &rules.State{Native: &reading}
			verdicts = append(verdicts, New().Judge(st, flow), New().Judge(st, flow))
			for _, table := range r.Tables {
				for _, c := range table.Chains {
					ClosesByDefault(&reading, table, c, flow)
				}
			}
		}
		for _, v := range verdicts {
			if !reflect.DeepEqual(v, verdicts[0]) {
				t.Fatalf("judged %+v and then %+v", verdicts[0], v)
			}
			if v.Answer == rules.Unknown && v.Reason == "" {
				t.Fatalf("unknown without a reason: %+v", v)
			}
		}
	})
}

// Sets of numbers obey the laws of sets, against a plain map over a small range.
func FuzzNumbers(f *testing.F) {
	f.Add([]byte{1, 5, 7, 9}, []byte{3, 8})
	f.Add([]byte{0, 255}, []byte{0, 0, 255, 255})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		// The small range lies at an edge of the two words, where carries are.
		at := func(n byte) number { return number{7, ^uint64(0) - 100}.plus(uint64(n)) }
		build := func(list []byte) (numbers, map[byte]bool) {
			var in []interval
			plain := map[byte]bool{}
			for i := 0; i+1 < len(list); i += 2 {
				lo, hi := min(list[i], list[i+1]), max(list[i], list[i+1])
				in = append(in, interval{at(lo), at(hi)})
				for n := int(lo); n <= int(hi); n++ {
					plain[byte(n)] = true
				}
			}
			return newNumbers(in), plain
		}
		x, px := build(a)
		y, py := build(b)
		for n := 0; n < 256; n++ {
			k, v := byte(n), at(byte(n))
			for what, c := range map[string]struct{ got, want bool }{
				"contains": {x.contains(v), px[k]}, "intersect": {x.intersect(y).contains(v), px[k] && py[k]},
				"minus": {x.minus(y).contains(v), px[k] && !py[k]}, "union": {x.union(y).contains(v), px[k] || py[k]},
			} {
				if c.got != c.want {
					t.Fatalf("%s of %d in %v and %v: %v", what, n, a, b, c.got)
				}
			}
		}
		var back []interval
		for _, p := range x.prefixes(false) {
			back = append(back, fromPrefix(p))
		}
		if !newNumbers(back).equal(x) {
			t.Fatalf("%v as prefixes is %v", x, back)
		}
	})
}

func (a number) plus(n uint64) number {
	for range n {
		a = a.next()
	}
	return a
}

// Addresses become numbers and back.
func FuzzAddress(f *testing.F) {
	f.Add(uint32(0x0a000001))
	f.Fuzz(func(t *testing.T, v uint32) {
		var b [16]byte
		binary.BigEndian.PutUint32(b[12:], v)
		for _, a := range []netip.Addr{netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom16(b)} {
			if got := fromAddr(a).addr(a.Is4()); got != a {
				t.Fatalf("%s became %s", a, got)
			}
		}
	})
}
