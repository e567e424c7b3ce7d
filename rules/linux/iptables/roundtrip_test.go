//go:build linux

package iptables_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/iptables"
)

// section is iptables' section of a whole copy.
func section(c rules.Copy) rules.Copy {
	_, own, _ := strings.Cut(string(c), "farmwall copy 1 iptables\n")
	own, _, _ = strings.Cut(own, "\nend\n")
	return rules.Copy("farmwall copy 1 iptables\n" + own + "\nend\n")
}

// load loads a copy in a mode without the frame.
func (h *host) load(c rules.Copy, mode string) {
	h.T.Helper()
	h.loadWith("", c, mode)
}

// loadWith is load with shell text before it.
func (h *host) loadWith(before string, c rules.Copy, mode string) {
	h.T.Helper()
	ground, _, _ := strings.Cut(system.Observe().Body, "\nsection()")
	program := ground + iptables.Manager{}.Functions() + `
take_save() { saved="${saved}save $1 $2
$3
"; }
` + before + `
iptables_load "$2" "$1" /run/trial`
	cmd := h.Command(context.Background(), "sh", "-c", "cat >/run/copy\n"+program, "farmwall", mode, "/run/copy")
	cmd.Stdin = strings.NewReader(string(c))
	if out, err := cmd.CombinedOutput(); err != nil {
		h.T.Fatalf("load %s: %v\n%s\n%s", mode, err, out, c)
	}
}

// TestRoundTrip loads random sets one over the other and reads them back: there must
// be nothing to do, whatever the host held before, and the undo must bring back every
// byte.
func TestRoundTrip(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			roundTrip(t, backend)
		})
	}
}

func roundTrip(t *testing.T, backend string) {
	cases := 16
	if os.Getenv("FARMWALL_SOAK") == "1" {
		cases = 1000
	}
	if testing.Short() {
		cases = 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	h := newHost(t, "sh")
	h.restore(hosts["default drop"].with(backend))
	for i := range cases {
		if i == cases/2 {
			h.restore(hosts["last rule"].with(backend))
		}
		want := randomSet(t, r)
		if r.IntN(20) == 0 {
			want = nil
		}
		h.RoundTrip(want, r.IntN(3) == 0, func(c rules.Copy, mode string) { h.load(section(c), mode) })
		if t.Failed() {
			return
		}
	}
}
