package windows_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"farmwall/rules/windows"
	lab "farmwall/transport/lab/windows"
)

// part runs PowerShell that stands on the parts of the scripts: $request is what Go
// sends, and what it leaves in $reply comes back.
func (m *machine) part(driver string, request, reply any) {
	m.t.Helper()
	body, ok := strings.CutSuffix(windows.Body("recover"), "Invoke-FwRequest\n")
	if !ok {
		m.t.Fatal("the scripts end in another way")
	}
	body += `$request = Read-FwJson ([Text.Encoding]::UTF8.GetString($Data))` + "\n" + driver + "\n" +
		`$bytes = [Text.Encoding]::UTF8.GetBytes((Format-FwJson $reply)); $Answer.Out.Write($bytes, 0, $bytes.Length)` + "\n"
	out, err := m.runText(m.t.Context(), body, encoded(request))
	if err != nil {
		m.t.Fatal(err)
	}
	if err := json.Unmarshal(out, reply); err != nil {
		m.t.Fatalf("%v in %.500q", err, out)
	}
}

// some makes a value of the kinds that cross the line.
func some(r *rand.Rand, depth int) any {
	signs := []rune("abcXYZ09 \"\\/\b\f\n\r\t\x00\x1f\x7f$`'(){}[],:;éü日\u2028\U0001F512\ufffd")
	text := func() string {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteRune(signs[r.IntN(len(signs))])
		}
		return b.String()
	}
	switch n := r.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return float64(r.Int64N(1<<52) - 1<<51)
	case n < 6 || depth == 0:
		return text()
	case n < 8:
		out := []any{}
		for range r.IntN(5) {
			out = append(out, some(r, depth-1))
		}
		return out
	default:
		out := map[string]any{}
		for range r.IntN(5) {
			out[text()] = some(r, depth-1)
		}
		return out
	}
}

func TestJSONInPowerShellIsJSON(t *testing.T) {
	m := boot(t, lab.Options{})
	r := rand.New(rand.NewPCG(4, 1))
	var values []any
	for range 300 {
		values = append(values, some(r, 4))
	}
	// Names that differ by case only, dates, and what 5.1 takes for one.
	values = append(values, map[string]any{"a": "1", "A": "2"}, "2026-11-23T13:20:00Z", "/Date(1)/", strings.Repeat("long ", 100_000), []any{[]any{}}, []any{"one"})
	var bad []string
	for range 200 {
		text := string(encoded(some(r, 3)))
		if len(text) > 4 {
			cut := r.IntN(len(text)-1) + 1
			bad = append(bad, text[:cut], text[:cut]+"}"+text[cut:])
		}
	}
	bad = slices.DeleteFunc(bad, func(s string) bool { return json.Valid([]byte(s)) })
	var reply struct {
		Same  any
		Taken []string
	}
	m.part(`$taken = New-Object Collections.ArrayList
foreach ($text in $request['bad']) { try { $null = Read-FwJson $text; $null = $taken.Add($text) } catch { continue } }
$reply = @{ Same = $request['values']; Taken = $taken }`, object{"values": values, "bad": bad}, &reply)
	var want any
	if err := json.Unmarshal(encoded(values), &want); err != nil {
		t.Fatal(err)
	}
	got, _ := reply.Same.([]any)
	for i, v := range want.([]any) {
		if i >= len(got) || !reflect.DeepEqual(got[i], v) {
			t.Fatalf("value %d of %d: %.300q became %.300q", i, len(got), encoded(v), encoded(got[min(i, len(got)-1)]))
		}
	}
	if len(reply.Taken) > 0 || len(bad) < 200 {
		t.Errorf("of %d texts that are no JSON it took %q", len(bad), reply.Taken)
	}
}

func TestListsOfAddressesAreComparedByMeaning(t *testing.T) {
	m := boot(t, lab.Options{})
	r := rand.New(rand.NewPCG(4, 2))
	type pair struct{ Sent, Read string }
	var same, other []pair
	v4 := func() netip.Addr {
		return netip.AddrFrom4([4]byte{byte(r.IntN(224)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
	}
	mask := func(bits int) string {
		n := uint32(0xffffffff) << (32 - bits)
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
	}
	for range 100 {
		a, b := v4(), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", r.IntN(65536)))
		bits := r.IntN(31) + 2
		p := netip.PrefixFrom(a, bits)
		net := p.Masked().Addr()
		same = append(same,
			pair{a.String(), a.String() + "/255.255.255.255"}, pair{p.String(), net.String() + "/" + mask(bits)},
			pair{b.String(), b.String() + "-" + b.String()}, pair{b.String() + "/128", b.String()},
			pair{p.String() + "," + b.String(), b.String() + "," + net.String() + "/" + mask(bits)})
		other = append(other,
			pair{a.String(), a.Next().String()}, pair{p.Masked().String(), netip.PrefixFrom(net, bits-1).String()},
			pair{a.String() + "," + b.String(), a.String()}, pair{b.String(), b.Next().String()}, pair{a.String(), "*"})
	}
	same = append(same, pair{"localsubnet,dns", "DNS,LocalSubnet"}, pair{"0.0.0.0/0", "0.0.0.0-255.255.255.255"}, pair{"*", "*"}, pair{"fe80::/10", "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})
	other = append(other, pair{"localsubnet", "*"}, pair{"0.0.0.0/1", "0.0.0.0/0"})
	var reply struct{ Wrong []pair }
	m.part(`$wrong = New-Object Collections.ArrayList
foreach ($kind in 'Same', 'Other') {
	foreach ($pair in $request[$kind]) { if ((Test-FwSame 'RemoteAddresses' $pair['Sent'] $pair['Read']) -ne ($kind -eq 'Same')) { $null = $wrong.Add($pair) } }
}
$reply = @{ Wrong = $wrong }`, object{"Same": same, "Other": other}, &reply)
	if len(reply.Wrong) > 0 {
		t.Errorf("judged wrongly: %v", reply.Wrong)
	}
}
