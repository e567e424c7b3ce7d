package lab

import "testing"

func TestHostsAreThere(t *testing.T) {
	f := up(t, numbered(3)...)
	t.Log(sh(t, mustHost(t, f, "h1"), "id; ip addr; ip route; ip -6 route; ps ax 2>/dev/null; mount; hostname; nft list ruleset; ls -la /etc /run; cat /proc/sys/kernel/random/boot_id; touch /usr/x; echo $?"))
}
