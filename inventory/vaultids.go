package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// defaultVaultID is the label of a password that was given without one.
const defaultVaultID = "default"

// Vault holds the passwords for what Ansible Vault encrypted, each with the
// label of its vault id. The zero Vault and nil hold none.
type Vault struct{ passwords []vaultPassword }

type vaultPassword struct {
	label  string
	secret Secret
}

// Add adds a password under a label; an empty label is "default".
func (v *Vault) Add(label string, password Secret) {
	if label == "" {
		label = defaultVaultID
	}
	v.passwords = append(v.passwords, vaultPassword{label, password})
}

// Empty says whether there is no password.
func (v *Vault) Empty() bool { return v == nil || len(v.passwords) == 0 }

// AddSource adds the password that a source of Ansible's --vault-id names:
// LABEL@SOURCE or SOURCE, where the source is a file, a program that prints the
// password, or "prompt", which calls ask with the label.
func (v *Vault) AddSource(ctx context.Context, id string, ask func(label string) (Secret, error)) error {
	label, source := "", id
	if before, after, ok := strings.Cut(id, "@"); ok {
		label, source = before, after
	}
	if source == "prompt" || source == "prompt_ask_vault_pass" {
		password, err := ask(label)
		if err != nil {
			return err
		}
		if password.Empty() {
			return errors.New("the vault password is empty")
		}
		v.Add(label, password)
		return nil
	}
	if source == "" {
		return fmt.Errorf("vault id %s names no source; write LABEL@FILE or LABEL@prompt", show(id))
	}
	return v.addFrom(ctx, source, label)
}

// AddFile adds the password that a file holds, or that a program prints.
func (v *Vault) AddFile(ctx context.Context, path string) error { return v.addFrom(ctx, path, "") }

func (v *Vault) addFrom(ctx context.Context, path, label string) error {
	password, err := vaultPasswordFrom(ctx, path, label)
	if err != nil {
		return fmt.Errorf("vault password file %s: %w", path, err)
	}
	v.Add(label, password)
	return nil
}

// vaultPasswordTime is how long a program that prints a password may take; it may
// ask a person.
const vaultPasswordTime = 5 * time.Minute

// vaultPasswordFrom reads a password file, or runs it where it is a program. A
// program whose name ends in -client is told the label.
func vaultPasswordFrom(ctx context.Context, path, label string) (Secret, error) {
	path = expandHome(path)
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, errors.New(reason(err))
	}
	var text []byte
	if info.Mode().IsRegular() && mayRun(path, info) {
		full, err := filepath.Abs(path)
		if err != nil {
			return Secret{}, err
		}
		args := []string{full}
		if strings.HasSuffix(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "-client") {
			if label == "" {
				label = defaultVaultID
			}
			args = append(args, "--vault-id", label)
		}
		out, err := runProgram(ctx, args, programLimits{time: vaultPasswordTime, bytes: 1 << 16, terminal: true, quiet: true})
		if err != nil {
			return Secret{}, fmt.Errorf("it may be run, so it was: %w", err)
		}
		text = out.stdout
	} else {
		data, p := readRaw(path)
		if p != nil {
			return Secret{}, errors.New(p.Text)
		}
		text = data
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	password := strings.TrimFunc(string(text), pythonBlank)
	if password == "" {
		return Secret{}, errors.New("it holds no password")
	}
	return NewSecret(password), nil
}

// open decrypts an envelope. The label is a hint: its password is tried first,
// then all others. The error is a *vaultFormatError, or says what to do.
func (v *Vault) open(text string) ([]byte, error) {
	s, err := parseSealed(text)
	if err != nil {
		return nil, err
	}
	if v.Empty() {
		return nil, errNoVaultPassword
	}
	order := slices.Clone(v.passwords)
	slices.SortStableFunc(order, func(a, b vaultPassword) int {
		return boolOrder(b.label == s.wanted()) - boolOrder(a.label == s.wanted())
	})
	for _, p := range order {
		plain, err := s.open(p.secret)
		if !errors.Is(err, errNotOpened) {
			return plain, err
		}
	}
	return nil, errNotOpened
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wanted is the label whose password should open it.
func (s *sealedText) wanted() string {
	if s.label == "" {
		return defaultVaultID
	}
	return s.label
}

var errNoVaultPassword = errors.New("it is encrypted with Ansible Vault, and no vault password was given")

// vaultHint says what to do about an envelope that could not be opened.
func vaultHint(err error) string {
	var format *vaultFormatError
	switch {
	case errors.Is(err, errNoVaultPassword):
		return "give it with --vault-password-file, --vault-id or --ask-vault-pass"
	case errors.As(err, &format):
		return "restore it from a copy, or encrypt it anew"
	}
	return "check --vault-password-file and --vault-id"
}
