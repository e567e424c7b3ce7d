//go:build linux

package nftables_test

import (
	"math/rand/v2"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux/nftables"
)

// TestAnExportedFileDoesWhatApplyWould loads exported files one over the other: the
// rules that are read back are those of the set, and none of the set before is left.
func TestAnExportedFileDoesWhatApplyWould(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	r := rand.New(rand.NewPCG(6, 1))
	for i := range 12 {
		want := randomSet(t, r)
		if i == 11 {
			want = nil
		}
		text, err := nftables.Export(want)
		if err != nil {
			t.Fatal(err)
		}
		h.nft(string(text))
		h.Same(want, text)
	}
	if _, err := nftables.Export(rules.Set{{ID: "x y", Farm: "f", Direction: rules.In, Protocol: rules.TCP}}); err == nil {
		t.Error("a rule that cannot be said is exported")
	}
}
