package wsman

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/types"
)

// offlineKeytab holds a key that no KDC knows.
func offlineKeytab(t testing.TB) *Keytab {
	t.Helper()
	k := keytab.New()
	if err := k.AddEntry("HTTP/host.lab.test", "LAB.TEST", "secret", time.Now(), 1, 18); err != nil {
		t.Fatal(err)
	}
	text, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := parseKeytab(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func FuzzTicketAcceptor(f *testing.F) {
	request := krbToken(tokRequest, []byte{0x6e, 0x03, 0x30, 0x01, 0x00})
	f.Add(request)
	f.Add(krbToken(tokReply, nil))
	f.Add([]byte{0x60, 0x82, 0xff, 0xff})
	keys := offlineKeytab(f)
	f.Fuzz(func(t *testing.T, token []byte) {
		for _, b := range [][]byte{token, krbToken(tokRequest, token)} {
			a := keys.accept(session{now: time.Now})
			if _, done, err := a.Step(b); done || err == nil {
				t.Fatal("a stranger has logged on")
			}
			if _, _, err := a.Seal([]byte("x")); err == nil {
				t.Fatal("it seals for nobody")
			}
		}
	})
}

// fromClient seals as a client may: with padding, and any rotation.
func fromClient(t testing.TB, k *wrapKeys, plain []byte, extra, turn int) []byte {
	t.Helper()
	head := []byte{5, 4, sealed | k.flag(), 0xff, byte(extra >> 8), byte(extra), 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(k.theirs)}
	text, err := crypto.GetEncryptedData(slices.Concat(plain, make([]byte, extra), head), k.key, keyusage.GSSAPI_INITIATOR_SEAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	head[6], head[7] = byte(turn>>8), byte(turn)
	return append(head, rotate(text.Cipher, len(text.Cipher)-turn%len(text.Cipher))...)
}

func FuzzKerberosUnseal(f *testing.F) {
	f.Add([]byte("text"), 0, 28, 0)
	f.Add([]byte("text"), 16, 0, 3)
	f.Add([]byte{}, 0, 65535, 70)
	f.Add([]byte("text"), 16, 28, 5)
	f.Fuzz(func(t *testing.T, plain []byte, extra, turn, flip int) {
		extra, turn = extra&0xff, turn&0xffff
		for kind, size := range map[int32]int{17: 16, 18: 32, 19: 16, 20: 32} {
			k := &wrapKeys{key: types.EncryptionKey{KeyType: kind, KeyValue: bytes.Repeat([]byte{3}, size)}, own: true, theirs: 9}
			var err error
			if k.sum, err = sumSize(k.key); err != nil {
				t.Fatal(err)
			}
			token := fromClient(t, k, plain, extra, turn)
			changed := bytes.Clone(token)
			changed[uint(flip)%uint(len(changed))] ^= 1
			if got, err := k.unseal(changed); err == nil && !bytes.Equal(got, plain) {
				t.Fatalf("cipher %d: changed to %q", kind, got)
			} else if err == nil {
				k.theirs-- // only the rotation was changed, by a whole turn
			}
			if got, err := k.unseal(token); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("cipher %d: %q %v", kind, got, err)
			}
			if _, err := k.unseal(token); err == nil {
				t.Fatal("the same message is taken twice")
			}
			k.unseal(plain)
		}
	})
}

func TestKerberosSealsAsWindowsDoes(t *testing.T) {
	k := &wrapKeys{key: types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}, own: true, sum: 12, ours: 7}
	for _, n := range []int{0, 1, 1000} {
		header, data, err := k.seal(make([]byte, n))
		if err != nil || len(header) != 60 || len(data) != n {
			t.Fatalf("%d: head %d, data %d, %v", n, len(header), len(data), err)
		}
		want := []byte{5, 4, 7, 0xff, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, byte(k.ours - 1)}
		if !bytes.Equal(header[:16], want) {
			t.Errorf("% x", header[:16])
		}
	}
}
