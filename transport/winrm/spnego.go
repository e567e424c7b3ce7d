package winrm

import (
	"encoding/asn1"
	"errors"
	"fmt"
)

// The Kerberos mechanism inside SPNEGO (RFC 4178).
func oidSPNEGO() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2} }
func oidKerberos() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
}

// oidMSKerberos is Kerberos by the number that Windows 2000 gave it.
func oidMSKerberos() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
}

// negState is the state of a negotiation.
type negState int

const (
	negAccepted   negState = 0
	negIncomplete negState = 1
	negRejected   negState = 2
	negWantsMIC   negState = 3
	negUnsaid     negState = -1
)

type negTokenInit struct {
	MechTypes []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	MechToken []byte                  `asn1:"explicit,optional,tag:2"`
}

// negTokenResp is the acceptor's answer.
type negTokenResp struct {
	state negState
	mech  asn1.ObjectIdentifier
	token []byte
	mic   []byte
}

// initialToken offers Kerberos, with its first token. mechs is what a checksum
// over the offer covers.
func initialToken(token []byte) (out, mechs []byte, err error) {
	list := []asn1.ObjectIdentifier{oidKerberos()}
	if mechs, err = asn1.Marshal(list); err != nil {
		return nil, nil, err
	}
	body, err := asn1.MarshalWithParams(negTokenInit{MechTypes: list, MechToken: token}, "explicit,tag:0")
	if err != nil {
		return nil, nil, err
	}
	out, err = gssToken(oidSPNEGO(), body)
	return out, mechs, err
}

// gssToken frames a mechanism's first token (RFC 2743 3.1).
func gssToken(mech asn1.ObjectIdentifier, body []byte) ([]byte, error) {
	oid, err := asn1.Marshal(mech)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, IsCompound: true, Bytes: append(oid, body...)})
}

// parseGSSToken takes the frame off.
func parseGSSToken(token []byte) (mech asn1.ObjectIdentifier, body []byte, err error) {
	var frame asn1.RawValue
	rest, err := asn1.Unmarshal(token, &frame)
	if err != nil {
		return nil, nil, err
	}
	if frame.Class != asn1.ClassApplication || frame.Tag != 0 || !frame.IsCompound || len(rest) > 0 {
		return nil, nil, errors.New("not framed as a GSS-API token")
	}
	body, err = asn1.Unmarshal(frame.Bytes, &mech)
	return mech, body, err
}

// parseNegTokenResp reads the acceptor's answer.
func parseNegTokenResp(token []byte) (r negTokenResp, err error) {
	var outer, list asn1.RawValue
	rest, err := asn1.Unmarshal(token, &outer)
	if err != nil {
		return r, err
	}
	if outer.Class != asn1.ClassContextSpecific || outer.Tag != 1 || !outer.IsCompound || len(rest) > 0 {
		return r, errors.New("no answer of SPNEGO")
	}
	if rest, err = asn1.Unmarshal(outer.Bytes, &list); err != nil {
		return r, err
	}
	if list.Class != asn1.ClassUniversal || list.Tag != asn1.TagSequence || len(rest) > 0 {
		return r, errors.New("no answer of SPNEGO")
	}
	r.state = negUnsaid
	last := -1
	for rest = list.Bytes; len(rest) > 0; {
		var field asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &field); err != nil {
			return r, err
		}
		if field.Class != asn1.ClassContextSpecific || !field.IsCompound || field.Tag <= last {
			return r, errors.New("no answer of SPNEGO")
		}
		last = field.Tag
		if err := r.field(field.Tag, field.Bytes); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *negTokenResp) field(tag int, value []byte) error {
	var err error
	var rest []byte
	switch tag {
	case 0:
		var state asn1.Enumerated
		rest, err = asn1.Unmarshal(value, &state)
		r.state = negState(state)
		if err == nil && (state < 0 || state > 3) {
			err = fmt.Errorf("state %d", state)
		}
	case 1:
		rest, err = asn1.Unmarshal(value, &r.mech)
	case 2:
		rest, err = asn1.Unmarshal(value, &r.token)
	case 3:
		rest, err = asn1.Unmarshal(value, &r.mic)
	}
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes after a field")
	}
	return err
}
