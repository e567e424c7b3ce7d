package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Flags of a wrap token (RFC 4121 4.2.2).
const (
	sentByAcceptor = 1 << iota
	sealed
	acceptorSubkey
)

const (
	krbHeader     = 16
	krbConfounder = 16
)

// wrapKeys seal an acceptor's messages (RFC 4121 4.2.6.2).
type wrapKeys struct {
	key          types.EncryptionKey
	sum          int  // bytes of the cipher's checksum
	own          bool // the key is the acceptor's subkey
	ours, theirs uint64
}

// sumSize is how long the checksum of a sealed text is; hosts seal WinRM's messages
// with AES only.
func sumSize(key types.EncryptionKey) (int, error) {
	size, want := 0, 0
	switch key.KeyType {
	case etypeID.AES128_CTS_HMAC_SHA1_96:
		size, want = 12, 16
	case etypeID.AES256_CTS_HMAC_SHA1_96:
		size, want = 12, 32
	case etypeID.AES128_CTS_HMAC_SHA256_128:
		size, want = 16, 16
	case etypeID.AES256_CTS_HMAC_SHA384_192:
		size, want = 24, 32
	}
	if size == 0 || len(key.KeyValue) != want {
		return 0, fmt.Errorf("kerberos: key of type %d with %d bytes", key.KeyType, len(key.KeyValue))
	}
	return size, nil
}

func (k *wrapKeys) flag() byte {
	if k.own {
		return acceptorSubkey
	}
	return 0
}

// seal makes a token as Windows hosts do: EC 0, and RRC the length of the encrypted
// header and the checksum (28 with the usual ciphers).
func (k *wrapKeys) seal(plain []byte) (header, data []byte, err error) {
	token := make([]byte, krbHeader)
	copy(token, []byte{5, 4, sentByAcceptor | sealed | k.flag(), 0xff})
	binary.BigEndian.PutUint64(token[8:], k.ours)
	text, err := crypto.GetEncryptedData(bytes.Join([][]byte{plain, token}, nil), k.key, keyusage.GSSAPI_ACCEPTOR_SEAL, 0)
	if err != nil {
		return nil, nil, err
	}
	k.ours++
	rrc := krbHeader + k.sum
	binary.BigEndian.PutUint16(token[6:], uint16(rrc))
	token = append(token, rotate(text.Cipher, len(text.Cipher)-rrc)...)
	cut := krbHeader + rrc + krbConfounder
	return token[:cut:cut], token[cut:], nil
}

// rotate moves the first n bytes to the end.
func rotate(b []byte, n int) []byte {
	n %= len(b)
	return bytes.Join([][]byte{b[n:], b[:n]}, nil)
}

// unseal opens a client's token, whatever its padding and rotation.
func (k *wrapKeys) unseal(token []byte) ([]byte, error) {
	if len(token) < krbHeader+krbConfounder+krbHeader+k.sum {
		return nil, errors.New("kerberos: sealed message too short")
	}
	head := token[:krbHeader]
	if want := []byte{5, 4, sealed | k.flag(), 0xff}; !bytes.Equal(head[:4], want) {
		return nil, fmt.Errorf("kerberos: token begins % x, not % x", head[:4], want)
	}
	ec, rrc := int(binary.BigEndian.Uint16(head[4:])), int(binary.BigEndian.Uint16(head[6:]))
	if n := binary.BigEndian.Uint64(head[8:]); n != k.theirs {
		return nil, fmt.Errorf("kerberos: message %d, not %d", n, k.theirs)
	}
	plain, err := crypto.DecryptMessage(rotate(token[krbHeader:], rrc), k.key, keyusage.GSSAPI_INITIATOR_SEAL)
	if err != nil {
		return nil, err
	}
	end := len(plain) - krbHeader
	if end < ec {
		return nil, errors.New("kerberos: more padding than text")
	}
	inner := bytes.Clone(plain[end:])
	copy(inner[6:8], head[6:8]) // RRC is 0 inside
	if !bytes.Equal(inner, head) {
		return nil, errors.New("kerberos: header changed on the way")
	}
	k.theirs++
	return plain[:end-ec], nil
}
