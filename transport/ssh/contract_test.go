//go:build unix

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

func TestContractNoisy(t *testing.T) {
	s := startServer(t, func(s *server) {
		s.program = []string{"/bin/sh", "-c", `printf 'NOISE without end'; echo words >&2; trap 'echo NOISE after' EXIT; eval "$0"`}
	})
	d := dialer(t, Config{Home: s.home})
	transporttest.Contract(t, transporttest.Subject{
		Scripts: transporttest.ShScripts(),
		Dial:    func(t testing.TB) transport.Conn { return dial(t, d, s.host()) },
		Cut: func(testing.TB, transport.Conn) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for nc := range s.conns {
				nc.Close()
			}
		},
	})
}
