package wsman

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/crypto/md4"
)

// ntlm is the acceptor of NTLMv2 with extended session security (MS-NLMP).
type ntlm struct {
	service *Service
	session session
	// What has gone over the line, for the message integrity code.
	negotiate, challenge []byte
	nonce                []byte
	account              *Account
	flags                uint32
	key                  []byte // ExportedSessionKey
	in, out              direction
}

var errLogon = errors.New("NTLM: log-on refused")

// Step takes the negotiate message, then the authenticate message.
func (n *ntlm) Step(token []byte) ([]byte, bool, error) {
	if n.challenge == nil {
		flags, err := parseNegotiate(token)
		if err != nil {
			return nil, false, err
		}
		n.nonce = make([]byte, 8)
		rand.Read(n.nonce)
		if flags&flagUnicode != 0 {
			flags &^= flagOEM
		}
		n.flags = flags&ntlmTaken | flagUnicode | flagTargetInfo | flagTargetServer
		n.negotiate = bytes.Clone(token)
		n.challenge = challengeMessage(n.flags, n.nonce, n.targets())
		return n.challenge, false, nil
	}
	m, err := parseAuthenticate(token)
	if err != nil {
		return nil, false, err
	}
	if n.key != nil || !n.verify(m) {
		return nil, false, errLogon
	}
	if err := n.session.binding.check(m.pairs[avBindings]); err != nil {
		return nil, false, err
	}
	n.flags &= m.flags
	n.reset()
	return nil, true, nil
}

// targets are the attributes that tell the client who it talks to.
func (n *ntlm) targets() []byte {
	o := &n.service.o
	domain, dns := o.Domain, o.DNSDomain
	if domain == "" {
		domain = o.name()
	}
	computer := strings.ToLower(o.name())
	if dns != "" {
		computer += "." + dns
	} else {
		dns = computer
	}
	var b []byte
	b = appendPair(b, avDomain, utf16le(domain))
	b = appendPair(b, avComputer, utf16le(o.name()))
	b = appendPair(b, avDNSDomain, utf16le(dns))
	b = appendPair(b, avDNSComputer, utf16le(computer))
	// FILETIME: 100 ns since 1601.
	stamp := uint64(n.session.now().UnixNano()/100 + 116444736000000000)
	b = appendPair(b, avTimestamp, binary.LittleEndian.AppendUint64(nil, stamp))
	return appendPair(b, avEnd, nil)
}

// verify proves that the client knows the password, and takes the session key.
func (n *ntlm) verify(m *authenticate) bool {
	name := m.user
	if m.domain != "" {
		name = m.domain + `\` + m.user
	}
	account := n.service.account(name)
	if account == nil || m.user == "" {
		return false
	}
	hash := md4.New()
	hash.Write(utf16le(account.Password))
	response := hmacMD5(hash.Sum(nil), utf16le(strings.ToUpper(m.user)+m.domain))
	proof := m.response[:16]
	if !hmac.Equal(proof, hmacMD5(response, n.nonce, m.response[16:])) {
		return false
	}
	key := hmacMD5(response, proof)
	if n.flags&m.flags&flagKeyExchange != 0 {
		if len(m.sessionKey) != 16 {
			return false
		}
		cipher, _ := rc4.NewCipher(key)
		cipher.XORKeyStream(m.sessionKey, m.sessionKey)
		key = m.sessionKey
	}
	if m.hasMIC && !hmac.Equal(m.mic, hmacMD5(key, n.negotiate, n.challenge, m.withoutMIC)) {
		return false
	}
	n.account, n.key = account, key
	return true
}

// User is the account that logged on.
func (n *ntlm) User() string { return n.service.identity(n.account).user }

// Seal encrypts first and signs the plain text second; both run through one RC4.
func (n *ntlm) Seal(plain []byte) (header, data []byte, err error) {
	if !n.seals() {
		return nil, nil, errors.New("NTLM: sealing was not negotiated")
	}
	data = make([]byte, len(plain))
	n.out.cipher.XORKeyStream(data, plain)
	return n.out.signature(plain, n.flags), data, nil
}

// Unseal is Seal's other side.
func (n *ntlm) Unseal(header, data []byte) ([]byte, error) {
	if !n.seals() {
		return nil, errors.New("NTLM: sealing was not negotiated")
	}
	plain := make([]byte, len(data))
	n.in.cipher.XORKeyStream(plain, data)
	if !hmac.Equal(header, n.in.signature(plain, n.flags)) {
		return nil, errors.New("NTLM: the signature is wrong")
	}
	return plain, nil
}

func (n *ntlm) seals() bool {
	const needed = flagSeal | flagSign | flagExtended
	return n.key != nil && n.flags&needed == needed
}

// sign and verifySignature are for SPNEGO's mechListMIC.
func (n *ntlm) sign(text []byte) []byte { return n.out.signature(text, n.flags) }
func (n *ntlm) verifySignature(text, mic []byte) bool {
	return hmac.Equal(mic, n.in.signature(text, n.flags))
}

// reset begins the two ciphers anew; the sequence numbers go on.
func (n *ntlm) reset() {
	in, out := n.in.number, n.out.number
	n.in = newDirection(n.key, "client-to-server", n.flags)
	n.out = newDirection(n.key, "server-to-client", n.flags)
	n.in.number, n.out.number = in, out
}

// direction is one way of a session (MS-NLMP 3.4.5).
type direction struct {
	signKey []byte
	cipher  *rc4.Cipher
	number  uint32
}

func newDirection(key []byte, way string, flags uint32) direction {
	derive := func(key []byte, use string) []byte {
		sum := md5.Sum(append(bytes.Clone(key), "session key to "+way+" "+use+" key magic constant\x00"...))
		return sum[:]
	}
	short := key
	switch {
	case flags&flag128 != 0:
	case flags&flag56 != 0:
		short = key[:7]
	default:
		short = key[:5]
	}
	cipher, _ := rc4.NewCipher(derive(short, "sealing"))
	return direction{signKey: derive(key, "signing"), cipher: cipher}
}

func (d *direction) signature(plain []byte, flags uint32) []byte {
	number := binary.LittleEndian.AppendUint32(nil, d.number)
	d.number++
	sum := hmacMD5(d.signKey, number, plain)[:8]
	if flags&flagKeyExchange != 0 {
		d.cipher.XORKeyStream(sum, sum)
	}
	return append(append([]byte{1, 0, 0, 0}, sum...), number...)
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
