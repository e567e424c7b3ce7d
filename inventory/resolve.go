package inventory

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
	"sync"
)

// resolver gives variables the values that Ansible gives them when it uses them:
// templates are worked out, and what the vault holds is opened.
type resolver struct {
	mu       sync.Mutex // held by resolve: passwords may be fetched by many at once
	inv      *Inventory
	vault    *Vault
	secrets  *lookups
	sources  map[string]string // host -> the file that named it first
	parsed   map[string]parsedTemplate
	simple   map[*origin]bool // values known to need no work
	opened   map[*Sealed]openedValue
	allNames map[string]any // the variable "groups"
}

type parsedTemplate struct {
	template *template
	err      *templateError
}

type openedValue struct {
	text string
	err  *templateError
}

func newResolver(inv *Inventory, opt *Options, look *lookups) *resolver {
	return &resolver{inv: inv, vault: opt.Vault, secrets: look, sources: map[string]string{}, parsed: map[string]parsedTemplate{},
		simple: map[*origin]bool{}, opened: map[*Sealed]openedValue{}}
}

// resolve is a host's variable as it is when used. Secret says that what it holds
// must not be shown.
func (r *resolver) resolve(host *Host, name string, v Value) (value Value, secret bool, err *templateError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	secret = v.src != nil && v.src.secret
	if !r.needsWork(v) {
		return v, secret, nil
	}
	ev := &evaluation{resolver: r, host: host, known: map[variableKey]any{}}
	ev.busy = append(ev.busy, variableKey{host.Name, name})
	v.Any, err = ev.render(v.Any, 0)
	if err == nil {
		if u, missing := v.Any.(undefined); missing {
			err = u.err()
		}
	}
	return v, secret || ev.secret, err
}

func (r *resolver) needsWork(v Value) bool {
	if v.src == nil {
		return holdsTemplate(v.Any)
	}
	if v.src.unsafe {
		return false
	}
	simple, known := r.simple[v.src]
	if !known {
		simple = !holdsTemplate(v.Any)
		r.simple[v.src] = simple
	}
	return !simple
}

// open decrypts an inline value, each one once.
func (r *resolver) open(s *Sealed) (string, *templateError) {
	o, known := r.opened[s]
	if !known {
		plain, err := r.vault.open(s.text)
		if err != nil {
			o.err = templatef(vaultHint(err), "the encrypted value at %s cannot be opened: %s", s.at, err)
			o.err.told = s.told
		}
		o.text = string(plain)
		clear(plain)
		r.opened[s] = o
	}
	return o.text, o.err
}

// variableKey names a variable of a host.
type variableKey struct{ host, name string }

// evaluation is one variable being worked out.
type evaluation struct {
	*resolver
	host   *Host
	busy   []variableKey // what is being worked out, outermost first
	known  map[variableKey]any
	steps  int
	secret bool // something that must not be shown went in
	// quoted: what went in came from outside and stays text, whatever it looks like.
	quoted bool
}

// singleName is a template that is nothing but a variable's name.
var singleName = regexp.MustCompile(`^{{\s*(\w+)\s*}}$`)

// render works out a value and all inside it.
func (ev *evaluation) render(v any, depth int) (any, *templateError) {
	if depth > maxExprDepth {
		return nil, templatef("", "the value is nested too deeply")
	}
	if ev.steps++; ev.steps > maxExprSteps {
		return nil, templatef("", "the template is too much work")
	}
	switch v := v.(type) {
	case string:
		if isTemplate(v) {
			return ev.renderText(v)
		}
	case unsafeText:
		return string(v), nil
	case *Sealed:
		ev.secret, ev.quoted = true, true
		text, err := ev.open(v)
		return text, err
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err *templateError
			if out[i], err = ev.renderDefined(e, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) {
			var err *templateError
			if out[k], err = ev.renderDefined(v[k], depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func (ev *evaluation) renderDefined(v any, depth int) (any, *templateError) {
	out, err := ev.render(v, depth)
	if u, ok := out.(undefined); ok && err == nil {
		err = u.err()
	}
	return out, err
}

// renderText works out a template. What it becomes is a text, unless it is one
// variable that holds a number, boolean or null, or looks like a list, a map or a
// boolean of Python: so does Ansible.
func (ev *evaluation) renderText(text string) (any, *templateError) {
	p, known := ev.parsed[text]
	if !known {
		p.template, p.err = parseTemplate(text)
		ev.parsed[text] = p
	}
	if p.err != nil {
		return nil, inExpression(p.err, text)
	}
	if m := singleName.FindStringSubmatch(text); m != nil {
		switch raw := ev.host.Vars[m[1]].Any.(type) {
		case bool, int64, *big.Int, float64, nil:
			if _, set := ev.host.Vars[m[1]]; set && !magic(m[1]) {
				ev.secret = ev.secret || ev.host.Vars[m[1]].Secret()
				return raw, nil
			}
		}
	}
	outside := ev.quoted
	ev.quoted = false
	defer func() { ev.quoted = ev.quoted || outside }()
	var b strings.Builder
	for _, piece := range p.template.pieces {
		if piece.expr == nil {
			b.WriteString(piece.text)
			continue
		}
		v, err := ev.eval(piece.expr)
		if u, missing := v.(undefined); missing && err == nil {
			err = u.err()
		}
		if err != nil {
			return nil, inExpression(err, text)
		}
		switch v.(type) {
		case nil:
			continue
		case []any, map[string]any, bool:
			if len(p.template.pieces) == 1 {
				return v, nil
			}
		}
		part, err := pythonText(v)
		if err != nil {
			return nil, inExpression(err, text)
		}
		if b.WriteString(part); b.Len() > maxTemplate {
			return nil, inExpression(templatef("", "the text becomes too long"), text)
		}
	}
	out := b.String()
	if ev.quoted {
		return out, nil
	}
	switch {
	case out == "True", out == "False":
		return out == "True", nil
	case strings.HasPrefix(out, "[") || strings.HasPrefix(out, "{") && !strings.HasPrefix(out, "{{"):
		return literal(out), nil
	}
	return out, nil
}

// inExpression adds the template to an error that names none yet.
func inExpression(err *templateError, text string) *templateError {
	if strings.HasPrefix(err.text, "the template ") || strings.HasPrefix(err.text, "the variables refer") {
		return err
	}
	e := *err
	e.text = "the template " + show(text) + ": " + err.text
	return &e
}

// variable is the value of a name in an expression.
func (ev *evaluation) variable(name string) (any, *templateError) {
	if v, ok := ev.magicValue(name); ok {
		return v, nil
	}
	v, ok := ev.host.Vars[name]
	if !ok {
		what := `"` + name + `"`
		if strings.HasPrefix(name, "ansible_") && !strings.HasPrefix(name, "ansible_ssh") {
			what += " (farmwall gathers no facts)"
		}
		return undefined{what}, nil
	}
	ev.secret = ev.secret || v.Secret()
	if v.src != nil && v.src.unsafe || !holdsTemplate(v.Any) {
		return v.Any, nil
	}
	key := variableKey{ev.host.Name, name}
	if done, ok := ev.known[key]; ok {
		return done, nil
	}
	for i, b := range ev.busy {
		if b == key {
			return nil, loopError(ev.busy[i:], key)
		}
	}
	if len(ev.busy) > maxExprDepth {
		return nil, templatef("", "the variables refer to each other too deeply")
	}
	ev.busy = append(ev.busy, key)
	out, err := ev.render(v.Any, 0)
	ev.busy = ev.busy[:len(ev.busy)-1]
	if err != nil {
		return nil, err
	}
	ev.known[key] = out
	return out, nil
}

func loopError(way []variableKey, last variableKey) *templateError {
	var names []string
	for _, k := range append(way[:len(way):len(way)], last) {
		name := k.name
		if k.host != last.host {
			name += " of " + k.host
		}
		names = append(names, name)
	}
	return templatef("write the value itself in one of them", "the variables refer to each other in a circle: %s", strings.Join(names, " -> "))
}

var _ error = (*templateError)(nil)

// asTemplateError is err where it is one.
func asTemplateError(err error) *templateError {
	var t *templateError
	if errors.As(err, &t) {
		return t
	}
	return &templateError{text: err.Error()}
}
