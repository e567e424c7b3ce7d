package wsman

import (
	"bytes"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"net"
	"testing"
	"time"

	"github.com/bodgit/ntlmssp"
)

// The keys and the response of MS-NLMP 4.2.4 (NTLMv2 authentication).
func TestNTLMAgainstTheSpecification(t *testing.T) {
	key, _ := hex.DecodeString("55555555555555555555555555555555") // ExportedSessionKey, 4.2.1
	const flags = flagExtended | flagSeal | flagSign | flagKeyExchange | flag128 | flag56 | flagUnicode
	d := newDirection(key, "client-to-server", flags)
	if got := hex.EncodeToString(d.signKey); got != "4788dc861b4782f35d43fd98fe1a2d39" {
		t.Errorf("SignKey %s", got)
	}
	// GSS_WrapEx of "Plaintext" (4.2.4.4).
	n := &ntlm{key: key, flags: flags, out: d, in: newDirection(key, "client-to-server", flags)}
	header, data, err := n.Seal(utf16le("Plaintext"))
	if err != nil || hex.EncodeToString(data) != "54e50165bf1936dc996020c1811b0f06fb5f" || hex.EncodeToString(header) != "010000007fb38ec5c55d497600000000" {
		t.Errorf("%x %x %v", data, header, err)
	}
	plain, err := n.Unseal(header, data)
	if err != nil || !bytes.Equal(plain, utf16le("Plaintext")) {
		t.Errorf("%q %v", plain, err)
	}
}

// handshakes are the two tokens of log-ons with a wrong password, raw and wrapped.
func handshakes(t testing.TB) [][2][]byte {
	t.Helper()
	s, err := New(&words{}, Options{Schemes: Schemes{Negotiate: true}, Accounts: []Account{localAdmin}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := ntlmssp.NewClient(ntlmssp.SetUserInfo(testUser, "wrong"), ntlmssp.SetVersion(&ntlmssp.Version{}))
	if err != nil {
		t.Fatal(err)
	}
	first, err := client.Authenticate(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	challenge, _, err := s.newAcceptor("Negotiate").Step(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.Authenticate(challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	return [][2][]byte{{first, second}, {initToken(t, first, oidNTLM), negResponse{State: negIncomplete, Token: second}.marshal()}}
}

// initToken wraps a first token as a client does.
func initToken(t testing.TB, token []byte, mechs ...asn1.ObjectIdentifier) []byte {
	t.Helper()
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	list := must(asn1.Marshal(mechs))
	inner := must(asn1.MarshalWithParams(struct {
		Mechs asn1.RawValue
		Token []byte `asn1:"explicit,optional,tag:2"`
	}{asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: list}, token}, "explicit,tag:0"))
	oid := must(asn1.Marshal(oidSPNEGO))
	return must(asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: append(oid, inner...)}))
}

// dance takes a client through NTLM inside an acceptor; spoil may change the last token.
func dance(t *testing.T, a acceptor, password string, spoil func([]byte)) error {
	t.Helper()
	client, err := ntlmssp.NewClient(ntlmssp.SetUserInfo(testUser, password), ntlmssp.SetVersion(&ntlmssp.Version{}))
	if err != nil {
		t.Fatal(err)
	}
	first, _ := client.Authenticate(nil, nil)
	challenge, done, err := a.Step(first)
	if err != nil || done {
		t.Fatal(err, done)
	}
	last, err := client.Authenticate(challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	if spoil != nil {
		spoil(last)
	}
	if _, done, err = a.Step(last); err == nil && (!done || a.User() != `WIN-LAB\adm`) {
		t.Error("neither an error nor a log-on")
	}
	return err
}

func TestAMessageThatWasChangedOnItsWayIsRefused(t *testing.T) {
	s, err := New(&words{}, Options{Accounts: []Account{localAdmin}})
	if err != nil {
		t.Fatal(err)
	}
	if err := dance(t, s.newAcceptor("Negotiate"), testPassword, nil); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func([]byte){
		"a flag less":   func(b []byte) { b[60] &^= flagSeal },
		"the version":   func(b []byte) { b[64] ^= 1 },
		"the integrity": func(b []byte) { b[72] ^= 1 },
		"the key":       func(b []byte) { b[binary.LittleEndian.Uint32(b[56:])] ^= 1 },
		"NTLMv1":        func(b []byte) { binary.LittleEndian.PutUint16(b[20:], 24) },
		"no response":   func(b []byte) { binary.LittleEndian.PutUint16(b[20:], 0) },
		"beyond":        func(b []byte) { binary.LittleEndian.PutUint32(b[24:], 1<<31) },
	} {
		if err := dance(t, s.newAcceptor("Negotiate"), testPassword, spoil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestTheClientsFirstChoiceIsNotTaken(t *testing.T) {
	s, err := New(&words{}, Options{Accounts: []Account{localAdmin}})
	if err != nil {
		t.Fatal(err)
	}
	a := s.newAcceptor("Negotiate")
	out, done, err := a.Step(initToken(t, []byte("a ticket that nobody can read"), oidMSKerberos, oidKerberos, oidNTLM))
	if err != nil || done {
		t.Fatal(err, done)
	}
	r, err := parseResponse(out)
	if err != nil || r.State != negRequestMIC || !r.Mech.Equal(oidNTLM) || r.Token != nil {
		t.Fatalf("%+v %v", r, err)
	}
	// From here on NTLM, and without the mechListMIC in the end it is refused.
	client, _ := ntlmssp.NewClient(ntlmssp.SetUserInfo(testUser, testPassword), ntlmssp.SetVersion(&ntlmssp.Version{}))
	first, _ := client.Authenticate(nil, nil)
	if out, _, err = a.Step(negResponse{State: negIncomplete, Token: first}.marshal()); err != nil {
		t.Fatal(err)
	}
	r, _ = parseResponse(out)
	last, err := client.Authenticate(r.Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err = a.Step(negResponse{State: negIncomplete, Token: last}.marshal()); err == nil || done {
		t.Error("taken without a signature over the list of mechanisms")
	}
	for _, mechs := range [][]asn1.ObjectIdentifier{{oidKerberos}, {oidSPNEGO}} {
		if _, _, err := s.newAcceptor("Negotiate").Step(initToken(t, nil, mechs...)); err == nil {
			t.Errorf("%v is taken", mechs)
		}
	}
}

func TestTheHostsClockIsInItsChallenge(t *testing.T) {
	for _, skew := range []time.Duration{0, 3 * time.Hour, -48 * time.Hour} {
		s, err := New(&words{}, Options{Faults: Faults{ClockSkew: skew}})
		if err != nil {
			t.Fatal(err)
		}
		client, _ := ntlmssp.NewClient()
		first, _ := client.Authenticate(nil, nil)
		challenge, _, err := s.newAcceptor("Negotiate").Step(first)
		if err != nil {
			t.Fatal(err)
		}
		at := binary.LittleEndian.Uint32(challenge[44:])
		pairs, err := parsePairs(challenge[at:])
		if err != nil {
			t.Fatal(err)
		}
		ticks := int64(binary.LittleEndian.Uint64(pairs[avTimestamp])) - 116444736000000000
		if off := time.Until(time.Unix(0, ticks*100)) - skew; off.Abs() > time.Minute {
			t.Errorf("skew %v: off by %v", skew, off)
		}
	}
}

// nowhere is a connection without ends.
type nowhere struct{ net.Conn }

func (nowhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (nowhere) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5985} }
func (nowhere) Close() error         { return nil }
