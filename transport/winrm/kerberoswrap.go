package winrm

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

// Wrap tokens of RFC 4121 4.2.6.2: a header of 16 bytes, then the sealed text. The
// flags say who sent it, that it is sealed, and that the acceptor's key is used.
const (
	wrapHeader      = 16
	wrapByAcceptor  = 1
	wrapSealed      = 2
	wrapAcceptorKey = 4
	krbConfounder   = 16 // of the ciphers below
)

// krbCipher is what a cipher of Kerberos needs and adds, in bytes.
type krbCipher struct{ key, sum int }

// cipherOf knows the ciphers that a message may be sealed with: AES of RFC 3962
// and RFC 8009, nothing older.
func cipherOf(id int32) (krbCipher, error) {
	switch id {
	case etypeID.AES128_CTS_HMAC_SHA1_96:
		return krbCipher{16, 12}, nil
	case etypeID.AES256_CTS_HMAC_SHA1_96:
		return krbCipher{32, 12}, nil
	case etypeID.AES128_CTS_HMAC_SHA256_128:
		return krbCipher{16, 16}, nil
	case etypeID.AES256_CTS_HMAC_SHA384_192:
		return krbCipher{32, 24}, nil
	}
	return krbCipher{}, fmt.Errorf("%w: number %d", errCipher, id)
}

// decrypt opens a sealed text; the library takes its length on trust.
func decrypt(text []byte, key types.EncryptionKey, usage uint32) ([]byte, error) {
	c, err := cipherOf(key.KeyType)
	if err != nil {
		return nil, err
	}
	if len(text) < krbConfounder+c.sum || len(key.KeyValue) != c.key {
		return nil, errors.New("sealed text or key is too short")
	}
	return crypto.DecryptMessage(text, key, usage)
}

// wrapper seals and unseals the messages of an initiator.
type wrapper struct {
	key        types.EncryptionKey
	flags      byte // wrapAcceptorKey or 0
	sum        int  // of the key's cipher
	send, recv uint64
}

func newWrapper(key types.EncryptionKey, acceptors bool, send, recv uint64) (*wrapper, error) {
	c, err := cipherOf(key.KeyType)
	if err != nil {
		return nil, err
	}
	if len(key.KeyValue) != c.key {
		return nil, fmt.Errorf("a key of %d bytes where %d are needed", len(key.KeyValue), c.key)
	}
	w := &wrapper{key: key, sum: c.sum, send: send, recv: recv}
	if acceptors {
		w.flags = wrapAcceptorKey
	}
	return w, nil
}

// seal makes the wrap token of a message as Windows does: no padding, and the
// encrypted header with the checksum rotated to the front, so that data is as
// long as plain (MS-WSMV 2.2.9.1, and what WinRM hosts send; MS-KILE 3.4.5.4.1 has
// other numbers).
func (w *wrapper) seal(plain []byte) (header, data []byte, err error) {
	head := []byte{5, 4, w.flags | wrapSealed, 0xff, 0, 0, 0, 0}
	head = binary.BigEndian.AppendUint64(head, w.send)
	text, err := crypto.GetEncryptedData(append(bytes.Clone(plain), head...), w.key, keyusage.GSSAPI_INITIATOR_SEAL, 0)
	if err != nil {
		return nil, nil, err
	}
	w.send++
	turn := wrapHeader + w.sum
	binary.BigEndian.PutUint16(head[6:], uint16(turn))
	cut := len(text.Cipher) - turn
	header = append(head, text.Cipher[cut:]...)
	header = append(header, text.Cipher[:krbConfounder]...)
	return header, text.Cipher[krbConfounder:cut], nil
}

// unseal opens the acceptor's wrap token, whatever its rotation and padding.
func (w *wrapper) unseal(header, data []byte) ([]byte, error) {
	token := append(bytes.Clone(header), data...)
	if len(token) < 2*wrapHeader+krbConfounder+w.sum {
		return nil, errors.New("sealed message is too short")
	}
	head, text := token[:wrapHeader], token[wrapHeader:]
	extra, turn := int(binary.BigEndian.Uint16(head[4:])), int(binary.BigEndian.Uint16(head[6:]))
	switch {
	case head[0] != 5 || head[1] != 4 || head[3] != 0xff:
		return nil, errors.New("no wrap token of RFC 4121")
	case head[2] != w.flags|wrapSealed|wrapByAcceptor:
		return nil, fmt.Errorf("wrap token with flags %#x", head[2])
	}
	if seq := binary.BigEndian.Uint64(head[8:]); seq != w.recv {
		return nil, fmt.Errorf("message number %d where %d was due", seq, w.recv)
	}
	plain, err := w.open(text, turn)
	if err != nil && extra > 0 {
		// Windows before the correction of RFC 4121 rotates by the padding too.
		plain, err = w.open(text, turn+extra)
	}
	if err != nil {
		return nil, err
	}
	inner := len(plain) - wrapHeader
	if inner < extra {
		return nil, errors.New("wrap token with more padding than text")
	}
	if sealed := plain[inner:]; !bytes.Equal(sealed[:6], head[:6]) || !bytes.Equal(sealed[8:], head[8:]) {
		return nil, errors.New("the header of the wrap token was changed on the way")
	}
	w.recv++
	return plain[:inner-extra], nil
}

// open turns the rotation back and decrypts.
func (w *wrapper) open(text []byte, turn int) ([]byte, error) {
	turn %= len(text)
	straight := append(bytes.Clone(text[turn:]), text[:turn]...)
	plain, err := decrypt(straight, w.key, keyusage.GSSAPI_ACCEPTOR_SEAL)
	if err == nil && len(plain) < wrapHeader {
		err = errors.New("sealed message is too short")
	}
	return plain, err
}
