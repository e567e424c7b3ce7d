package winrm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"farmwall/transport"
)

const (
	// ticketMargin is what must be left of a ticket's life for it to be used.
	ticketMargin = time.Minute
	// silencePause is how long KDCs that did not answer are not asked again: a
	// thousand hosts must not wait for them one after the other.
	silencePause = 15 * time.Second
)

// account signs on with one credential, for all hosts of a run.
type account struct {
	conf   *krbConf
	who    principal
	shown  string // as the user wrote it
	gate   *transport.Gate
	keytab *keytab.Keytab // one of keytab, password and ccache is there
	ccache string

	turn     chan struct{} // holds a token while nobody logs in
	password string
	refused  error     // what came of a key that was tried; it is tried once
	silent   error     // the KDCs' silence ...
	until    time.Time // ... and how long it is believed

	mu       sync.Mutex
	tgt      ticket
	services map[spn]ticket
}

// principal is a client's name and realm.
type principal struct {
	name  types.PrincipalName
	realm string
}

func (p principal) String() string { return p.name.PrincipalNameString() + "@" + p.realm }

// ticket is a ticket with its session key.
type ticket struct {
	messages.Ticket
	client principal
	key    types.EncryptionKey
	end    time.Time
}

func (t ticket) good() bool { return time.Until(t.end) > ticketMargin }

func newAccount(key accountKey, conf *krbConf, gate *transport.Gate) (*account, error) {
	a := &account{conf: conf, gate: gate, password: key.password, shown: key.user, turn: make(chan struct{}, 1), services: make(map[spn]ticket)}
	a.turn <- struct{}{}
	file := key.keytab
	if file == "" && key.password == "" && key.ccache == "" {
		file = krbEnv("KRB5_CLIENT_KTNAME")
	}
	switch {
	case file != "":
		return a, a.useKeytab(krbFile(file))
	case key.password != "":
		return a, a.nameUser()
	}
	return a, a.useCCache(key.ccache)
}

// nameUser reads user@REALM, DOMAIN\user, or user in the default realm.
func (a *account) nameUser() error {
	user, realm := a.shown, a.conf.defaultRealm
	if domain, rest, ok := strings.Cut(a.shown, `\`); ok {
		user, realm = rest, a.conf.realmOf(domain)
		if realm == "" {
			return krbError(transport.ErrTicket, fmt.Errorf("%w: no realm is known for the domain %s", errRealm, domain),
				"write the user as name@REALM, where REALM is the domain's DNS name")
		}
	} else if i := strings.LastIndexByte(a.shown, '@'); i >= 0 {
		user, realm = a.shown[:i], strings.ToUpper(a.shown[i+1:])
	}
	if user == "" || realm == "" {
		return krbError(transport.ErrTicket, fmt.Errorf("%w: user %q names no realm and krb5.conf has no default_realm", errRealm, a.shown), "write the user as name@REALM")
	}
	a.who = principal{types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, user), realm}
	return nil
}

func (a *account) useKeytab(file string) error {
	hint := "name a keytab that holds the user's keys (ansible_winrm_kerberos_keytab, KRB5_CLIENT_KTNAME)"
	text, err := os.ReadFile(file)
	if err != nil {
		return krbError(transport.ErrTicket, fmt.Errorf("keytab: %w", err), hint)
	}
	a.keytab = keytab.New()
	if err := a.keytab.Unmarshal(text); err != nil || len(a.keytab.Entries) == 0 {
		return krbError(transport.ErrTicket, fmt.Errorf("%s is no keytab, or an empty one", file), hint)
	}
	if a.shown != "" {
		return a.nameUser()
	}
	first := a.keytab.Entries[0].Principal
	a.who = principal{types.PrincipalName{NameType: nametype.KRB_NT_PRINCIPAL, NameString: first.Components}, first.Realm}
	a.shown = a.who.String()
	return nil
}

// initial returns the ticket-granting ticket; at most one exchange fetches it.
func (a *account) initial(ctx context.Context) (ticket, error) {
	select {
	case <-a.turn:
	case <-ctx.Done():
		return ticket{}, context.Cause(ctx)
	}
	defer func() { a.turn <- struct{}{} }()
	a.mu.Lock()
	t := a.tgt
	a.mu.Unlock()
	switch {
	case t.good():
		return t, nil
	case a.refused != nil:
		return ticket{}, again(a.refused)
	case time.Now().Before(a.until):
		return ticket{}, again(a.silent)
	}
	t, err := a.fetch(ctx)
	var silence *kdcSilence
	if errors.As(err, &silence) && ctx.Err() == nil {
		a.silent, a.until = err, time.Now().Add(silencePause)
	}
	if err != nil {
		return ticket{}, err
	}
	a.mu.Lock()
	a.tgt = t
	a.mu.Unlock()
	return t, nil
}

// again is the same error for another host: who gets one adds that host's name.
func again(err error) error {
	var e *transport.Error
	if !errors.As(err, &e) {
		return err
	}
	second := *e
	return &second
}

func (a *account) fetch(ctx context.Context) (ticket, error) {
	if a.keytab == nil && a.password == "" {
		return a.fromCCache()
	}
	return a.login(ctx)
}

// service returns a ticket for a service. A host that is dialled again costs no
// new one.
func (a *account) service(ctx context.Context, s spn) (ticket, error) {
	a.mu.Lock()
	t := a.services[s]
	a.mu.Unlock()
	if t.good() {
		return t, nil
	}
	tgt, err := a.initial(ctx)
	if err != nil {
		return ticket{}, err
	}
	if t, err = a.grant(ctx, tgt, s); err != nil {
		return ticket{}, err
	}
	a.mu.Lock()
	a.services[s] = t
	a.mu.Unlock()
	return t, nil
}

// forget drops the tickets and keys.
func (a *account) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.tgt.key.KeyValue)
	for _, t := range a.services {
		clear(t.key.KeyValue)
	}
	a.tgt, a.services = ticket{}, make(map[spn]ticket)
	if a.keytab != nil {
		for _, e := range a.keytab.Entries {
			clear(e.Key.KeyValue)
		}
	}
}
