package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// reading turns the variables of hosts into typed settings. What several hosts
// share is read, and its mistakes told, once.
type reading struct {
	*report
	done map[readKey]any
	told map[readKey]bool
	// groupRoles remembers which group gives which role; empty: none.
	groupRoles map[string]Role
	first      Position // the first source, for what is wrong with all of it
	*resolver
}

// readKey names one value: the variable, and where it was set.
type readKey struct {
	name string
	src  *origin // one place in a source; nil for a value made from a host's pattern or a template
	at   Position
	text string
}

func newReading(r *report, first Position, values *resolver) *reading {
	return &reading{report: r, done: map[readKey]any{}, told: map[readKey]bool{}, groupRoles: map[string]Role{}, first: first, resolver: values}
}

func keyOf(name string, v Value) readKey {
	k := readKey{name: name, src: v.src, at: v.At}
	switch {
	case v.src == nil:
		k.text, _ = textOf(v.Any)
	case v.src.made: // hosts with the same outcome share it
		k.src, k.text = nil, fmt.Sprintf("%t %#v", v.src.secret, v.Any)
	}
	return k
}

// variables are one host's, with the reading that they belong to.
type variables struct {
	*reading
	host   string
	of     *Host
	at     Position // of the host
	vars   Vars
	quiet  bool // the host is not one of ours: its mistakes are kept, not told
	later  bool // its passwords are fetched when they are needed
	silent Problems
}

// tell reports a mistake in a variable, once for all hosts that share the value.
func (r *variables) tell(name string, v Value, at Position, hint, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if v.Secret() {
		text, hint = maskQuoted(text, r.host), maskQuoted(hint)
	}
	if r.quiet {
		own := newReport()
		own.problem(at, hint, "%s", text)
		r.silent = append(r.silent, own.problems...)
		return
	}
	k := keyOf(name, v)
	if !r.told[k] {
		r.told[k] = true
		r.problem(at, hint, "%s", text)
	}
}

// find returns a variable that farmwall needs, with templates worked out. Null
// counts as not set, and so does what cannot be worked out, which is reported.
func (r *variables) find(name string) (Value, bool) {
	v, ok := r.vars[name]
	if !ok || v.Any == nil {
		return Value{}, false
	}
	if !r.needsWork(v) {
		return v, true
	}
	out, secret, err := r.resolve(r.of, name, v)
	if err != nil && err.told {
		return Value{}, false
	}
	if err != nil {
		r.tell(name, v, v.At, err.hint, "%s of host %q: %s", name, r.host, err.text)
		return Value{}, false
	}
	out.src = &origin{made: true, secret: secret}
	if v.src != nil {
		out.src.node, out.src.written = v.src.node, v.src.written
	}
	return out, out.Any != nil
}

// complaint reports one mistake inside a value.
type complaint func(at Position, hint, format string, args ...any)

// setting reads one variable of ours; where it is not set, or wrong, the default
// stands.
func setting[T any](r *variables, name string, def T, read func(part, complaint) T) Setting[T] {
	v, ok := r.find(name)
	if !ok {
		return Setting[T]{Value: def, Name: name}
	}
	k := keyOf(name, v)
	if done, ok := r.done[k]; ok {
		return done.(Setting[T])
	}
	wrong := false
	s := Setting[T]{Name: name, Set: true, At: v.At}
	s.Value = read(v.part(), func(at Position, hint, format string, args ...any) {
		wrong = true
		text := fmt.Sprintf(name+": "+format, args...)
		if v.Secret() {
			text, hint = maskQuoted(text), maskQuoted(hint)
		}
		r.problem(at, hint, "%s", text)
	})
	if wrong {
		s = Setting[T]{Value: def, Name: name}
	}
	r.done[k] = s
	return s
}

// readBool reads a boolean or a text that means one.
func readBool(p part, bad complaint) bool {
	b, ok := boolOf(p.any)
	if !ok {
		bad(p.at, "yes or no", "%s is no boolean", show(p.any))
	}
	return b
}

func boolOf(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case int64:
		return v == 1, v == 0 || v == 1
	case string:
		switch lower(v) {
		case "yes", "on", "true", "1":
			return true, true
		case "no", "off", "false", "0":
			return false, true
		}
	}
	return false, false
}

// readWord reads one of a few words.
func readWord[T ~string](words ...T) func(part, complaint) T {
	return func(p part, bad complaint) T {
		text, _ := p.text()
		known := make([]string, len(words))
		for i, w := range words {
			if T(text) == w {
				return w
			}
			known[i] = string(w)
		}
		bad(p.at, suggestOr("one of "+list(known), text, known...), "%s is not known", show(p.any))
		return words[0]
	}
}

// show is a value in an error: quoted and cut, so that nothing in it can do harm.
func show(v any) string {
	text, ok := textOf(v)
	if !ok {
		return kindOf(v)
	}
	if cut := []rune(text); len(cut) > 60 {
		text = string(cut[:60]) + "..."
	}
	return strconv.QuoteToGraphic(text)
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// list writes words with commas between them.
func list(words []string) string { return strings.Join(words, ", ") }
