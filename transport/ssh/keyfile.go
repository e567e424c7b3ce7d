package ssh

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/inventory"
)

// keyFile is a private key, read once for all hosts. An encrypted one is
// decrypted when the first host wants a signature.
type keyFile struct {
	path   string
	pem    []byte // of an encrypted key, until it is decrypted
	public gossh.PublicKey
	cert   *gossh.Certificate // KEY-cert.pub
	err    error
	stub   bool // there is only the public key

	mu     sync.Mutex
	signer gossh.Signer
	locked error // why it could not be decrypted
}

// keyFile returns the key at the path.
func (d *Dialer) keyFile(path string) *keyFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.keep[path]
	if k == nil {
		k = readKey(path)
		d.keep[path] = k
	}
	return k
}

func readKey(path string) *keyFile {
	k := &keyFile{path: path}
	k.pem, k.err = os.ReadFile(path)
	if errors.Is(k.err, fs.ErrNotExist) {
		if pub, err := readPublic(path + ".pub"); err == nil {
			k.public, k.stub, k.err = pub, true, nil
		}
		return k
	}
	if k.err != nil {
		return k
	}
	// A name of a public key stands for the agent's private one.
	if pub, _, _, _, err := gossh.ParseAuthorizedKey(k.pem); err == nil {
		k.public, k.stub, k.pem = pub, true, nil
		return k
	}
	var missing *gossh.PassphraseMissingError
	k.signer, k.err = gossh.ParsePrivateKey(k.pem)
	switch {
	case k.err == nil:
		k.public, k.pem = k.signer.PublicKey(), nil
	case errors.As(k.err, &missing):
		k.err = nil
		k.public = missing.PublicKey
		if k.public == nil {
			k.public, k.err = readPublic(path + ".pub")
		}
		if k.err != nil {
			k.err = fmt.Errorf("it is encrypted in an old format, so %s.pub is needed too: %w", path, k.err)
		}
	default:
		k.err = fmt.Errorf("it is no private key that farmwall can read: %w", k.err)
	}
	if k.err == nil {
		if c, err := readCertificate(path + "-cert.pub"); err == nil && string(c.Key.Marshal()) == string(k.public.Marshal()) {
			k.cert = c
		}
	}
	return k
}

var errOnlyPublic = errors.New("there is only the public key and the agent does not have the private one")

func readPublic(path string) (gossh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := gossh.ParseAuthorizedKey(text)
	return key, err
}

func readCertificate(path string) (*gossh.Certificate, error) {
	key, err := readPublic(path)
	if err != nil {
		return nil, err
	}
	c, ok := key.(*gossh.Certificate)
	if !ok {
		return nil, errors.New("it is no certificate")
	}
	return c, nil
}

// fileSigner signs with a key file for one log-in.
type fileSigner struct {
	key    *keyFile
	auth   *auth
	dialer *Dialer
}

// PublicKey is the key's public half.
func (s *fileSigner) PublicKey() gossh.PublicKey { return s.key.public }

// Sign signs with the key's own algorithm.
func (s *fileSigner) Sign(rand io.Reader, data []byte) (*gossh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm signs; an encrypted key is decrypted first, and the
// handshake's clock stands still while a person is asked.
func (s *fileSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	signer, err := s.unlock()
	if err != nil {
		s.auth.notes = append(s.auth.notes, fmt.Sprintf("%s cannot sign: %s", s.key.path, err))
		return nil, err
	}
	return signer.(gossh.AlgorithmSigner).SignWithAlgorithm(rand, data, algorithm)
}

func (s *fileSigner) unlock() (gossh.Signer, error) {
	resume := s.auth.guard.pause()
	defer resume()
	k := s.key
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signer != nil || k.locked != nil {
		return k.signer, k.locked
	}
	given := s.auth.target.passphrase
	for try := 0; try < 3; try++ {
		pass := given
		if pass.Empty() {
			var err error
			if pass, err = s.dialer.secret(s.auth.ctx, "Passphrase for "+k.path+": "); err != nil {
				return nil, s.refuse(err)
			}
		}
		signer, err := decrypt(k.pem, pass)
		if err == nil {
			k.signer, k.pem = signer, nil
			return signer, nil
		}
		if !errors.Is(err, x509.IncorrectPasswordError) {
			k.locked = err
			return nil, err
		}
		if !given.Empty() {
			return nil, errors.New("the passphrase in the inventory is wrong")
		}
	}
	k.locked = errors.New("the passphrase was wrong three times")
	return nil, k.locked
}

// refuse remembers that a person did not give the passphrase, so that it is not
// asked for again at every host; a cancelled run is no answer.
func (s *fileSigner) refuse(err error) error {
	if s.auth.ctx.Err() == nil {
		s.key.locked = err
	}
	return err
}

func decrypt(pem []byte, pass inventory.Secret) (gossh.Signer, error) {
	return gossh.ParsePrivateKeyWithPassphrase(pem, []byte(pass.Reveal()))
}
