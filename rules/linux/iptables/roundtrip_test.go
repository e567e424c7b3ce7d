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
	h.t.Helper()
	h.loadWith("", c, mode)
}

// loadWith is load with shell text before it.
func (h *host) loadWith(before string, c rules.Copy, mode string) {
	h.t.Helper()
	ground, _, _ := strings.Cut(system.Observe().Body, "\nsection()")
	program := ground + iptables.Manager{}.Functions() + `
take_save() { saved="${saved}save $1 $2
$3
"; }
` + before + `
iptables_load "$2" "$1" /run/trial`
	cmd := h.command(context.Background(), "sh", "-c", "cat >/run/copy\n"+program, "farmwall", mode, "/run/copy")
	cmd.Stdin = strings.NewReader(string(c))
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("load %s: %v\n%s\n%s", mode, err, out, c)
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
		s := h.state()
		if err := system.Check(s, want); err != nil {
			t.Fatal(err)
		}
		target, err := system.Target(s, want)
		if err != nil {
			t.Fatal(err)
		}
		undo, err := system.Undo(s)
		if err != nil {
			t.Fatal(err)
		}
		before := h.ruleset()
		h.load(section(target), "keep")
		h.same(want, target)
		if r.IntN(3) == 0 {
			h.load(section(undo), "full")
			if after := h.ruleset(); after != before {
				t.Fatalf("the undo left\n%s\ninstead of\n%s\nundo\n%s\ntarget\n%s", after, before, undo, target)
			}
			continue
		}
		h.load(section(target), "full")
		h.same(want, target)
		if t.Failed() {
			return
		}
	}
}

// same compares the rules alone: nothing is persistent in these tests.
func (h *host) same(want rules.Set, target rules.Copy) {
	h.t.Helper()
	var left []rules.Change
	for _, c := range system.Diff(h.state(), want) {
		if len(c.Places) != 1 || c.Places[0] != "persistent copy" {
			left = append(left, c)
		}
	}
	if len(left) > 0 {
		h.t.Errorf("differences after loading: %s\n%s\n%s", show(left), target, h.ruleset())
	}
}
