package inventory

import (
	"fmt"
	"sync"
)

// Secret holds a text that is never printed: every way of formatting it shows
// "***".
type Secret struct {
	text  string
	later *laterSecret // nil: text is all there is
}

// laterSecret is fetched when somebody wants to know it, once.
type laterSecret struct {
	once  sync.Once
	fetch func() string
	text  string
}

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the text; only a transport calls it. It is empty where it had to
// be fetched and could not.
func (s Secret) Reveal() string {
	if s.later == nil {
		return s.text
	}
	s.later.once.Do(func() { s.later.text = s.later.fetch() })
	return s.later.text
}

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return s.text == "" && s.later == nil }

// Format shows every verb the same.
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte("***")) }
func (s Secret) String() string               { return "***" }
func (s Secret) GoString() string             { return "***" }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }
