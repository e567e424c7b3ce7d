package transport

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"
)

// Gate keeps a wrong credential from being tried everywhere at once, which
// would lock a domain account. The first use of each credential is on one host
// alone and the others wait for what comes of it.
//
// A password that a host has rejected is not tried again, except on hosts that
// have accepted it before: there it cannot be wrong, and a change must be able
// to come back to its host. A password whose first uses stay without an answer
// is given up after the second. Keys lock nobody out and a host that does not
// know one says nothing about the next host, so for them only the first use is
// alone.
//
// One Gate serves a whole run, over all transports.
type Gate struct {
	key     [32]byte // of this process, so that ids tell nothing outside it
	mu      sync.Mutex
	entries map[Credential]*entry
}

// Credential names a credential without telling it.
type Credential struct {
	id     [32]byte
	strict bool
}

type entry struct {
	tested   bool
	rejector string // the host that rejected it
	silent   int    // uses without an answer, before the first answer
	accepted map[string]bool
	turn     chan struct{} // holds a token while nobody makes the first use
}

// NewGate makes the gate of one run.
func NewGate() *Gate {
	g := &Gate{entries: make(map[Credential]*entry)}
	// crypto/rand.Read never fails; it ends the program instead.
	rand.Read(g.key[:])
	return g
}

// Password names an account's password. It is the same for logging in and for
// sudo, because both count against the same account.
func (g *Gate) Password(account, password string) Credential {
	return Credential{id: g.name("password", account, password), strict: true}
}

// Keys names an account's set of keys, by whatever tells them apart.
func (g *Gate) Keys(account, keys string) Credential {
	return Credential{id: g.name("keys", account, keys)}
}

func (g *Gate) name(parts ...string) (id [32]byte) {
	h := hmac.New(sha256.New, g.key[:])
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	h.Sum(id[:0])
	return id
}

// Pass is the right to use a credential once. One of its methods must be
// called; later calls do nothing. The zero value belongs to no gate.
type Pass struct {
	gate   *Gate
	entry  *entry
	host   string
	first  bool // this use is the one that others wait for
	strict bool
	once   sync.Once
}

// Enter waits until the credential may be used on the host. It fails with
// ErrNotTried where it was rejected before, and with the context's error.
func (g *Gate) Enter(ctx context.Context, c Credential, host string) (*Pass, error) {
	g.mu.Lock()
	e := g.entries[c]
	if e == nil {
		e = &entry{accepted: make(map[string]bool), turn: make(chan struct{}, 1)}
		e.turn <- struct{}{}
		g.entries[c] = e
	}
	g.mu.Unlock()
	for {
		if pass, err := g.look(e, c, host, false); pass != nil || err != nil {
			return pass, err
		}
		select {
		case <-e.turn:
			// What came of the first use may have been told meanwhile.
			pass, err := g.look(e, c, host, true)
			if err != nil || !pass.first {
				e.turn <- struct{}{}
			}
			return pass, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (g *Gate) look(e *entry, c Credential, host string, mine bool) (*Pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pass := &Pass{gate: g, entry: e, host: host, strict: c.strict}
	switch {
	case e.rejector != "" && !e.accepted[host]:
		return nil, fmt.Errorf("%w: rejected at %s", ErrNotTried, e.rejector)
	case e.tested:
		return pass, nil
	case mine:
		pass.first = true
		return pass, nil
	}
	return nil, nil
}

// Accepted says that the host took the credential.
func (p *Pass) Accepted() {
	p.tell(func(e *entry) { e.tested, e.accepted[p.host] = true, true })
}

// Rejected says that the host refused the credential.
func (p *Pass) Rejected() {
	p.tell(func(e *entry) {
		e.tested = true
		if p.strict && e.rejector == "" {
			e.rejector = p.host
		}
	})
}

// NoAnswer says that the credential may have been sent and that nothing came
// back.
func (p *Pass) NoAnswer() {
	p.tell(func(e *entry) {
		if e.tested {
			return
		}
		if !p.strict {
			e.tested = true
		} else if e.silent++; e.silent > 1 {
			e.tested, e.rejector = true, p.host+" (no answer)"
		}
	})
}

// Unused gives the right back: the credential was not sent.
func (p *Pass) Unused() { p.tell(func(*entry) {}) }

func (p *Pass) tell(f func(*entry)) {
	p.once.Do(func() {
		if p.gate == nil {
			return
		}
		p.gate.mu.Lock()
		f(p.entry)
		p.gate.mu.Unlock()
		if p.first {
			p.entry.turn <- struct{}{}
		}
	})
}
