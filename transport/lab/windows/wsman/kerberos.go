package wsman

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"os"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// maxSkew is how far clocks may differ: the Windows domain policy.
const maxSkew = 5 * time.Minute

// Keytab holds the keys of a host's services, as its computer account does. It
// serves any number of hosts.
type Keytab struct {
	keys *keytab.Keytab
	mu   sync.Mutex
	seen map[[sha256.Size]byte]time.Time // requests of the last minutes
}

// ReadKeytab reads a keytab file of MIT's format.
func ReadKeytab(file string) (*Keytab, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	k, err := parseKeytab(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no keytab: %w", file, err)
	}
	return k, nil
}

func parseKeytab(text []byte) (*Keytab, error) {
	k := &Keytab{keys: keytab.New(), seen: make(map[[sha256.Size]byte]time.Time)}
	return k, k.keys.Unmarshal(text)
}

func (k *Keytab) accept(s session) acceptor { return &ticketAcceptor{keytab: k, session: s} }

// replayed says whether a request was seen before, and remembers it.
func (k *Keytab) replayed(request []byte, now time.Time) bool {
	sum := sha256.Sum256(request)
	k.mu.Lock()
	defer k.mu.Unlock()
	for old, when := range k.seen {
		if now.Sub(when).Abs() > 2*maxSkew {
			delete(k.seen, old)
		}
	}
	_, again := k.seen[sum]
	k.seen[sum] = now
	return again
}

// ticketAcceptor is the host's end of a Kerberos context (RFC 4121). SPNEGO, where
// it is around the tokens, is not its business.
type ticketAcceptor struct {
	keytab  *Keytab
	session session
	user    string
	wrap    *wrapKeys
}

// User is the client's principal.
func (a *ticketAcceptor) User() string { return a.user }

// Step takes the client's request. With an error, the token may still be one to
// answer: Kerberos' own word of what is wrong.
func (a *ticketAcceptor) Step(token []byte) (out []byte, done bool, err error) {
	if a.wrap != nil {
		return nil, false, errors.New("kerberos: the context already stands")
	}
	request, err := requestOf(token)
	if err != nil {
		return nil, false, err
	}
	reply, err := a.verify(request)
	var ke messages.KRBError
	if errors.As(err, &ke) {
		text, merr := ke.Marshal()
		if merr != nil {
			return nil, false, merr
		}
		return krbToken(tokError, text), false, err
	}
	if err != nil {
		return nil, false, err
	}
	if reply == nil {
		return nil, true, nil
	}
	return krbToken(tokReply, reply), true, nil
}

// Seal encrypts a message to the client.
func (a *ticketAcceptor) Seal(plain []byte) (header, data []byte, err error) {
	if a.wrap == nil {
		return nil, nil, errNoKrbContext
	}
	return a.wrap.seal(plain)
}

// Unseal decrypts a message of the client.
func (a *ticketAcceptor) Unseal(header, data []byte) ([]byte, error) {
	if a.wrap == nil {
		return nil, errNoKrbContext
	}
	return a.wrap.unseal(bytes.Join([][]byte{header, data}, nil))
}

var errNoKrbContext = errors.New("kerberos: no context stands")

// verify checks an AP-REQ (RFC 4120 3.2.3) and makes the AP-REP, nil where the
// client did not ask for it.
func (a *ticketAcceptor) verify(request []byte) ([]byte, error) {
	var req messages.APReq
	if err := req.Unmarshal(request); err != nil {
		return nil, fmt.Errorf("kerberos: AP-REQ: %w", err)
	}
	now := a.session.now().UTC()
	wrong := func(code int32, text string) error {
		e := messages.NewKRBError(req.Ticket.SName, req.Ticket.Realm, code, text)
		e.STime, e.Susec = now, now.Nanosecond()/1000
		return e
	}
	if err := a.open(&req); err != nil {
		return nil, wrong(errorcode.KRB_AP_ERR_MODIFIED, err.Error())
	}
	part, auth := req.Ticket.DecryptedEncPart, req.Authenticator
	sent := auth.CTime.Add(time.Duration(auth.Cusec) * time.Microsecond)
	switch {
	case !auth.CName.Equal(part.CName) || auth.CRealm != part.CRealm:
		return nil, wrong(errorcode.KRB_AP_ERR_BADMATCH, "the ticket is another client's")
	case now.Sub(sent).Abs() > maxSkew:
		return nil, wrong(errorcode.KRB_AP_ERR_SKEW, "")
	case now.After(part.EndTime.Add(maxSkew)):
		return nil, wrong(errorcode.KRB_AP_ERR_TKT_EXPIRED, "")
	case now.Before(part.StartTime.Add(-maxSkew)) && now.Before(part.AuthTime.Add(-maxSkew)):
		return nil, wrong(errorcode.KRB_AP_ERR_TKT_NYV, "")
	case a.keytab.replayed(req.EncryptedAuthenticator.Cipher, now):
		return nil, wrong(errorcode.KRB_AP_ERR_REPEAT, "")
	}
	sum := auth.Cksum
	if sum.CksumType != chksumtype.GSSAPI || len(sum.Checksum) < 24 || binary.LittleEndian.Uint32(sum.Checksum) != 16 {
		return nil, wrong(errorcode.KRB_AP_ERR_INAPP_CKSUM, "")
	}
	if err := a.session.binding.check(sum.Checksum[4:20]); err != nil {
		return nil, err
	}
	wants := binary.LittleEndian.Uint32(sum.Checksum[20:])
	if wants&gssDCE != 0 {
		return nil, errors.New("kerberos: DCE style is not WinRM's")
	}
	mutual := wants&gssMutual != 0 || types.IsFlagSet(&req.APOptions, flags.APOptionMutualRequired)
	reply, err := a.establish(part.Key, auth, mutual)
	if err == nil {
		a.user = part.CName.PrincipalNameString() + "@" + part.CRealm
	}
	return reply, err
}

// open decrypts the ticket and the authenticator.
func (a *ticketAcceptor) open(req *messages.APReq) error {
	for _, sealed := range []types.EncryptedData{req.Ticket.EncPart, req.EncryptedAuthenticator} {
		// The library cuts off a checksum without looking how much there is.
		if len(sealed.Cipher) < 64 {
			return errors.New("sealed part too short")
		}
	}
	if len(req.Ticket.SName.NameString) == 0 {
		return errors.New("no service named")
	}
	if err := req.Ticket.DecryptEncPart(a.keytab.keys, nil); err != nil {
		return errors.New("no key opens the ticket")
	}
	if err := req.DecryptAuthenticator(req.Ticket.DecryptedEncPart.Key); err != nil {
		return errors.New("the authenticator cannot be opened")
	}
	return nil
}

// establish makes the keys, with a subkey of the host's own where there is a reply
// to carry it, as Windows does.
func (a *ticketAcceptor) establish(session types.EncryptionKey, auth types.Authenticator, mutual bool) ([]byte, error) {
	key := session
	if len(auth.SubKey.KeyValue) > 0 {
		key = auth.SubKey
	}
	keys := &wrapKeys{key: key, theirs: uint64(uint32(auth.SeqNumber))}
	var err error
	if keys.sum, err = sumSize(key); err != nil {
		return nil, err
	}
	if !mutual {
		a.wrap = keys
		return nil, nil
	}
	own := types.EncryptionKey{KeyType: key.KeyType, KeyValue: make([]byte, len(key.KeyValue))}
	rand.Read(own.KeyValue)
	seq, err := rand.Int(rand.Reader, big.NewInt(1<<30))
	if err != nil {
		return nil, err
	}
	keys.key, keys.own, keys.ours = own, true, seq.Uint64()
	plain, err := marshalReplyPart(auth, own, seq.Int64())
	if err != nil {
		return nil, err
	}
	sealed, err := crypto.GetEncryptedData(plain, session, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		return nil, err
	}
	a.wrap = keys
	return marshalReply(sealed)
}
