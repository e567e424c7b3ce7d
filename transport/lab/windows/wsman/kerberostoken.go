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

// States of SPNEGO (RFC 4178 4.2.2).
const (
	negComplete asn1.Enumerated = 0
	negReject   asn1.Enumerated = 2
)

type oid = asn1.ObjectIdentifier

func spnegoOID() oid   { return oid{1, 3, 6, 1, 5, 5, 2} }
func kerberosOID() oid { return oid{1, 2, 840, 113554, 1, 2, 2} }

// kerberosOIDs are Kerberos' number and the one of Windows 2000.
func kerberosOIDs() []oid { return []oid{kerberosOID(), {1, 2, 840, 48018, 1, 2, 2}} }

// offer is a client's first token.
type offer struct {
	mech    oid // inside SPNEGO, as the client named it; nil: bare
	request []byte
}

var errNoOffer = errors.New("kerberos: not a request of a Kerberos client")

// readOffer finds the AP-REQ in a client's token.
func readOffer(token []byte) (offer, error) {
	mech, body, err := readFrame(token)
	if err != nil {
		return offer{}, err
	}
	var o offer
	if mech.Equal(spnegoOID()) {
		var init struct {
			MechTypes   []oid          `asn1:"explicit,tag:0"`
			ReqFlags    asn1.BitString `asn1:"explicit,optional,tag:1"`
			MechToken   []byte         `asn1:"explicit,optional,tag:2"`
			MechListMIC []byte         `asn1:"explicit,optional,tag:3"`
		}
		if rest, err := asn1.UnmarshalWithParams(body, &init, "explicit,tag:0"); err != nil || len(rest) > 0 {
			return offer{}, errNoOffer
		}
		if len(init.MechTypes) == 0 || !isKerberos(init.MechTypes[0]) {
			return offer{}, errors.New("kerberos: the client prefers another mechanism")
		}
		o.mech = init.MechTypes[0]
		if mech, body, err = readFrame(init.MechToken); err != nil {
			return offer{}, err
		}
	}
	if !isKerberos(mech) || len(body) < 2 || binary.BigEndian.Uint16(body) != tokRequest {
		return offer{}, errNoOffer
	}
	o.request = body[2:]
	return o, nil
}

func isKerberos(m oid) bool {
	for _, k := range kerberosOIDs() {
		if m.Equal(k) {
			return true
		}
	}
	return false
}

// readFrame takes the frame of RFC 2743 3.1 off a token.
func readFrame(token []byte) (mech oid, body []byte, err error) {
	var frame asn1.RawValue
	rest, err := asn1.Unmarshal(token, &frame)
	if err != nil || len(rest) > 0 || frame.Class != asn1.ClassApplication || frame.Tag != 0 || !frame.IsCompound {
		return nil, nil, errNoOffer
	}
	if body, err = asn1.Unmarshal(frame.Bytes, &mech); err != nil {
		return nil, nil, errNoOffer
	}
	return mech, body, nil
}

// krbToken frames a message of Kerberos.
func krbToken(kind uint16, message []byte) []byte {
	body, err := asn1.Marshal(kerberosOID())
	if err != nil {
		panic(err) // a constant
	}
	body = append(binary.BigEndian.AppendUint16(body, kind), message...)
	return mustDER(asn1.RawValue{Class: asn1.ClassApplication, IsCompound: true, Bytes: body})
}

// answer wraps a token the way that the client's came. There is no mechListMIC:
// hosts send none to Kerberos clients.
func (o offer) answer(state asn1.Enumerated, token []byte) []byte {
	if o.mech == nil {
		return token
	}
	resp := struct {
		NegState      asn1.Enumerated `asn1:"explicit,tag:0"`
		SupportedMech oid             `asn1:"explicit,optional,tag:1"`
		ResponseToken []byte          `asn1:"explicit,optional,omitempty,tag:2"`
	}{state, o.mech, token}
	return mustDER(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: mustDER(resp)})
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
