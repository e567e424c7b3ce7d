//go:build !windows

package winrm

import (
	"fmt"

	"farmwall/transport"
)

// haveSSPI says whether the user's own logon can be used.
const haveSSPI = false

func newSSPI(string, []byte, bool) (mechanism, error) {
	return nil, &transport.Error{Err: fmt.Errorf("%w: sspi is on Windows controllers only", transport.ErrScheme), Hint: "use kerberos with a ticket, or ntlm", NotRun: true}
}
