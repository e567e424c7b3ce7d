package winrm

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/types"

	"farmwall/inventory"
	"farmwall/transport"
)

const (
	schemeNegotiate = "Negotiate"
	schemeKerberos  = "Kerberos"
)

// kerberos is what a run knows of Kerberos: its accounts with their tickets, which
// all hosts share. It starts no goroutine.
type kerberos struct {
	gate     *transport.Gate
	mu       sync.Mutex
	accounts map[accountKey]*account
}

// accountKey tells credentials apart.
type accountKey struct {
	user, password, keytab, ccache, conf string
}

func newKerberos(gate *transport.Gate) *kerberos {
	return &kerberos{gate: gate, accounts: make(map[accountKey]*account)}
}

// context makes the security context for one connection to a host. binding is the
// channel binding's application data (tls-server-end-point), nil without TLS.
// Nothing is read or sent before its first step.
func (k *kerberos) context(a *inventory.Access, scheme string, binding []byte) *krbContext {
	return &krbContext{scheme: scheme, binding: binding, tickets: func(ctx context.Context) (*account, ticket, error) {
		account, err := k.account(a)
		if err != nil {
			return nil, ticket{}, err
		}
		spn, err := servicePrincipal(a)
		if err != nil {
			return nil, ticket{}, err
		}
		t, err := account.service(ctx, spn)
		return account, t, err
	}}
}

// account finds or makes the account that an access signs on with. A file that the
// access names comes before its password, a password before what the environment
// names.
func (k *kerberos) account(a *inventory.Access) (*account, error) {
	key := accountKey{user: a.User, keytab: a.WinRM.Keytab, ccache: a.WinRM.CCache, conf: a.WinRM.KrbConf}
	if key.keytab == "" && key.ccache == "" && !a.Password.Empty() {
		key.password = a.Password.Reveal()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if found := k.accounts[key]; found != nil {
		return found, nil
	}
	conf, err := loadKrbConf(key.conf)
	if err != nil {
		return nil, krbError(transport.ErrTicket, err, "correct the file, or name another one (ansible_winrm_krb5_conf, KRB5_CONFIG)")
	}
	made, err := newAccount(key, conf, k.gate)
	if err != nil {
		return nil, err
	}
	k.accounts[key] = made
	return made, nil
}

// Close forgets all tickets and keys.
func (k *kerberos) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, a := range k.accounts {
		a.forget()
		delete(k.accounts, key)
	}
}

// servicePrincipal names the host to the KDC. An address has no principal, unless
// the inventory says which.
func servicePrincipal(a *inventory.Access) (spn, error) {
	class, host := a.WinRM.SPNClass, a.WinRM.SPNHost
	if class == "" {
		class = "HTTP"
	}
	if host == "" {
		host = strings.TrimSuffix(a.Address, ".")
		if net.ParseIP(strings.Trim(host, "[]")) != nil {
			return spn{}, krbError(transport.ErrTicket, fmt.Errorf("%w: %s is an address, and Kerberos knows hosts by name", errService, host),
				"give ansible_host the host's full name, or name it in ansible_winrm_kerberos_hostname_override")
		}
	}
	return spn{class, host}, nil
}

// spn is the name of a service on a host.
type spn struct{ class, host string }

func (s spn) String() string { return s.class + "/" + s.host }

// checksumFits says whether sum is the key's checksum over text.
func checksumFits(key types.EncryptionKey, text, sum []byte, usage uint32) bool {
	e, err := crypto.GetEtype(key.KeyType)
	return err == nil && e.VerifyChecksum(key.KeyValue, text, sum, usage)
}

// krbEnv is a file that an environment variable names.
func krbEnv(name string) string { return strings.TrimPrefix(os.Getenv(name), "FILE:") }
