package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyPair is an ed25519 key in OpenSSH's files' form.
type keyPair struct {
	Private string `json:"private"` // PEM
	Public  string `json:"public"`  // "ssh-ed25519 AAAA..."
}

func newKeyPair(comment string) (keyPair, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	block, err := ssh.MarshalPrivateKey(priv, comment)
	if err != nil {
		return keyPair{}, err
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{
		Private: string(pem.EncodeToMemory(block)),
		Public:  strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))),
	}, nil
}

// knownHosts is the line of a host: its names and addresses, with the port where
// that is not 22.
func knownHosts(h HostSpec, key keyPair) string {
	names := append([]string{h.Name}, h.Names...)
	for _, a := range h.Addresses {
		names = append(names, a.String())
	}
	if h.Port != sshPort {
		for i, n := range names {
			names[i] = fmt.Sprintf("[%s]:%d", n, h.Port)
		}
	}
	return strings.Join(names, ",") + " " + key.Public + "\n"
}
