//go:build !windows

package winrm

import (
	"fmt"

	"farmwall/transport"
)

// haveSSPI says whether the user's own logon can be used.
const haveSSPI = false

func newSSPI(string, []byte, bool) (mechanism, error) {
	return nil, &transport.Error{Op: krbOp, Err: fmt.Errorf("%w: sspi is on Windows controllers only", transport.ErrScheme), NotRun: true,
		Hint: "set ansible_winrm_transport to kerberos, with a ticket of kinit, a keytab or a password, or to ntlm"}
}
