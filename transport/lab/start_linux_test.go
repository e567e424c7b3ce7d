package lab

import (
	"testing"
	"time"
)

func TestHundred(t *testing.T) {
	begin := time.Now()
	f := up(t, numbered(100)...)
	t.Logf("100 hosts up in %v", time.Since(begin))
	begin = time.Now()
	f.Close()
	t.Logf("down in %v", time.Since(begin))
}
func TestReal(t *testing.T) {
	s := numbered(2)
	s[0].RealSSHD = true
	s[1].DiskKB = 256
	f := up(t, s...)
	t.Log(sh(t, mustHost(t, f, "h1"), "cat /var/log/sshd; df /etc /run"))
	t.Log(sh(t, mustHost(t, f, "h2"), "df /etc /run"))
}
