package winrm

import (
	"bytes"
	"context"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"farmwall/inventory"
	"farmwall/transport"
)

// recording is a conversation with MIT's acceptor (krb5 1.20.1, AES-256).
type recording struct {
	scheme, ticketKey, subkey string
	ctime                     int64
	cusec                     int
	seq                       int64
	reply                     string // its token
	key                       string // that it makes
	header, data              string // of its message "sealed by MIT"
}

func recordings() []recording {
	return []recording{{
		scheme:    schemeNegotiate,
		ticketKey: "9789553a7e6957f1bef5820e5be09e3acf5de5a95f20e844be7904ce86ad65f5", subkey: "342abb0a28af878d9f36717a96d9e100ae1618a738a729c9bd460b094e2b633f",
		ctime: 1795442789, cusec: 631551, seq: 82840055,
		reply:  "oYG3MIG0oAMKAQChCwYJKoZIhvcSAQICooGfBIGcYIGZBgkqhkiG9xIBAgICAG+BiTCBhqADAgEFoQMCAQ+iejB4oAMCARKicQRvePEv2Ye07TtNA3rqyDnOgYO62QGivaSOw5aYqCVeTwHV2ZFwASzs7+AX8hWV/Q/oPOvwjI/fBwSMPm/qwfNErbkksVwmlk9tGHyarxw7h2U+RiqCa6ot3JiqREothCc5VLPUzbFAMcg5GSQhQ3nM",
		key:    "c268935e2a8f2ca96236e19d005b21077dc01a355768a9b73ad912b3a6fc4d6c",
		header: "BQQH/wAAABwAAAAAP4LYNItoeg0PTtBgTVGpRe2QT++YoUipeuiG2RnQp6b4IX2Tzm6gXLHL0N6G/no8", data: "0rIjjsCnNdZ+5F0txg==",
	}, {
		scheme:    schemeKerberos,
		ticketKey: "93645343fabbbca10c135f01ed8cc5b63584730bffca9fae28aec0b63f54676b", subkey: "b64aefe8d5f52d48b4fc5b3f5f0ca8b97f25e1b465f61459bbfb75c9997a4863",
		ctime: 1795442790, cusec: 10444, seq: 586576854,
		reply:  "YIGYBgkqhkiG9xIBAgICAG+BiDCBhaADAgEFoQMCAQ+ieTB3oAMCARKicARuU9YC85T4EU+9CjTpdDnlLAoU201nVwBFSRwUXUFzUa0qV0ThxZAlxZu36KAEEruwbfwvDCo5ip730VkBEyKaWNVCQp7Bi8OLsYDmq1E9tUNx+7KZd2Tig+BhPVRzikQWbF/SMEjNhrkh/O0MlJY=",
		key:    "50f42023e4bd01f40dd08d42546b9b3aec504989c59988720ec568bdffb57bc9",
		header: "BQQH/wAAABwAAAAAK6afpkuduNMcasrKd4ylld+xIm5viFG+eyosxdSAAX/2qT6hxPZEiPm3MCrUCQXJ", data: "g5jjHXCIsogmxd1HaQ==",
	}}
}

func decode(s string) []byte {
	if b, err := hex.DecodeString(s); err == nil {
		return b
	}
	b, _ := base64.StdEncoding.DecodeString(s)
	return b
}

// waiting is the context that waits for the recorded reply.
func (r recording) waiting() *krbContext {
	key := func(s string) types.EncryptionKey { return types.EncryptionKey{KeyType: 18, KeyValue: decode(s)} }
	return &krbContext{scheme: r.scheme, account: &account{}, ticket: ticket{key: key(r.ticketKey)},
		auth: types.Authenticator{CTime: time.Unix(r.ctime, 500).UTC(), Cusec: r.cusec, SeqNumber: r.seq, SubKey: key(r.subkey)}}
}

func TestARecordedConversationWithMIT(t *testing.T) {
	for _, r := range recordings() {
		c := r.waiting()
		if out, done, err := c.Step(context.Background(), decode(r.reply)); out != nil || !done || err != nil {
			t.Fatal(out, done, err)
		}
		if !bytes.Equal(c.wrapper.key.KeyValue, decode(r.key)) {
			t.Errorf("%s: the key is %x", r.scheme, c.wrapper.key.KeyValue)
		}
		again := *c.wrapper
		plain, err := c.Unseal(decode(r.header), decode(r.data))
		if string(plain) != "sealed by MIT" || err != nil {
			t.Errorf("%q %v", plain, err)
		}
		if _, err := c.Unseal(decode(r.header), decode(r.data)); err == nil {
			t.Error("the same message is taken twice")
		}
		c.Close()
		if slices.Max(again.key.KeyValue) != 0 || slices.Max(c.auth.SubKey.KeyValue) != 0 {
			t.Error("the key is still there after Close")
		}
		if _, err := c.Unseal(decode(r.header), decode(r.data)); err == nil {
			t.Error("a closed context unseals")
		}
		other := r.waiting()
		other.auth.Cusec++
		if _, _, err := other.Step(context.Background(), decode(r.reply)); err == nil || !strings.Contains(err.Error(), "another request") {
			t.Error(err)
		}
	}
}

// An acceptor may sign the list of mechanisms that was offered (RFC 4178 5).
func TestTheChecksumOverTheNegotiation(t *testing.T) {
	r := recordings()[0]
	_, mechs, err := initialToken(nil)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := parseNegTokenResp(decode(r.reply))
	if err != nil {
		t.Fatal(err)
	}
	head := append([]byte{4, 4, wrapByAcceptor | wrapAcceptorKey, 0xff, 0xff, 0xff, 0xff, 0xff}, decode(r.header)[8:16]...)
	e, err := crypto.GetEtype(18)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := e.GetChecksumHash(decode(r.key), slices.Concat(mechs, head), keyusage.GSSAPI_ACCEPTOR_SIGN)
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(head) + len(sum) + 1 { // the last one is whole
		mic := slices.Concat(head, sum)
		whole := at == len(mic)
		if !whole {
			mic[at] ^= 1
		}
		body, err := asn1.Marshal(struct {
			Token []byte `asn1:"explicit,tag:2"`
			MIC   []byte `asn1:"explicit,tag:3"`
		}{inner.token, mic})
		if err != nil {
			t.Fatal(err)
		}
		token, err := asn1.Marshal(asn1.RawValue{Class: 2, Tag: 1, IsCompound: true, Bytes: body})
		if err != nil {
			t.Fatal(err)
		}
		c := r.waiting()
		c.mechs = mechs
		if _, done, err := c.Step(context.Background(), token); done != whole || whole != (err == nil) {
			t.Errorf("byte %d changed: %v, %v", at, done, err)
		}
	}
}

// sealAs seals as an acceptor may: with padding, and any rotation.
func sealAs(t testing.TB, w *wrapper, plain []byte, extra, said, turned int) []byte {
	head := []byte{5, 4, w.flags | wrapSealed | wrapByAcceptor, 0xff, byte(extra >> 8), byte(extra), 0, 0}
	head = binary.BigEndian.AppendUint64(head, w.recv)
	text, err := crypto.GetEncryptedData(slices.Concat(plain, make([]byte, extra), head), w.key, keyusage.GSSAPI_ACCEPTOR_SEAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(head[6:], uint16(said))
	c := text.Cipher
	cut := len(c) - turned%len(c)
	return slices.Concat(head, c[cut:], c[:cut])
}

func FuzzUnsealTakesAnyPaddingAndRotation(f *testing.F) {
	f.Add([]byte("text"), 0, 0, 60, false)
	f.Add([]byte("text"), 0, 28, 60, false)
	f.Add([]byte("text"), 16, 28, 60, true)
	f.Add([]byte(""), 16, 44, 0, false)
	f.Add([]byte("text"), 3, 65535, 7, true)
	f.Fuzz(func(t *testing.T, plain []byte, extra, turn, cut int, both bool) {
		extra, turn = extra&0x3ff, turn&0xffff
		for _, kind := range []int32{17, 18, 19, 20} {
			size, _ := cipherOf(kind)
			w, err := newWrapper(types.EncryptionKey{KeyType: kind, KeyValue: bytes.Repeat([]byte{7}, size.key)}, true, 1, 5)
			if err != nil {
				t.Fatal(err)
			}
			turned := turn
			if both { // as Windows before the correction
				turned += extra
			}
			token := sealAs(t, w, plain, extra, turn, turned)
			at := max(0, min(cut, len(token)))
			got, err := w.unseal(token[:at], token[at:])
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("cipher %d: %q, %v", kind, got, err)
			}
		}
	})
}

func FuzzUnsealTakesNothingElse(f *testing.F) {
	for _, r := range recordings() {
		f.Add(decode(r.header), decode(r.data), 0)
		for _, at := range []int{2, 4, 5, 6, 7, 15, 70} {
			f.Add(decode(r.header), decode(r.data), at)
		}
		f.Add(decode(r.header)[:20], decode(r.data), 0)
	}
	f.Add([]byte{5, 4, 7, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte{}, 0)
	f.Fuzz(func(t *testing.T, header, data []byte, flip int) {
		for _, r := range recordings() {
			w, err := newWrapper(types.EncryptionKey{KeyType: 18, KeyValue: decode(r.key)}, true, 0, binary.BigEndian.Uint64(decode(r.header)[8:]))
			if err != nil {
				t.Fatal(err)
			}
			changed := append(bytes.Clone(header), data...)
			if flip != 0 && len(changed) > 0 {
				changed[uint(flip)%uint(len(changed))] ^= byte(flip>>8) | 1
			}
			cut := min(len(header), len(changed))
			plain, err := w.unseal(changed[:cut], changed[cut:])
			// Only the rotation is not protected.
			if err == nil && string(plain) != "sealed by MIT" {
				t.Fatalf("%q", plain)
			}
		}
	})
}

func FuzzHostAnswer(f *testing.F) {
	for _, r := range recordings() {
		f.Add(decode(r.reply))
	}
	e := messages.NewKRBError(types.NewPrincipalName(2, "HTTP/x"), "LAB.TEST", errorcode.KRB_AP_ERR_SKEW, "skew")
	text, _ := e.Marshal()
	token, _ := gssToken(oidKerberos(), append([]byte{3, 0}, text...))
	f.Add(token)
	f.Add([]byte{0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x02})
	f.Fuzz(func(t *testing.T, token []byte) {
		for _, r := range recordings() {
			c := r.waiting()
			_, done, err := c.Step(context.Background(), token)
			if done != (err == nil) || done != (c.wrapper != nil) {
				t.Fatal(done, err)
			}
			if done && !bytes.Equal(c.wrapper.key.KeyValue, decode(r.key)) {
				t.Fatalf("the key is %x", c.wrapper.key.KeyValue)
			}
		}
	})
}

func FuzzNegTokenResp(f *testing.F) {
	f.Add(decode(recordings()[0].reply))
	f.Add([]byte{0xa1, 0x00})
	f.Add([]byte{0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x03})
	f.Fuzz(func(t *testing.T, token []byte) {
		r, err := parseNegTokenResp(token)
		if err == nil && (r.state < negUnsaid || r.state > negWantsMIC || len(r.token)+len(r.mic) > len(token)) {
			t.Fatalf("%+v", r)
		}
	})
}

func FuzzKDCReply(f *testing.F) {
	e := messages.NewKRBError(types.NewPrincipalName(2, "krbtgt/LAB.TEST"), "LAB.TEST", errorcode.KDC_ERR_PREAUTH_REQUIRED, "x")
	e.EData = []byte{0x30, 0x09, 0x30, 0x07, 0xa1, 0x03, 2, 1, 19, 0xa2, 0}
	text, _ := e.Marshal()
	f.Add(text)
	f.Add([]byte{0x6b, 0x03, 0x30, 0x01, 0x00})
	f.Add([]byte{0x6d, 0x03, 0x30, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, reply []byte) {
		conf := newProfile().conf()
		a, err := newAccount(accountKey{user: "alice@LAB.TEST", password: "secret"}, conf, transport.NewGate())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.readInitial(reply, messages.ASReq{}, a.usualHints()); err == nil {
			t.Error("a ticket without a key")
		}
		if _, err := readGranted(reply, ticket{key: types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}}, 1); err == nil {
			t.Error("a ticket without a key")
		}
		a.explain(kdcError(reply))
		a.hostError(reply)
		// Making a key is slow by design: only the reading is tried.
		a.keyHints(reply)
	})
}

func FuzzCCache(f *testing.F) {
	f.Add([]byte{5, 4, 0, 0})
	f.Add([]byte{5, 4, 0, 12, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'R', 0, 0, 0, 1, 'u'})
	f.Add([]byte{5, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCCache(text)
		if err == nil && len(c.tickets) > len(text) {
			t.Fatal("more tickets than bytes")
		}
	})
}

func FuzzKrbConf(f *testing.F) {
	f.Add("[libdefaults]\n default_realm = LAB.TEST\n[realms]\n LAB.TEST = {\n  kdc = a.lab.test\n  kdc = [::1]:88*\n }\n")
	f.Add("[realms\n}\n= {\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := newProfile()
		// Included files are not the fuzzer's business.
		if strings.Contains(text, "include") || p.parse("krb5.conf", text, 0) != nil {
			return
		}
		c := p.conf()
		c.realmOf(text)
		c.realmOfHost(text)
		for realm, list := range c.kdcs {
			if len(list) == 0 || strings.Contains(realm, "\n") {
				t.Fatalf("%q %q", realm, list)
			}
		}
	})
}

func TestKrbConfIsReadAsMITReadsIt(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("d/one.conf", "[realms]\nOTHER.TEST = {\n kdc = other.test:750\n kdc = https://proxy.test/KdcProxy\n}\n")
	write("d/two~", "not read")
	write("d/.hidden.conf", "not read")
	write("single", "[domain_realm]\n.sub.lab.test = SUB.TEST\nhost.lab.test = HOST.TEST\n")
	main := write("krb5.conf", `
# a comment
includedir `+dir+`/d
include `+dir+`/single
[libdefaults]
 default_realm = LAB.TEST
 default_realm = SECOND.TEST
 dns_lookup_kdc = false
 permitted_enctypes = aes256-cts-hmac-sha1-96 aes-sha2 rc4-hmac
 unknown = { 
   deeper = yes
 }
[realms]
 LAB.TEST = {
  kdc = one.lab.test
  kdc = [2001:db8::1]:88 *
  kdc = three.lab.test
  auth_to_local = {
   RULE:[1:$1@$0](.*@X)s/@.*// = x
  }
 }
[domain_realm]
 .lab.test = LAB.TEST
`)
	t.Setenv("KRB5_CONFIG", main)
	c, err := loadKrbConf("")
	if err != nil {
		t.Fatal(err)
	}
	if c.defaultRealm != "LAB.TEST" || c.dns || !slices.Equal(c.ciphers, []int32{18, 20, 19}) {
		t.Errorf("%+v", c)
	}
	want := map[string][]string{"LAB.TEST": {"one.lab.test:88", "[2001:db8::1]:88"}, "OTHER.TEST": {"other.test:750"}}
	if !reflect.DeepEqual(c.kdcs, want) {
		t.Errorf("%q", c.kdcs)
	}
	for host, realm := range map[string]string{"a.lab.test": "LAB.TEST", "x.sub.lab.test": "SUB.TEST", "HOST.lab.test": "HOST.TEST", "lab.test": "", "a.else": ""} {
		if got := c.realmOfHost(host); got != realm {
			t.Errorf("%s is of %q", host, got)
		}
	}
	for domain, realm := range map[string]string{"lab": "LAB.TEST", "OTHER": "OTHER.TEST", "corp.example.com": "CORP.EXAMPLE.COM", "nothing": ""} {
		if got := c.realmOf(domain); got != realm {
			t.Errorf("%s is %q", domain, got)
		}
	}
	for name, text := range map[string]string{"early": "x = y\n", "brace": "[realms]\n}\n", "word": "[realms]\nword\n", "loop": "include " + dir + "/loop\n"} {
		if _, err := loadKrbConf(write(name, text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServicePrincipals(t *testing.T) {
	for _, c := range []struct {
		access inventory.Access
		want   string
	}{
		{inventory.Access{Address: "srv1.lab.test."}, "HTTP/srv1.lab.test"},
		{inventory.Access{Address: "srv1.lab.test", WinRM: inventory.WinRM{SPNClass: "WSMAN"}}, "WSMAN/srv1.lab.test"},
		{inventory.Access{Address: "10.0.0.1", WinRM: inventory.WinRM{SPNHost: "srv1.lab.test"}}, "HTTP/srv1.lab.test"},
		{inventory.Access{Address: "10.0.0.1"}, ""},
		{inventory.Access{Address: "fe80::1"}, ""},
	} {
		got, err := servicePrincipal(&c.access)
		if c.want == "" != (err != nil) || err == nil && got.String() != c.want {
			t.Errorf("%s: %s, %v", c.access.Address, got, err)
		}
	}
}
