package inventory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// lookups fetch secrets from outside the inventory, each one once. What they
// bring is secret and never a template.
type lookups struct {
	ctx     context.Context
	vault   *Vault
	keyring Keyring
	done    map[[2]string]lookedUp
}

type lookedUp struct {
	value any
	err   *templateError
}

// Keyring is the operating system's store of passwords. Get returns
// ErrNotInKeyring where there is no such entry.
type Keyring interface {
	Get(service, name string) (string, error)
}

// ErrNotInKeyring says that the keyring holds no such entry.
var ErrNotInKeyring = errors.New("there is no such entry in the keyring")

// KeyringService is the service under which farmwall keeps its own secrets.
const KeyringService = "farmwall"

// lookupNames are the lookups that farmwall knows, by their short names.
func lookupNames() []string { return []string{"env", "file", "pipe", "keyring"} }

// lookup is lookup('env', NAME), lookup('file', PATH), lookup('pipe', COMMAND) or
// lookup('community.general.keyring', 'SERVICE NAME').
func (ev *evaluation) lookup(args []any) (any, *templateError) {
	if len(args) != 2 {
		return nil, templatef("write lookup('env', 'NAME')", "farmwall's lookup takes two arguments")
	}
	kind, ok := args[0].(string)
	term, ok2 := args[1].(string)
	if !ok || !ok2 {
		return nil, templatef("", "the arguments of lookup are texts")
	}
	kind = strings.TrimPrefix(strings.TrimPrefix(kind, "ansible.builtin."), "community.general.")
	ev.secret, ev.quoted = true, true
	if ev.secrets == nil {
		return nil, templatef("", "no lookup is possible here")
	}
	key := [2]string{kind, term}
	got, known := ev.secrets.done[key]
	if !known {
		got.value, got.err = ev.secrets.fetch(kind, term)
		ev.secrets.done[key] = got
	}
	return got.value, got.err
}

func (l *lookups) fetch(kind, term string) (any, *templateError) {
	switch kind {
	case "env":
		if text, ok := os.LookupEnv(term); ok {
			return text, nil
		}
		return undefined{"the environment variable " + show(term)}, nil
	case "file":
		return l.file(term)
	case "pipe":
		return l.pipe(term)
	case "keyring":
		return l.fromKeyring(term)
	}
	return nil, templatef(suggestOr("those it knows: "+list(lookupNames()), kind, lookupNames()...), "farmwall does not know the lookup %q", kind)
}

func (l *lookups) file(path string) (any, *templateError) {
	data, p := readRaw(expandHome(path))
	if p != nil {
		return nil, templatef("", "lookup of the file %s: %s", show(path), p.Text)
	}
	if isSealed(data) {
		plain, err := l.vault.open(string(data))
		if err != nil {
			return nil, templatef(vaultHint(err), "lookup of the file %s: %s", show(path), err)
		}
		data = plain
	}
	return secretText(data, "the file "+show(path))
}

// pipeTime is how long a command may take that prints a secret; it may ask a
// person.
const pipeTime = 2 * time.Minute

// pipe runs a command as Ansible does, with a shell. What it prints stays out of
// errors.
func (l *lookups) pipe(command string) (any, *templateError) {
	args := []string{"/bin/sh", "-c", command}
	if runtime.GOOS == "windows" {
		args = []string{"cmd", "/c", command}
	}
	out, err := runProgram(l.ctx, args, programLimits{time: pipeTime, bytes: 1 << 20, quiet: true})
	if err != nil {
		return nil, templatef("run it by hand", "lookup of a command's output: %s", err)
	}
	return secretText(out.stdout, "the command's output")
}

func secretText(data []byte, what string) (any, *templateError) {
	if !utf8.Valid(data) {
		return nil, templatef("", "%s is not UTF-8", what)
	}
	return strings.TrimRightFunc(string(data), pythonBlank), nil
}

// fromKeyring reads "SERVICE NAME"; a name alone is one of farmwall's own.
func (l *lookups) fromKeyring(term string) (any, *templateError) {
	service, name, ok := strings.Cut(strings.TrimSpace(term), " ")
	if !ok {
		service, name = KeyringService, service
	}
	name = strings.TrimSpace(name)
	if l.keyring == nil {
		return nil, templatef("", "no keyring can be read here")
	}
	text, err := l.keyring.Get(service, name)
	switch {
	case errors.Is(err, ErrNotInKeyring):
		hint := ""
		if service == KeyringService {
			hint = "store it with farmwall secrets set " + name
		}
		return nil, templatef(hint, "the keyring holds no secret %q of %s", name, service)
	case err != nil:
		return nil, templatef("", "the keyring cannot be read: %s", err)
	}
	return text, nil
}

// expandHome replaces ~/ at the beginning of a path.
func expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}
