package wsman

import "encoding/asn1"

// States of a NegTokenResp (RFC 4178 4.2.2).
const (
	negCompleted  asn1.Enumerated = 0
	negIncomplete asn1.Enumerated = 1
	negRejected   asn1.Enumerated = 2
	negRequestMIC asn1.Enumerated = 3
)

// negInit is a NegTokenInit.
type negInit struct {
	Mechs asn1.RawValue  `asn1:"explicit,tag:0"`
	Flags asn1.BitString `asn1:"explicit,optional,tag:1"`
	Token []byte         `asn1:"explicit,optional,tag:2"`
	MIC   []byte         `asn1:"explicit,optional,tag:3"`
}

// negResponse is a NegTokenResp.
type negResponse struct {
	State asn1.Enumerated       `asn1:"explicit,optional,tag:0"`
	Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	Token []byte                `asn1:"explicit,optional,tag:2"`
	MIC   []byte                `asn1:"explicit,optional,tag:3"`
}

// parseGSS reads the framing of a first token (RFC 2743 3.1).
func parseGSS(token []byte) (oid asn1.ObjectIdentifier, inner []byte, err error) {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(token, &outer)
	if err != nil || len(rest) > 0 || outer.Class != asn1.ClassApplication || outer.Tag != 0 || !outer.IsCompound {
		return nil, nil, errNegotiate
	}
	if inner, err = asn1.Unmarshal(outer.Bytes, &oid); err != nil {
		return nil, nil, errNegotiate
	}
	return oid, inner, nil
}

func parseInit(inner []byte) (i negInit, mechs []asn1.ObjectIdentifier, err error) {
	if rest, err := asn1.UnmarshalWithParams(inner, &i, "explicit,tag:0"); err != nil || len(rest) > 0 {
		return i, nil, errNegotiate
	}
	var list asn1.RawValue
	if _, err := asn1.Unmarshal(i.Mechs.Bytes, &list); err != nil {
		return i, nil, errNegotiate
	}
	if _, err := asn1.Unmarshal(list.FullBytes, &mechs); err != nil || len(mechs) == 0 {
		return i, nil, errNegotiate
	}
	i.Mechs = list
	return i, mechs, nil
}

func parseResponse(token []byte) (r negResponse, err error) {
	if rest, err := asn1.UnmarshalWithParams(token, &r, "explicit,tag:1"); err != nil || len(rest) > 0 {
		return r, errNegotiate
	}
	return r, nil
}

// marshal writes the answer. The state is always there, also where it is zero,
// which encoding/asn1 would leave out.
func (r negResponse) marshal() []byte {
	field := func(tag int, value any) []byte {
		inner, _ := asn1.Marshal(value)
		out, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: inner})
		return out
	}
	body := field(0, r.State)
	if r.Mech != nil {
		body = append(body, field(1, r.Mech)...)
	}
	if r.Token != nil {
		body = append(body, field(2, r.Token)...)
	}
	if r.MIC != nil {
		body = append(body, field(3, r.MIC)...)
	}
	return field(1, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
}
