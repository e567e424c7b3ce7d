package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
)

// Sealed is an inline value that Ansible Vault encrypted. It is opened only when
// it is needed.
type Sealed struct {
	text  string
	at    Position
	block bool // its lines follow the one at which it stands
	told  bool // that it does not open has been reported
}

// MarshalJSON writes it as Ansible's listings do, still encrypted.
func (s *Sealed) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"__ansible_vault": s.text})
}

// Text is the envelope as it stands in the source.
func (s *Sealed) Text() string { return s.text }

// checkSealed opens inline values, which cost some milliseconds each, on all
// processors, and reports those that should open and do not. A value whose label
// has no password here stays closed, as in Ansible, until it is needed.
func (d *draft) checkSealed(ctx context.Context, v *Vault) {
	if v.Empty() {
		return
	}
	errs := make([]error, len(d.sealed))
	var group sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, s := range d.sealed {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			plain, err := v.open(s.text)
			clear(plain)
			if errors.Is(err, errNotOpened) {
				envelope, _ := parseSealed(s.text)
				if !slices.ContainsFunc(v.passwords, func(p vaultPassword) bool { return p.label == envelope.wanted() }) {
					err = nil
				}
			}
			errs[i] = err
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			d.sealed[i].told = true
			d.problem(d.sealed[i].place(err), vaultHint(err), "the encrypted value cannot be opened: %s", err)
		}
	}
}

// place is where an error in an inline value stands.
func (s *Sealed) place(err error) Position {
	at := s.at
	var format *vaultFormatError
	if errors.As(err, &format) && s.block {
		at.Line += format.line
	}
	return at
}
