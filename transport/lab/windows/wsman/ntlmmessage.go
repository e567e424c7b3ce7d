package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

// Flags of NTLM (MS-NLMP 2.2.2.5).
const (
	flagUnicode      = 0x00000001
	flagOEM          = 0x00000002
	flagTarget       = 0x00000004
	flagSign         = 0x00000010
	flagSeal         = 0x00000020
	flagNTLM         = 0x00000200
	flagAlwaysSign   = 0x00008000
	flagTargetServer = 0x00020000
	flagExtended     = 0x00080000
	flagTargetInfo   = 0x00800000
	flagVersion      = 0x02000000
	flag128          = 0x20000000
	flagKeyExchange  = 0x40000000
	flag56           = 0x80000000
)

// ntlmTaken are the flags that the host agrees to when the client asks for them;
// it sets no other, but for the target's two and the one for Unicode, which some
// clients do not ask for and use all the same.
const ntlmTaken = flagUnicode | flagOEM | flagTarget | flagSign | flagSeal | flagNTLM | flagAlwaysSign | flagExtended | flagVersion |
	flag128 | flagKeyExchange | flag56

// Attributes (MS-NLMP 2.2.2.1).
const (
	avEnd, avComputer, avDomain, avDNSComputer, avDNSDomain, avFlags, avTimestamp, avBindings = 0, 1, 2, 3, 4, 6, 7, 10
)

const ntlmSignature = "NTLMSSP\x00"

var errNTLM = errors.New("NTLM: not a message that is taken here")

func parseNegotiate(b []byte) (flags uint32, err error) {
	if len(b) < 16 || string(b[:8]) != ntlmSignature || binary.LittleEndian.Uint32(b[8:]) != 1 {
		return 0, errNTLM
	}
	flags = binary.LittleEndian.Uint32(b[12:])
	if flags&flagExtended == 0 {
		return 0, errNTLM
	}
	return flags, nil
}

// challengeMessage: the target name is left empty but where the client asks for it.
func challengeMessage(flags uint32, nonce, targets []byte) []byte {
	var name []byte
	if flags&flagTarget != 0 {
		if pairs, err := parsePairs(targets); err == nil {
			name = pairs[avComputer]
		}
	}
	const head = 56
	b := append([]byte(ntlmSignature), 2, 0, 0, 0)
	b = appendField(b, len(name), head)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(b, nonce...)
	b = append(b, make([]byte, 8)...)
	b = appendField(b, len(targets), head+len(name))
	b = append(b, 10, 0, 0x39, 0x38, 0, 0, 0, 15) // Windows 10.0.14393, NTLMSSP_REVISION_W2K3
	return append(append(b, name...), targets...)
}

func appendField(b []byte, length, offset int) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	return binary.LittleEndian.AppendUint32(b, uint32(offset))
}

func appendPair(b []byte, id uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, id)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// authenticate is the client's last message.
type authenticate struct {
	domain, user string
	response     []byte // NTLMv2: proof and what it proves
	sessionKey   []byte // encrypted; may be empty
	flags        uint32
	pairs        map[uint16][]byte
	hasMIC       bool
	mic          []byte
	withoutMIC   []byte // the message with zeros in its place
}

func parseAuthenticate(b []byte) (*authenticate, error) {
	if len(b) < 64 || string(b[:8]) != ntlmSignature || binary.LittleEndian.Uint32(b[8:]) != 3 {
		return nil, errNTLM
	}
	field := func(at int) ([]byte, bool) {
		length, offset := int64(binary.LittleEndian.Uint16(b[at:])), int64(binary.LittleEndian.Uint32(b[at+4:]))
		if length == 0 {
			return nil, true
		}
		if offset+length > int64(len(b)) {
			return nil, false
		}
		return bytes.Clone(b[offset : offset+length]), true
	}
	response, ok1 := field(20)
	domain, ok2 := field(28)
	user, ok3 := field(36)
	key, ok4 := field(52)
	// 24 bytes are NTLMv1, which is refused; 44 are an NTLMv2 response without attributes.
	if !ok1 || !ok2 || !ok3 || !ok4 || len(response) < 44 || response[16] != 1 {
		return nil, errNTLM
	}
	m := &authenticate{domain: fromUTF16(domain), user: fromUTF16(user), response: response, sessionKey: key,
		flags: binary.LittleEndian.Uint32(b[60:])}
	var err error
	if m.pairs, err = parsePairs(response[44:]); err != nil {
		return nil, err
	}
	if f := m.pairs[avFlags]; len(f) == 4 && binary.LittleEndian.Uint32(f)&2 != 0 {
		if len(b) < 88 {
			return nil, errNTLM
		}
		m.hasMIC, m.mic, m.withoutMIC = true, bytes.Clone(b[72:88]), bytes.Clone(b)
		clear(m.withoutMIC[72:88])
	}
	return m, nil
}

// parsePairs reads attributes up to the end mark.
func parsePairs(b []byte) (map[uint16][]byte, error) {
	pairs := map[uint16][]byte{}
	for {
		if len(b) == 0 {
			return pairs, nil
		}
		if len(b) < 4 {
			return nil, errNTLM
		}
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if id == avEnd {
			return pairs, nil
		}
		if b = b[4:]; n > len(b) {
			return nil, errNTLM
		}
		pairs[id] = b[:n]
		b = b[n:]
	}
}

func utf16le(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func fromUTF16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}
