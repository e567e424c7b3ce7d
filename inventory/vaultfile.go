package inventory

import (
	"errors"
	"slices"
)

// IsEncrypted says whether a text is encrypted with Ansible Vault.
func IsEncrypted(text []byte) bool { return isSealed(text) }

// Encrypt encrypts a text as ansible-vault does, with the password of the label;
// an empty label means the only one there is.
func (v *Vault) Encrypt(plain []byte, label string) ([]byte, error) {
	if v.Empty() {
		return nil, errors.New("no vault password was given (give it with --vault-password-file, --vault-id or --ask-vault-pass)")
	}
	if label == "" {
		var labels []string
		for _, p := range v.passwords {
			if !slices.Contains(labels, p.label) {
				labels = append(labels, p.label)
			}
		}
		if len(labels) > 1 {
			return nil, errors.New("there are passwords for " + list(labels) + "; say with --encrypt-vault-id which to use")
		}
		label = labels[0]
	}
	for _, p := range v.passwords {
		if p.label == label {
			if label == defaultVaultID {
				label = ""
			}
			return seal(plain, label, p.secret)
		}
	}
	return nil, errors.New("no password was given for the vault id " + show(label))
}

// Decrypt opens what ansible-vault or Encrypt made and returns the label of its
// vault id, which is empty in format 1.1. The error is a Problem with the line
// inside the text.
func (v *Vault) Decrypt(text []byte) (plain []byte, label string, err error) {
	s, err := parseSealed(string(text))
	if err == nil {
		label = s.label
		plain, err = v.open(string(text))
	}
	if err != nil {
		p := Problem{At: Position{Line: 1}, Text: "it cannot be opened: " + err.Error(), Hint: vaultHint(err)}
		var format *vaultFormatError
		if errors.As(err, &format) {
			p.At.Line = format.line
		}
		return nil, "", p
	}
	return plain, label, nil
}
