package winrm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

// Flags of NTLM (MS-NLMP 2.2.2.5).
const (
	ntlmUnicode    = 1 << 0
	ntlmTarget     = 1 << 2
	ntlmSign       = 1 << 4
	ntlmSeal       = 1 << 5
	ntlmNTLM       = 1 << 9
	ntlmAlwaysSign = 1 << 15
	ntlmExtended   = 1 << 19
	ntlmTargetInfo = 1 << 23
	ntlm128        = 1 << 29
	ntlmKeyExch    = 1 << 30
	ntlm56         = 1 << 31

	ntlmAsked = ntlmUnicode | ntlmTarget | ntlmSign | ntlmNTLM | ntlmAlwaysSign | ntlmExtended | ntlmTargetInfo | ntlm128 | ntlmKeyExch | ntlm56
	// ntlmNeeded is what makes the keys 128 bits strong.
	ntlmNeeded = ntlmUnicode | ntlmExtended | ntlm128 | ntlmKeyExch | ntlmSign
)

// Pairs in a challenge's target information (MS-NLMP 2.2.2.1).
const (
	avEnd       = 0
	avFlags     = 6
	avTimestamp = 7
	avBindings  = 10

	avFlagMIC = 2
)

var (
	ntlmSignature = []byte("NTLMSSP\x00")
	errChallenge  = errors.New("the host's NTLM challenge is damaged")
)

// ntlm is NTLMv2 with 128-bit keys, from the client's side (MS-NLMP). Version 1,
// LM responses and shorter keys are not spoken, whatever the host offers.
type ntlm struct {
	user, domain string
	password     inventory.Secret
	binding      []byte // the channel binding's application data; nil: none
	sealing      bool   // messages must be sealed
	now          func() time.Time
	random       func([]byte) // for tests of the specification's examples

	negotiate []byte
	out, in   *ntlmKeys
}

// newNTLM makes the context for one connection.
func newNTLM(user string, password inventory.Secret, binding []byte, sealing bool) *ntlm {
	n := &ntlm{user: user, password: password, binding: binding, sealing: sealing, now: time.Now, random: func(b []byte) { rand.Read(b) }}
	if domain, name, ok := strings.Cut(user, `\`); ok {
		// A dot is this computer, which the empty domain means too.
		n.user = name
		if domain != "." {
			n.domain = domain
		}
	}
	return n
}

// Scheme is Negotiate: hosts take bare NTLM inside it.
func (n *ntlm) Scheme() string { return schemeNegotiate }

// Step makes the negotiate message, then answers the challenge.
func (n *ntlm) Step(_ context.Context, token []byte) (out []byte, done bool, err error) {
	if n.negotiate == nil {
		flags := uint32(ntlmAsked)
		if n.sealing {
			flags |= ntlmSeal
		}
		n.negotiate = slices.Concat(ntlmSignature, le32(1), le32(flags), make([]byte, 8+8+8))
		return n.negotiate, false, nil
	}
	if n.out != nil {
		return nil, false, errors.New("the NTLM context already stands")
	}
	out, err = n.answer(token)
	return out, err == nil, err
}

// challenge is what matters of the host's message (MS-NLMP 2.2.1.2).
type challenge struct {
	flags uint32
	nonce []byte
	info  []avPair
}

type avPair struct {
	id    uint16
	value []byte
}

func parseChallenge(b []byte) (*challenge, error) {
	if len(b) < 48 || !bytes.HasPrefix(b, ntlmSignature) || binary.LittleEndian.Uint32(b[8:]) != 2 {
		return nil, errChallenge
	}
	c := &challenge{flags: binary.LittleEndian.Uint32(b[20:]), nonce: b[24:32]}
	size, at := uint64(binary.LittleEndian.Uint16(b[40:])), uint64(binary.LittleEndian.Uint32(b[44:]))
	if at+size > uint64(len(b)) {
		return nil, errChallenge
	}
	for info := b[at : at+size]; len(info) > 0; {
		if len(info) < 4 {
			return nil, errChallenge
		}
		p := avPair{id: binary.LittleEndian.Uint16(info)}
		n := int(binary.LittleEndian.Uint16(info[2:]))
		if p.id == avEnd {
			break
		}
		if info = info[4:]; n > len(info) {
			return nil, errChallenge
		}
		p.value, info = info[:n], info[n:]
		c.info = append(c.info, p)
	}
	return c, nil
}

func (c *challenge) pair(id uint16) []byte {
	for _, p := range c.info {
		if p.id == id {
			return p.value
		}
	}
	return nil
}

// set replaces or adds a pair.
func (c *challenge) set(id uint16, value []byte) {
	for i := range c.info {
		if c.info[i].id == id {
			c.info[i].value = value
			return
		}
	}
	c.info = append(c.info, avPair{id, value})
}

func (c *challenge) marshal() []byte {
	var b []byte
	for _, p := range c.info {
		b = binary.LittleEndian.AppendUint16(b, p.id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p.value)))
		b = append(b, p.value...)
	}
	return append(b, 0, 0, 0, 0)
}

// answer makes the authenticate message (MS-NLMP 3.1.5.1.2, 3.3.2).
func (n *ntlm) answer(token []byte) ([]byte, error) {
	c, err := parseChallenge(token)
	if err != nil {
		return nil, err
	}
	needed := uint32(ntlmNeeded)
	flags := c.flags & ntlmAsked
	if n.sealing {
		needed |= ntlmSeal
		flags |= c.flags & ntlmSeal
	}
	if missing := needed &^ flags; missing != 0 {
		return nil, fmt.Errorf("%w: the host does not agree to NTLM with 128-bit sealing (it lacks 0x%08x)", transport.ErrScheme, missing)
	}
	stamp := c.pair(avTimestamp)
	proven := len(stamp) == 8 // then a code over all three messages is due
	if proven {
		f := uint32(avFlagMIC)
		if v := c.pair(avFlags); len(v) == 4 {
			f |= binary.LittleEndian.Uint32(v)
		}
		c.set(avFlags, le32(f))
	} else {
		stamp = fileTime(n.now())
	}
	if n.binding != nil {
		c.set(avBindings, bindingSum(n.binding))
	}
	nonce, session := make([]byte, 8), make([]byte, 16)
	n.random(nonce)
	n.random(session)

	key := ntlmKey(n.user, n.domain, n.password.Reveal())
	temp := slices.Concat([]byte{1, 1, 0, 0, 0, 0, 0, 0}, stamp, nonce, make([]byte, 4), c.marshal(), make([]byte, 4))
	proof := hmacMD5(key, c.nonce, temp)
	lm := make([]byte, 24)
	if !proven {
		lm = append(hmacMD5(key, c.nonce, nonce), nonce...)
	}
	n.out, n.in = newNTLMKeys(session)
	message, mic := authenticate(flags, lm, append(proof, temp...), utf16le(n.domain), utf16le(n.user), rc4Once(hmacMD5(key, proof), session))
	if proven {
		copy(mic, hmacMD5(session, n.negotiate, token, message))
	}
	return message, nil
}

// authenticate lays out the message (MS-NLMP 2.2.1.3); mic is the place for the
// code over all messages.
func authenticate(flags uint32, lm, nt, domain, user, session []byte) (message, mic []byte) {
	const head = 88
	b := slices.Concat(ntlmSignature, le32(3))
	at := head
	for _, field := range [][]byte{lm, nt, domain, user, nil, session} {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(field)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(field)))
		b = binary.LittleEndian.AppendUint32(b, uint32(at))
		at += len(field)
	}
	b = append(b, le32(flags)...)
	b = append(b, make([]byte, 8+16)...) // no version
	b = append(b, slices.Concat(lm, nt, domain, user, session)...)
	return b, b[head-16 : head]
}

// Close forgets the keys.
func (n *ntlm) Close() { n.out, n.in = nil, nil }
