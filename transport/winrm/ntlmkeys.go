package winrm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/md4"
)

// ntlmKeys protect one direction of a connection. The stream cipher runs on from
// message to message, so one that is lost ends the context.
type ntlmKeys struct {
	sign   []byte
	stream *rc4.Cipher
	next   uint32 // sequence number
}

// newNTLMKeys makes the keys of both directions (MS-NLMP 3.4.5).
func newNTLMKeys(session []byte) (toHost, fromHost *ntlmKeys) {
	keys := func(direction string) *ntlmKeys {
		derive := func(use string) []byte {
			sum := md5.Sum(append(append([]byte(nil), session...), "session key to "+direction+" "+use+" key magic constant\x00"...))
			return sum[:]
		}
		return &ntlmKeys{sign: derive("signing"), stream: newRC4(derive("sealing"))}
	}
	return keys("client-to-server"), keys("server-to-client")
}

// signature is over the plain message; the message is enciphered before it (MS-NLMP
// 3.4.4.2).
func (k *ntlmKeys) signature(plain []byte) []byte {
	seq := le32(k.next)
	k.next++
	sum := hmacMD5(k.sign, seq, plain)[:8]
	k.stream.XORKeyStream(sum, sum)
	return append(append(le32(1), sum...), seq...)
}

var (
	errNoKeys  = errors.New("the NTLM context does not stand")
	errNTLMSum = errors.New("the host's message was altered, or is out of order")
)

// Seal enciphers and signs a message to the host.
func (n *ntlm) Seal(plain []byte) (header, data []byte, err error) {
	if n.out == nil || !n.sealing {
		return nil, nil, errNoKeys
	}
	data = make([]byte, len(plain))
	n.out.stream.XORKeyStream(data, plain)
	return n.out.signature(plain), data, nil
}

// Unseal deciphers and checks a message of the host.
func (n *ntlm) Unseal(header, data []byte) ([]byte, error) {
	if n.in == nil || !n.sealing {
		return nil, errNoKeys
	}
	plain := make([]byte, len(data))
	n.in.stream.XORKeyStream(plain, data)
	if subtle.ConstantTimeCompare(n.in.signature(plain), header) != 1 {
		return nil, errNTLMSum
	}
	return plain, nil
}

// ntlmKey is NTOWFv2: only the user's name is upper-cased, the domain is taken as
// it is sent.
func ntlmKey(user, domain, password string) []byte {
	h := md4.New()
	h.Write(utf16le(password))
	return hmacMD5(h.Sum(nil), utf16le(strings.ToUpper(user)+domain))
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// newRC4 takes keys of 16 bytes only, which the cipher always accepts.
func newRC4(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return c
}

func rc4Once(key, b []byte) []byte {
	out := make([]byte, len(b))
	newRC4(key).XORKeyStream(out, b)
	return out
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func utf16le(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// fileTime is Windows' count of 100 ns since 1601.
func fileTime(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64((t.Unix()+11_644_473_600)*1e7+int64(t.Nanosecond()/100)))
}
