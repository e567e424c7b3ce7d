//go:build linux

package linux

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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

// Addresses and prefixes become numbers and back.
func FuzzAddress(f *testing.F) {
	f.Add(uint32(0x0a000001))
	f.Fuzz(func(t *testing.T, v uint32) {
		var b [16]byte
		binary.BigEndian.PutUint32(b[12:], v)
		for _, a := range []netip.Addr{netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom16(b)} {
			if got := toAddr(fromAddr(a), a.Is4()); got != a {
				t.Fatalf("%s became %s", a, got)
			}
			for bits := range a.BitLen() + 1 {
				want := netip.PrefixFrom(a, bits).Masked()
				if got := toPrefixes(rules.Spans{fromPrefix(want)}, a.Is4()); !slices.Equal(got, []netip.Prefix{want}) {
					t.Fatalf("%s became %s", want, got)
				}
			}
		}
	})
}
