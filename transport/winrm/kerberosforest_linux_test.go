package winrm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"farmwall/transport"
	"farmwall/transport/transporttest"
)

// The host is two realms away: the KDCs lead there, and where they do not know the
// host, krb5.conf does.
func TestHostsOfOtherRealms(t *testing.T) {
	forest := transporttest.NewForest(t, "A.TEST", "B.TEST", "C.TEST")
	forest[0].User("alice", "secret")
	keytab := forest[2].Keytab("", "HTTP/host.c.test", "HTTP/host.elsewhere.test")
	j := newJudge(t, forest[2], keytab)
	kerb := fresh(t)
	a := access("alice@A.TEST", "secret", forest[0])
	a.Address = "host.c.test"
	c := kerb.context(a, schemeNegotiate, nil)
	j.establish(c)
	j.talk(c, 1000)
	if got := fmt.Sprint(c.ticket.Realm, " ", c.ticket.client); got != "C.TEST alice@A.TEST" {
		t.Error(got)
	}
	a.Address = "host.elsewhere.test"
	if _, err := first(kerb, a); !errors.Is(err, transport.ErrTicket) || !errors.Is(err, errService) {
		t.Error(err)
	}
	text, err := os.ReadFile(forest[0].Conf)
	if err != nil {
		t.Fatal(err)
	}
	a.WinRM.KrbConf = filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(a.WinRM.KrbConf, append(text, "[domain_realm]\n.elsewhere.test = C.TEST\n"...), 0o600)
	if _, err := first(kerb, a); err != nil {
		t.Error(err)
	}
	if n := forest[0].Count("AS_REQ", "ISSUE"); n != 2 { // one for each krb5.conf
		t.Errorf("%d logins", n)
	}
}
