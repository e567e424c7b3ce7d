package winrm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/types"

	"farmwall/transport"
)

const hintKinit = "get a ticket with kinit, name the file (ansible_winrm_kerberos_ccache, KRB5CCNAME), or give the password with -k"

// useCCache reads who the cache is of; its tickets are read when they are needed.
func (a *account) useCCache(named string) error {
	if named == "" {
		named = os.Getenv("KRB5CCNAME")
	}
	if named == "" {
		named = a.conf.ccache
	}
	if named == "" {
		named = "/tmp/krb5cc_" + strconv.Itoa(os.Getuid())
	}
	uid := strconv.Itoa(os.Geteuid())
	named = strings.NewReplacer("%{uid}", uid, "%{euid}", uid, "%{USERID}", uid, "%{TEMP}", os.TempDir()).Replace(named)
	if kind, _, ok := strings.Cut(named, ":"); ok && len(kind) > 1 && kind != "FILE" {
		return krbError(transport.ErrTicket, fmt.Errorf("the ticket cache %s is not a file", named), "get a ticket into a file with: kinit -c FILE:PATH, and name it in KRB5CCNAME")
	}
	a.ccache = krbFile(named)
	c, err := a.readCCache()
	if err != nil {
		return err
	}
	if a.shown != "" {
		if err := a.nameUser(); err != nil {
			return err
		}
		if !a.who.name.Equal(c.owner.name) || a.who.realm != c.owner.realm {
			return krbError(transport.ErrTicket, fmt.Errorf("the tickets in %s are those of %s, not of %s", a.ccache, c.owner, a.who), hintKinit)
		}
	}
	a.who, a.shown = c.owner, c.owner.String()
	return nil
}

func (a *account) readCCache() (ccache, error) {
	text, err := os.ReadFile(a.ccache)
	if err != nil {
		return ccache{}, krbError(transport.ErrTicket, fmt.Errorf("there is none: %w", err), hintKinit)
	}
	c, err := parseCCache(text)
	if err != nil {
		return ccache{}, krbError(transport.ErrTicket, fmt.Errorf("%s is no ticket cache: %w", a.ccache, err), hintKinit)
	}
	return c, nil
}

// fromCCache takes the tickets of the file, which may be newer than last time.
func (a *account) fromCCache() (ticket, error) {
	c, err := a.readCCache()
	if err != nil {
		return ticket{}, err
	}
	var tgt ticket
	for _, t := range c.tickets {
		n := t.SName.NameString
		if len(n) != 2 || !t.client.name.Equal(c.owner.name) {
			continue
		}
		if n[0] == "krbtgt" && n[1] == c.owner.realm && t.end.After(tgt.end) {
			tgt = t
		}
	}
	switch {
	case tgt.end.IsZero():
		return ticket{}, krbError(transport.ErrTicket, fmt.Errorf("%s holds no ticket-granting ticket of %s", a.ccache, c.owner.realm), hintKinit)
	case !tgt.good():
		return ticket{}, krbError(transport.ErrTicket, fmt.Errorf("%w: the one of %s in %s ended at %s", errExpired, c.owner, a.ccache, tgt.end.Local().Format(time.DateTime)), hintKinit)
	}
	return tgt, nil
}

// ccache is a ticket cache file of MIT's formats 3 and 4.
type ccache struct {
	owner   principal
	tickets []ticket
}

var errCCache = errors.New("it is cut off or damaged")

// parseCCache reads the file's bytes. Entries of the realm X-CACHECONF: are MIT's
// own notes and left out.
func parseCCache(text []byte) (c ccache, err error) {
	if len(text) < 2 || text[0] != 5 || text[1] != 3 && text[1] != 4 {
		return c, errors.New("it is not of format 3 or 4")
	}
	r := &ccacheReader{text[2:], nil}
	if text[1] == 4 {
		r.take(int(r.number(2)))
	}
	c.owner = r.principal()
	for len(r.rest) > 0 && r.err == nil {
		t, ok := r.credential(text[1])
		if r.err == nil && ok {
			c.tickets = append(c.tickets, t)
		}
	}
	return c, r.err
}

type ccacheReader struct {
	rest []byte
	err  error
}

func (r *ccacheReader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.rest) {
		r.err = errCCache
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *ccacheReader) number(size int) uint32 {
	b := r.take(size)
	switch len(b) {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.BigEndian.Uint16(b))
	case 4:
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *ccacheReader) data() []byte { return r.take(int(r.number(4))) }

func (r *ccacheReader) principal() principal {
	kind := int32(r.number(4))
	n := r.number(4)
	p := principal{types.PrincipalName{NameType: kind}, string(r.data())}
	for ; n > 0 && r.err == nil; n-- {
		p.name.NameString = append(p.name.NameString, string(r.data()))
	}
	return p
}

// credential reads one entry; not ok: it holds no ticket.
func (r *ccacheReader) credential(format byte) (t ticket, ok bool) {
	t.client = r.principal()
	server := r.principal()
	t.key.KeyType = int32(int16(r.number(2)))
	if format == 3 {
		r.number(2) // the cipher once more
	}
	t.key.KeyValue = append([]byte(nil), r.data()...)
	r.take(8) // authentication and start
	t.end = time.Unix(int64(r.number(4)), 0)
	r.take(4 + 1 + 4) // renewal, is it of user-to-user, flags
	for range 2 {     // addresses and authorization data: pairs of a kind and bytes
		for n := r.number(4); n > 0 && r.err == nil; n-- {
			r.number(2)
			r.data()
		}
	}
	text := r.data()
	r.data() // the second ticket of user-to-user
	if r.err != nil || strings.HasPrefix(server.realm, "X-CACHECONF") {
		return t, false
	}
	if err := t.Ticket.Unmarshal(text); err != nil {
		return t, false
	}
	return t, true
}
