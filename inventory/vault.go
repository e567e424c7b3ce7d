package inventory

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// vaultMark begins everything that Ansible Vault encrypted.
const vaultMark = "$ANSIBLE_VAULT"

// The numbers of the AES256 format: rounds of PBKDF2, and bytes of salt, key
// (cipher key, then signature key, then first counter) and hexadecimal line.
const (
	vaultRounds = 10_000
	vaultSalt   = 32
	vaultKeys   = 32 + 32 + aes.BlockSize
	vaultWidth  = 80
)

// sealedText is an envelope of Ansible Vault, taken apart.
type sealedText struct {
	label  string // the vault id; empty in format 1.1
	salt   []byte
	mac    []byte
	cipher []byte
}

// vaultFormatError says what is wrong with an envelope, and in which of its lines.
type vaultFormatError struct {
	line int // from 1
	text string
}

func (e *vaultFormatError) Error() string { return e.text }

// parseSealed takes an envelope apart. The error is a *vaultFormatError.
func parseSealed(text string) (*sealedText, error) {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	head := strings.Split(strings.TrimSpace(lines[0]), ";")
	s := &sealedText{}
	switch {
	case head[0] != vaultMark || len(head) < 3:
		return nil, &vaultFormatError{1, "the first line is no header of Ansible Vault"}
	case head[1] == "1.2" && len(head) == 4:
		s.label = head[3]
	case head[1] == "1.1" && len(head) == 3:
	default:
		return nil, &vaultFormatError{1, fmt.Sprintf("format %s of Ansible Vault is not known; 1.1 and 1.2 are", show(head[1]))}
	}
	if head[2] != "AES256" {
		return nil, &vaultFormatError{1, fmt.Sprintf("cipher %s of Ansible Vault is not known; AES256 is", show(head[2]))}
	}
	var body []byte
	for i, line := range lines[1:] {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			return nil, &vaultFormatError{i + 2, "the encrypted text is damaged here: this is no line of hexadecimal digits"}
		}
		body = append(body, b...)
	}
	parts := bytes.Split(body, []byte{'\n'})
	if len(parts) != 3 {
		return nil, &vaultFormatError{2, "the encrypted text is damaged or cut off"}
	}
	for i, into := range []*[]byte{&s.salt, &s.mac, &s.cipher} {
		b, err := hex.DecodeString(string(parts[i]))
		if err != nil {
			return nil, &vaultFormatError{2, "the encrypted text is damaged"}
		}
		*into = b
	}
	if len(s.mac) != sha256.Size || len(s.salt) == 0 || len(s.cipher) == 0 || len(s.cipher)%aes.BlockSize != 0 {
		return nil, &vaultFormatError{2, "the encrypted text is damaged or cut off"}
	}
	return s, nil
}

// errNotOpened says that a password does not fit, or that the text was changed:
// the signature cannot tell which.
var errNotOpened = errors.New("the password is wrong, or the encrypted text was changed")

// open checks the signature and decrypts. The error is errNotOpened.
func (s *sealedText) open(password Secret) ([]byte, error) {
	key, err := pbkdf2.Key(sha256.New, password.text, s.salt, vaultRounds, vaultKeys)
	if err != nil {
		return nil, fmt.Errorf("cannot derive the key: %w", err)
	}
	defer clear(key)
	mac := hmac.New(sha256.New, key[32:64])
	mac.Write(s.cipher)
	if !hmac.Equal(mac.Sum(nil), s.mac) {
		return nil, errNotOpened
	}
	block, err := aes.NewCipher(key[:32])
	if err != nil {
		return nil, fmt.Errorf("cannot decrypt: %w", err)
	}
	plain := make([]byte, len(s.cipher))
	cipher.NewCTR(block, key[64:]).XORKeyStream(plain, s.cipher)
	pad := int(plain[len(plain)-1]) // PKCS#7; what is signed was padded right
	if pad < 1 || pad > aes.BlockSize || pad > len(plain) {
		return nil, errNotOpened
	}
	return plain[:len(plain)-pad], nil
}

// seal encrypts as ansible-vault does: format 1.2 with a label, else 1.1.
func seal(plain []byte, label string, password Secret) ([]byte, error) {
	salt := make([]byte, vaultSalt)
	rand.Read(salt)
	return sealWith(plain, label, password, salt)
}

func sealWith(plain []byte, label string, password Secret, salt []byte) ([]byte, error) {
	key, err := pbkdf2.Key(sha256.New, password.text, salt, vaultRounds, vaultKeys)
	if err != nil {
		return nil, fmt.Errorf("cannot derive the key: %w", err)
	}
	defer clear(key)
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	text := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(key[:32])
	if err != nil {
		return nil, fmt.Errorf("cannot encrypt: %w", err)
	}
	cipher.NewCTR(block, key[64:]).XORKeyStream(text, text)
	mac := hmac.New(sha256.New, key[32:64])
	mac.Write(text)
	body := hex.EncodeToString([]byte(hex.EncodeToString(salt) + "\n" + hex.EncodeToString(mac.Sum(nil)) + "\n" + hex.EncodeToString(text)))
	var out bytes.Buffer
	if label == "" {
		out.WriteString(vaultMark + ";1.1;AES256\n")
	} else {
		out.WriteString(vaultMark + ";1.2;AES256;" + label + "\n")
	}
	for len(body) > 0 {
		n := min(vaultWidth, len(body))
		out.WriteString(body[:n] + "\n")
		body = body[n:]
	}
	return out.Bytes(), nil
}
