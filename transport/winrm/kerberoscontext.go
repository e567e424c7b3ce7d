package winrm

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"farmwall/transport"
)

// What the context must give (RFC 2744): each side proves itself, nothing is
// replayed or reordered, and messages can be sealed. Nothing is delegated.
const krbFlags = 2 /* mutual */ | 4 /* replay */ | 8 /* sequence */ | 16 /* confidentiality */ | 32 /* integrity */

// Kinds of Kerberos tokens (RFC 4121 4.1).
const (
	tokenRequest = 0x0100
	tokenReply   = 0x0200
	tokenError   = 0x0300
)

// krbContext is one security context over one connection.
type krbContext struct {
	scheme  string
	tickets func(context.Context) (*account, ticket, error)
	binding []byte // the channel binding's application data; nil: none

	account *account
	ticket  ticket
	auth    types.Authenticator
	mechs   []byte // the offer inside SPNEGO
	wrapper *wrapper
}

// Scheme is what stands before the tokens in HTTP's headers.
func (c *krbContext) Scheme() string { return c.scheme }

// Step makes the request for the host, then checks that the host's answer can only
// come from who holds the service's key.
func (c *krbContext) Step(ctx context.Context, token []byte) (out []byte, done bool, err error) {
	switch {
	case c.wrapper != nil:
		return nil, false, errors.New("the Kerberos context already stands")
	case c.account == nil:
		out, err = c.request(ctx)
		return out, false, err
	}
	if err := c.answer(token); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}

func (c *krbContext) request(ctx context.Context) ([]byte, error) {
	account, t, err := c.tickets(ctx)
	if err != nil {
		return nil, err
	}
	size, err := cipherOf(t.key.KeyType)
	if err != nil {
		return nil, krbError(transport.ErrTicket, fmt.Errorf("the ticket for %s: %w", t.SName.PrincipalNameString(), err), hintCipher)
	}
	auth, err := types.NewAuthenticator(t.client.realm, t.client.name)
	if err != nil {
		return nil, err
	}
	if err := auth.GenerateSeqNumberAndSubKey(t.key.KeyType, size.key); err != nil {
		return nil, err
	}
	auth.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: initialChecksum(c.binding)}
	req, err := messages.NewAPReq(t.Ticket, t.key, auth)
	if err != nil {
		return nil, err
	}
	types.SetFlag(&req.APOptions, flags.APOptionMutualRequired)
	body, err := req.Marshal()
	if err != nil {
		return nil, err
	}
	out, err := gssToken(oidKerberos(), append(binary.BigEndian.AppendUint16(nil, tokenRequest), body...))
	if err == nil && c.scheme == schemeNegotiate {
		out, c.mechs, err = initialToken(out)
	}
	c.account, c.ticket, c.auth = account, t, auth
	return out, err
}

// initialChecksum is RFC 4121 4.1.1: 16, the sum of the channel binding, the flags.
func initialChecksum(binding []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 16)
	b = append(b, bindingSum(binding)...)
	return binary.LittleEndian.AppendUint32(b, krbFlags)
}

// bindingSum is the MD5 of a gss_channel_bindings structure that holds application
// data and no addresses, 16 zeros without data (RFC 4121 4.1.1.2).
func bindingSum(data []byte) []byte {
	if data == nil {
		return make([]byte, md5.Size)
	}
	b := make([]byte, 16, 20+len(data))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := md5.Sum(append(b, data...))
	return sum[:]
}

// answer takes the host's token and makes the keys.
func (c *krbContext) answer(token []byte) error {
	if len(token) == 0 {
		return c.refused(errors.New("the host proved nothing of itself: its answer carries no token"))
	}
	var mic []byte
	if c.scheme == schemeNegotiate {
		r, err := parseNegTokenResp(token)
		switch {
		case err != nil:
			return c.refused(fmt.Errorf("the host's answer: %w", err))
		case r.mech != nil && !r.mech.Equal(oidKerberos()) && !r.mech.Equal(oidMSKerberos()):
			return c.refused(fmt.Errorf("the host wants the mechanism %s instead of Kerberos", r.mech))
		case r.state == negRejected && len(r.token) == 0:
			return c.refused(errors.New("the host rejects the ticket and does not say why"))
		case r.state == negIncomplete || r.state == negWantsMIC:
			return c.refused(errors.New("the host wants to go on negotiating"))
		}
		token, mic = r.token, r.mic
	}
	mech, body, err := parseGSSToken(token)
	if err != nil || !mech.Equal(oidKerberos()) || len(body) < 2 {
		return c.refused(errors.New("the host's answer is no token of Kerberos"))
	}
	switch kind, body := binary.BigEndian.Uint16(body), body[2:]; kind {
	case tokenReply:
		if err := c.reply(body); err != nil {
			return c.refused(err)
		}
	case tokenError:
		return c.account.hostError(body)
	default:
		return c.refused(fmt.Errorf("the host's answer is of the kind %#04x", kind))
	}
	if mic == nil {
		return nil
	}
	if err := c.wrapper.verifyMIC(c.mechs, mic); err != nil {
		c.wrapper = nil
		return c.refused(err)
	}
	return nil
}

func (c *krbContext) refused(err error) error {
	return krbError(transport.ErrRejected, err, "is the host name its own, and is its computer account's service name (SPN) on no other account?")
}

// reply checks the AP-REP: only who could open the ticket knows the time that was
// sealed in the request.
func (c *krbContext) reply(body []byte) error {
	var rep messages.APRep
	if err := rep.Unmarshal(body); err != nil {
		return fmt.Errorf("the host's proof cannot be read: %w", err)
	}
	plain, err := decrypt(rep.EncPart.Cipher, c.ticket.key, keyusage.AP_REP_ENCPART)
	if err != nil {
		return fmt.Errorf("the host's proof is not made with the ticket's key: %w", err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		return fmt.Errorf("the host's proof cannot be read: %w", err)
	}
	if !part.CTime.Equal(c.auth.CTime.Truncate(time.Second)) || part.Cusec != c.auth.Cusec {
		return errors.New("the host's proof is of another request")
	}
	key, acceptors := c.auth.SubKey, false
	if len(part.Subkey.KeyValue) > 0 {
		key, acceptors = part.Subkey, true
	}
	// Old implementations send negative numbers of 32 bits.
	c.wrapper, err = newWrapper(key, acceptors, uint64(uint32(c.auth.SeqNumber)), uint64(uint32(part.SequenceNumber)))
	return err
}

// Seal encrypts a message to the host. The context must stand.
func (c *krbContext) Seal(plain []byte) (header, data []byte, err error) {
	if c.wrapper == nil {
		return nil, nil, errNoContext
	}
	return c.wrapper.seal(plain)
}

// Unseal decrypts a message of the host and checks it.
func (c *krbContext) Unseal(header, data []byte) ([]byte, error) {
	if c.wrapper == nil {
		return nil, errNoContext
	}
	return c.wrapper.unseal(header, data)
}

var errNoContext = errors.New("no security context stands")

// Close forgets the keys. The tickets stay, for the other hosts.
func (c *krbContext) Close() {
	if c.wrapper != nil {
		clear(c.wrapper.key.KeyValue)
	}
	clear(c.auth.SubKey.KeyValue)
	c.wrapper, c.ticket = nil, ticket{}
}

// verifyMIC checks the acceptor's checksum over the offer, where it sends one
// (RFC 4178 5, RFC 4121 4.2.6.1).
func (w *wrapper) verifyMIC(text, token []byte) error {
	want := []byte{4, 4, w.flags | wrapByAcceptor, 0xff, 0xff, 0xff, 0xff, 0xff}
	want = binary.BigEndian.AppendUint64(want, w.recv)
	if len(token) != wrapHeader+w.sum || !bytes.Equal(token[:wrapHeader], want) {
		return errors.New("the checksum over the negotiation is malformed")
	}
	if !checksumFits(w.key, append(bytes.Clone(text), want...), token[wrapHeader:], keyusage.GSSAPI_ACCEPTOR_SIGN) {
		return errors.New("the negotiation was changed on the way")
	}
	w.recv++
	return nil
}
