package linux

import (
	"testing"

	"farmwall/rules"
)

func TestSameCopy(t *testing.T) {
	full := "farmwall copy 1 nftables\nplace inet farmwall\nend\n"
	empty := "farmwall copy 1 iptables\nend\n"
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"equal":              {"farmwall walls nftables\n" + full, "farmwall walls nftables\n" + full, true},
		"an empty section":   {"farmwall walls iptables nftables\n" + empty + full, "farmwall walls nftables\n" + full, true},
		"another name":       {"farmwall walls ufw nftables\n" + empty + full, "farmwall walls nftables\n" + full, false},
		"something in it":    {"farmwall walls iptables nftables\nfarmwall copy 1 iptables\nx\nend\n" + full, "farmwall walls nftables\n" + full, false},
		"within other text":  {"farmwall walls iptables nftables\nx" + empty + full, "farmwall walls nftables\nx" + full, false},
		"nothing at all":     {"", "farmwall walls nftables\n" + full, false},
		"cut off":            {"farmwall walls nftables\nfarmwall copy 1 nftables\n", "farmwall walls nftables\n" + full, false},
		"only empty at last": {"farmwall walls iptables\n" + empty, "farmwall walls\n", true},
	} {
		if sameCopy(rules.Copy(c.a), rules.Copy(c.b)) != c.same {
			t.Errorf("%s: same is not %v", name, c.same)
		}
	}
}
