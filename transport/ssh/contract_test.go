package ssh

import (
	"testing"

	"farmwall/transport"
	"farmwall/transport/transporttest"
)

func TestContractOpenSSH(t *testing.T) {
	s := startSSHD(t)
	d := s.dialer(t)
	transporttest.Contract(t, transporttest.Subject{
		Scripts: transporttest.ShScripts(),
		Dial:    func(t testing.TB) transport.Conn { return dial(t, d, s.host(me(t))) },
		Cut:     func(_ testing.TB, c transport.Conn) { c.(*line).nc.Close() },
	})
}
