//go:build linux

package nftables_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/nftables"
)

// loader is the manager's own functions as a program: MODE COPY-FILE.
func loader() string {
	return nftables.Manager{}.Functions() + `
rm -f /run/trial
listed=/run/listed
{ nft -a -s -n list ruleset; echo "# end"; } >$listed
nftables_test "$2" "$1" /run/trial; [ $? -ne 1 ] && nftables_load "$2" "$1" /run/trial`
}

// load loads a copy in a mode without the frame.
func (h *host) load(c rules.Copy, mode string) {
	h.T.Helper()
	cmd := h.Command(context.Background(), "sh", "-c", "cat >/run/copy\n"+loader(), "farmwall", mode, "/run/copy")
	cmd.Stdin = strings.NewReader(string(c))
	if out, err := cmd.CombinedOutput(); err != nil {
		h.T.Fatalf("load %s: %v\n%s\n%s", mode, err, out, c)
	}
}

// TestRoundTrip loads random sets one over the other and reads them back: there must
// be nothing to do, whatever the host held before, and the undo must bring back every
// byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	cases := 120
	if os.Getenv("FARMWALL_SOAK") == "1" {
		cases = 5000
	}
	if testing.Short() {
		cases = 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	h := newHost(t, "sh")
	foreign := `table ip mine {
	chain in {
		type filter hook input priority 5; policy drop;
		ct state established,related accept
	}
}
table ip6 mine {
	chain in {
		type filter hook input priority 5; policy drop;
	}
	chain out {
		type filter hook output priority 5; policy drop;
		ip6 daddr fe80::/10 accept
	}
}
`
	for i := range cases {
		if i == cases/2 {
			h.nft(foreign)
		}
		want := randomSet(t, r)
		if r.IntN(20) == 0 {
			want = nil
		}
		h.RoundTrip(want, r.IntN(3) == 0, h.load)
		if t.Failed() {
			return
		}
	}
}
