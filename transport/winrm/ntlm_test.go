package winrm

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// aChallenge is a host's message with these flags and pairs.
func aChallenge(flags uint32, nonce []byte, pairs ...avPair) []byte {
	info := (&challenge{info: pairs}).marshal()
	b := slices.Concat(ntlmSignature, le32(2), make([]byte, 8), le32(flags), nonce, make([]byte, 8))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(info)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(info)))
	return append(append(b, le32(48)...), info...)
}

const theirFlags = 0xe28a8233 // MS-NLMP 4.2.4

// example is the context of MS-NLMP's examples (4.2.1, 4.2.4).
func example() *ntlm {
	n := newNTLM(`Domain\User`, inventory.NewSecret("Password"), nil, true)
	n.now = func() time.Time { return time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC) }
	n.random = func(b []byte) {
		for i := range b {
			b[i] = 0xaa
			if len(b) == 16 {
				b[i] = 0x55
			}
		}
	}
	n.Step(context.Background(), nil)
	return n
}

// TestNTLMv2AsInTheSpecification is MS-NLMP 4.2.4.
func TestNTLMv2AsInTheSpecification(t *testing.T) {
	if got := ntlmKey("User", "Domain", "Password"); !bytes.Equal(got, unhex(t, "0c868a403bfd7a93a3001ef22ef02e3f")) {
		t.Errorf("NTOWFv2 is %x", got)
	}
	n := example()
	names := []avPair{{2, utf16le("Domain")}, {1, utf16le("Server")}}
	m, done, err := n.Step(context.Background(), aChallenge(theirFlags, unhex(t, "0123456789abcdef"), names...))
	if err != nil || !done {
		t.Fatal(done, err)
	}
	field := func(i int) []byte {
		at := 12 + 8*i
		size, from := binary.LittleEndian.Uint16(m[at:]), binary.LittleEndian.Uint32(m[at+4:])
		return m[from : from+uint32(size)]
	}
	for i, want := range []string{
		"86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa",
		"68cd0ab851e51c96aabc927bebef6a1c", // and what it is over
		hex.EncodeToString(utf16le("Domain")),
		hex.EncodeToString(utf16le("User")),
		"",
		"c5dad2544fc9799094ce1ce90bc9d03e",
	} {
		got := field(i)
		if i == 1 {
			got = got[:16]
		}
		if !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("field %d is %x, want %s", i, got, want)
		}
	}
	// 4.2.4.4
	header, data, err := n.Seal(utf16le("Plaintext"))
	if err != nil || !bytes.Equal(data, unhex(t, "54e50165bf1936dc996020c1811b0f06fb5f")) || !bytes.Equal(header, unhex(t, "010000007fb38ec5c55d497600000000")) {
		t.Errorf("sealed %x %x, %v", header, data, err)
	}
}

func TestNTLMWithATimestampProvesAllMessages(t *testing.T) {
	n := example()
	token := aChallenge(theirFlags, make([]byte, 8), avPair{avTimestamp, make([]byte, 8)}, avPair{avFlags, []byte{1}})
	m, _, err := n.Step(context.Background(), token)
	if err != nil {
		t.Fatal(err)
	}
	mic := append([]byte(nil), m[72:88]...)
	copy(m[72:88], make([]byte, 16))
	if want := hmacMD5(bytes.Repeat([]byte{0x55}, 16), n.negotiate, token, m); !bytes.Equal(mic, want) {
		t.Errorf("%x, want %x", mic, want)
	}
	if lm := m[binary.LittleEndian.Uint32(m[16:]):][:24]; !bytes.Equal(lm, make([]byte, 24)) {
		t.Errorf("an LM response: %x", lm)
	}
}

func TestNTLMNeverAgreesToLess(t *testing.T) {
	for _, flag := range []uint32{ntlmSeal, ntlmSign, ntlm128, ntlmKeyExch, ntlmExtended, ntlmUnicode} {
		if _, _, err := example().Step(context.Background(), aChallenge(theirFlags&^flag, make([]byte, 8))); !errors.Is(err, transport.ErrScheme) {
			t.Errorf("without 0x%x: %v", flag, err)
		}
	}
	// Over TLS nothing is sealed, and sealing is not asked for.
	n := newNTLM("u", inventory.NewSecret("p"), []byte("tls-server-end-point:x"), false)
	out, _, _ := n.Step(context.Background(), nil)
	if binary.LittleEndian.Uint32(out[12:])&ntlmSeal != 0 {
		t.Error("asks for sealing inside TLS")
	}
	out, done, err := n.Step(context.Background(), aChallenge(theirFlags, make([]byte, 8)))
	if err != nil || !done || !bytes.Contains(out, slices.Concat([]byte{avBindings, 0, 16, 0}, bindingSum(n.binding))) {
		t.Errorf("no channel binding: %v", err)
	}
	if _, _, err := n.Seal(nil); err == nil {
		t.Error("seals without a right to")
	}
}

func TestNTLMAccounts(t *testing.T) {
	for given, want := range map[string][2]string{
		`LAB\adm`: {"LAB", "adm"}, `.\adm`: {"", "adm"}, "adm": {"", "adm"}, "adm@lab.example": {"", "adm@lab.example"},
	} {
		if n := newNTLM(given, inventory.NewSecret("x"), nil, true); n.domain != want[0] || n.user != want[1] {
			t.Errorf("%s: %q %q", given, n.domain, n.user)
		}
	}
}

func TestNTLMRefusesAlteredMessages(t *testing.T) {
	pair := func() (host, us *ntlm) {
		us, host = example(), example()
		us.Step(context.Background(), aChallenge(theirFlags, make([]byte, 8)))
		host.Step(context.Background(), aChallenge(theirFlags, make([]byte, 8)))
		host.out, host.in = host.in, host.out
		return host, us
	}
	host, us := pair()
	for i := range 3 {
		header, data, _ := host.Seal([]byte("message"))
		if got, err := us.Unseal(header, data); err != nil || string(got) != "message" {
			t.Fatalf("message %d: %q, %v", i, got, err)
		}
	}
	for name, change := range map[string]func(header, data []byte) ([]byte, []byte){
		"bit":          func(h, d []byte) ([]byte, []byte) { d[0] ^= 1; return h, d },
		"signature":    func(h, d []byte) ([]byte, []byte) { h[5] ^= 1; return h, d },
		"sequence":     func(h, d []byte) ([]byte, []byte) { h[12]++; return h, d },
		"short":        func(h, d []byte) ([]byte, []byte) { return h[:3], d },
		"no signature": func(h, d []byte) ([]byte, []byte) { return nil, d },
	} {
		host, us := pair()
		header, data, _ := host.Seal([]byte("message"))
		if _, err := us.Unseal(change(header, data)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	host, us = pair()
	header, data, _ := host.Seal([]byte("first"))
	us.Unseal(header, data)
	if _, err := us.Unseal(header, data); err == nil {
		t.Error("a message was taken twice")
	}
}

func FuzzNTLMChallenge(f *testing.F) {
	f.Add(aChallenge(theirFlags, make([]byte, 8), avPair{avTimestamp, make([]byte, 8)}))
	f.Add(aChallenge(theirFlags, make([]byte, 8), avPair{avFlags, nil}, avPair{avTimestamp, nil}))
	f.Add(ntlmSignature)
	f.Fuzz(func(t *testing.T, token []byte) {
		n := example()
		if out, done, err := n.Step(context.Background(), token); done != (err == nil) || done && len(out) < 88 {
			t.Errorf("%d bytes, %v, %v", len(out), done, err)
		}
	})
}
