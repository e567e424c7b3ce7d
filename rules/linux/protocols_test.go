package linux

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestProtocolNames holds the table against this machine's own names.
func TestProtocolNames(t *testing.T) {
	for name, want := range map[string]uint64{"112": 112, "vrrp": 112, "VRRP": 112, "icmp": 1, "ipv6-icmp": 58, "icmpv6": 58, "ipip": 94, "ipencap": 4, "a/n": 107, "ethernet": 143} {
		if n, ok := ProtocolNumber(name); !ok || n != want {
			t.Errorf("%s is %d, %v", name, n, ok)
		}
	}
	for _, name := range []string{"", " ", "ospf 89", "=tcp", "nosuch", "256", "-1", "cp", "tcp=6"} {
		if n, ok := ProtocolNumber(name); ok {
			t.Errorf("%q is %d", name, n)
		}
	}
	f, err := os.Open("/etc/protocols")
	if err != nil {
		return
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		w := strings.Fields(s.Text())
		if len(w) < 2 || w[0][0] == '#' || w[1] == "0" || len(w[1]) > 2 && w[1] > "255" {
			continue
		}
		if n, ok := ProtocolNumber(w[0]); !ok || w[1] != fmt.Sprint(n) {
			t.Errorf("%s is %s here and %d in the table", w[0], w[1], n)
		}
	}
}
