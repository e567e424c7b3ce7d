package winrm

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"farmwall/transport"
)

// maxIterations is the most work that a KDC may ask for to make a key of a
// password; 4096 and 32768 are what RFC 3962 and RFC 8009 give.
const maxIterations = 1 << 20

// login fetches a ticket-granting ticket (RFC 4120 3.1) with the password or the
// keytab. It shows a proof of it at most once: a wrong one must not count twice
// against the account.
func (a *account) login(ctx context.Context) (ticket, error) {
	pass, err := a.enter(ctx)
	if err != nil {
		return ticket{}, err
	}
	defer pass.Unused()
	k, err := a.conf.kdcsOf(ctx, a.who.realm)
	if err != nil {
		return ticket{}, a.explain(err)
	}
	req, err := messages.NewASReqForTGT(a.who.realm, a.conf.library(false), a.who.name)
	if err != nil {
		return ticket{}, err
	}
	plain, err := req.Marshal()
	if err != nil {
		return ticket{}, err
	}
	reply, err := k.ask(ctx, plain, false)
	hints := a.usualHints()
	var ke messages.KRBError
	if errors.As(err, &ke) && ke.ErrorCode == errorcode.KDC_ERR_PREAUTH_REQUIRED {
		hints = a.keyHints(ke.EData)
		if err = a.prove(&req, hints); err != nil {
			return ticket{}, a.explain(err)
		}
		if plain, err = req.Marshal(); err != nil {
			return ticket{}, err
		}
		reply, err = k.ask(ctx, plain, true)
		var silence *kdcSilence
		if errors.As(err, &silence) && silence.sent {
			pass.NoAnswer()
		}
	}
	if err == nil {
		var t ticket
		if t, err = a.readInitial(reply, req, hints); err == nil {
			pass.Accepted()
			return t, nil
		}
	}
	err = a.explain(err)
	if errors.Is(err, transport.ErrRejected) {
		pass.Rejected()
		if a.password == "" {
			a.refused = err
		}
	}
	return ticket{}, err
}

// enter waits for the right to use the password; keys of a file have their own
// memory.
func (a *account) enter(ctx context.Context) (*transport.Pass, error) {
	if a.password == "" {
		return new(transport.Pass), nil
	}
	pass, err := a.gate.Enter(ctx, a.gate.Password(a.shown, a.password), a.who.realm)
	if errors.Is(err, transport.ErrNotTried) {
		return nil, &transport.Error{Op: krbOp, Err: err, NotRun: true, Hint: "a wrong password must not lock an account: correct it and start again"}
	}
	return pass, err
}

// keyHint is how a KDC says that a key is made of a password.
type keyHint struct {
	cipher       int32
	salt, params string // params: hex
}

// usualHints are what holds where the KDC says nothing.
func (a *account) usualHints() []keyHint {
	var list []keyHint
	for _, id := range a.conf.ciphers {
		list = append(list, keyHint{cipher: id})
	}
	return list
}

// keyHints reads PA-ETYPE-INFO2 (RFC 4120 5.2.7.5). A KDC that has a key for one of
// our ciphers must send it; without it, a proof would only count as a wrong one.
func (a *account) keyHints(data []byte) []keyHint {
	var pas types.PADataSequence
	if err := pas.Unmarshal(data); err != nil {
		return nil
	}
	return a.hintsOf(pas, nil)
}

func (a *account) hintsOf(pas types.PADataSequence, otherwise []keyHint) []keyHint {
	for _, pa := range pas {
		if pa.PADataType != patype.PA_ETYPE_INFO2 {
			continue
		}
		var list []keyHint
		var info types.ETypeInfo2
		if err := info.Unmarshal(pa.PADataValue); err != nil {
			continue
		}
		for _, i := range info {
			list = append(list, keyHint{i.EType, i.Salt, hex.EncodeToString(i.S2KParams)})
		}
		return list
	}
	return otherwise
}

// key makes the account's key for the first cipher that both sides have.
func (a *account) key(hints []keyHint) (types.EncryptionKey, error) {
	for _, h := range hints {
		c, err := cipherOf(h.cipher)
		if err != nil {
			continue
		}
		if a.keytab != nil {
			if key, _, err := a.keytab.GetEncryptionKey(a.who.name, a.who.realm, 0, h.cipher); err == nil && len(key.KeyValue) == c.key {
				return key, nil
			}
			continue
		}
		return a.keyOf(h)
	}
	if a.keytab != nil {
		return types.EncryptionKey{}, fmt.Errorf("%w: the keytab holds no AES key of %s", errCipher, a.who)
	}
	return types.EncryptionKey{}, fmt.Errorf("%w: the KDC has no AES key of %s", errCipher, a.who)
}

func (a *account) keyOf(h keyHint) (types.EncryptionKey, error) {
	none := types.EncryptionKey{}
	e, err := crypto.GetEtype(h.cipher)
	if err != nil {
		return none, err
	}
	params, salt := e.GetDefaultStringToKeyParams(), h.salt
	if h.params != "" {
		params = h.params
	}
	if salt == "" {
		salt = a.who.name.GetSalt(a.who.realm)
	}
	if n, err := hex.DecodeString(params); err != nil || len(n) != 4 || binary.BigEndian.Uint32(n) > maxIterations || binary.BigEndian.Uint32(n) == 0 {
		return none, errors.New("the KDC asks for a key to be made in an unheard-of way")
	}
	value, err := e.StringToKey(a.password, salt, params)
	return types.EncryptionKey{KeyType: h.cipher, KeyValue: value}, err
}

// prove adds the time, sealed with the account's key.
func (a *account) prove(req *messages.ASReq, hints []keyHint) error {
	key, err := a.key(hints)
	if err != nil {
		return err
	}
	now, err := types.GetPAEncTSEncAsnMarshalled()
	if err != nil {
		return err
	}
	sealed, err := crypto.GetEncryptedData(now, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP, 0)
	if err != nil {
		return err
	}
	value, err := sealed.Marshal()
	req.PAData = types.PADataSequence{{PADataType: patype.PA_ENC_TIMESTAMP, PADataValue: value}}
	return err
}

// readInitial opens the KDC's reply. A KDC that asked for no proof sends it to
// anybody; then a wrong password shows only here.
func (a *account) readInitial(reply []byte, req messages.ASReq, hints []keyHint) (ticket, error) {
	var rep messages.ASRep
	if err := rep.Unmarshal(reply); err != nil {
		return ticket{}, fmt.Errorf("the KDC's reply cannot be read: %w", err)
	}
	hints = a.hintsOf(rep.PAData, hints)
	hints = slices.DeleteFunc(slices.Clone(hints), func(h keyHint) bool { return h.cipher != rep.EncPart.EType })
	key, err := a.key(hints)
	if err != nil {
		return ticket{}, err
	}
	plain, err := decrypt(rep.EncPart.Cipher, key, keyusage.AS_REP_ENCPART)
	if err != nil {
		return ticket{}, fmt.Errorf("%w: the KDC's reply cannot be opened with it", errSecret)
	}
	var part messages.EncKDCRepPart
	if err := part.Unmarshal(plain); err != nil {
		return ticket{}, fmt.Errorf("the KDC's reply cannot be read: %w", err)
	}
	if part.Nonce != req.ReqBody.Nonce || !part.SName.Equal(req.ReqBody.SName) || part.SRealm != a.who.realm {
		return ticket{}, errors.New("the KDC's reply is to another request")
	}
	return ticket{rep.Ticket, principal{rep.CName, rep.CRealm}, part.Key, part.EndTime}, nil
}
