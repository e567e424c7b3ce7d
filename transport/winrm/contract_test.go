package winrm_test

import (
	"testing"
	"time"

	"farmwall/transport"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/transporttest"
	"farmwall/transport/winrm"
)

func TestContract(t *testing.T) {
	h := serve(t, wsman.Options{})
	d := dialer(t, winrm.Config{})
	transporttest.Contract(t, transporttest.Subject{
		Scripts: transporttest.PowerShellScripts(),
		Dial:    func(t testing.TB) transport.Conn { return dial(t, d, h.access()) },
		Cut: func(_ testing.TB, c transport.Conn) {
			// A connection that is cut before anything was asked is only dialled again.
			for h.machine.running.Load() == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(200 * time.Millisecond)
			winrm.Cut(c)
		},
	})
	if c := h.Counts(); c.Shells > 0 || c.Commands > 0 || h.machine.running.Load() > 0 || c.Unsealed > 0 {
		t.Errorf("left on the host: %+v, %d programs", c, h.machine.running.Load())
	}
}
