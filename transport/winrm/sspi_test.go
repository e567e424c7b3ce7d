package winrm

import (
	"errors"
	"strings"
	"testing"

	"farmwall/transport"
)

func TestWhatSSPISaysIsExplained(t *testing.T) {
	for code, c := range map[uint32]struct {
		class error
		hint  string
	}{
		0x80090303: {transport.ErrTicket, "setspn -L"},
		0x8009030c: {transport.ErrRejected, "log on to the host"},
		0x8009030e: {transport.ErrTicket, "domain account"},
		0x80090311: {transport.ErrTicket, "domain controller"},
		0x80090322: {transport.ErrRejected, "SPN"},
		0x80090324: {transport.ErrClockSkew, "5 minutes"},
		0x80090342: {transport.ErrTicket, "AES"},
		0x80090346: {transport.ErrRejected, "certificate"},
		0x80091234: {transport.ErrRejected, ""},
	} {
		err := sspiError(code, "HTTP/srv1.lab.test", "the words of Windows")
		var e *transport.Error
		if !errors.Is(err, c.class) || !errors.As(err, &e) || !strings.Contains(e.Hint, c.hint) || !e.NotRun {
			t.Errorf("%#x: %v, %q", code, err, e.Hint)
		}
		for _, part := range []string{"HTTP/srv1.lab.test", "the words of Windows", "0x8009"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
}
