package wsman

import (
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/types"
)

// Flags of a GSS-API context (RFC 4121 4.1.1.1, MS-KILE 3.2.5.1).
const (
	gssMutual = 0x2
	gssDCE    = 0x1000
)

// Kinds of tokens (RFC 4121 4.1).
const (
	tokRequest = 0x0100
	tokReply   = 0x0200
	tokError   = 0x0300
)

var errNoRequest = errors.New("kerberos: not a request of a Kerberos client")

// requestOf finds the AP-REQ in a client's token.
func requestOf(token []byte) ([]byte, error) {
	mech, body, err := parseGSS(token)
	if err != nil || !mech.Equal(oidKerberos) && !mech.Equal(oidMSKerberos) || len(body) < 2 || binary.BigEndian.Uint16(body) != tokRequest {
		return nil, errNoRequest
	}
	return body[2:], nil
}

// krbToken frames a message of Kerberos.
func krbToken(kind uint16, message []byte) []byte {
	body := append(binary.BigEndian.AppendUint16(mustDER(oidKerberos), kind), message...)
	return mustDER(asn1.RawValue{Class: asn1.ClassApplication, IsCompound: true, Bytes: body})
}

// mustDER encodes what is always encodable.
func mustDER(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// sealedData is EncryptedData (RFC 4120 5.2.9).
type sealedData struct {
	EType  int32  `asn1:"explicit,tag:0"`
	Cipher []byte `asn1:"explicit,tag:2"`
}

// marshalReply makes an AP-REP (RFC 4120 5.5.2).
func marshalReply(sealed types.EncryptedData) ([]byte, error) {
	return asn1.MarshalWithParams(struct {
		PVNO    int        `asn1:"explicit,tag:0"`
		MsgType int        `asn1:"explicit,tag:1"`
		EncPart sealedData `asn1:"explicit,tag:2"`
	}{5, 15, sealedData{sealed.EType, sealed.Cipher}}, "application,explicit,tag:15")
}

// marshalReplyPart makes the part of it that is to be sealed.
func marshalReplyPart(auth types.Authenticator, subkey types.EncryptionKey, seq int64) ([]byte, error) {
	type key struct {
		KeyType  int32  `asn1:"explicit,tag:0"`
		KeyValue []byte `asn1:"explicit,tag:1"`
	}
	b, err := asn1.MarshalWithParams(struct {
		CTime  time.Time `asn1:"generalized,explicit,tag:0"`
		Cusec  int       `asn1:"explicit,tag:1"`
		Subkey key       `asn1:"explicit,tag:2"`
		Seq    int64     `asn1:"explicit,tag:3"`
	}{auth.CTime.UTC(), auth.Cusec, key{subkey.KeyType, subkey.KeyValue}, seq}, "application,explicit,tag:27")
	if err != nil {
		return nil, fmt.Errorf("kerberos: AP-REP: %w", err)
	}
	return b, nil
}
