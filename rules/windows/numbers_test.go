package windows

import (
	"math/rand/v2"
	"testing"

	"farmwall/rules"
)

// TestPrefixesMakeUpTheSet asks it around the place where IPv4 begins, so that prefixes of
// both families are met.
func TestPrefixesMakeUpTheSet(t *testing.T) {
	const size = 96
	at := func(i int) rules.Number { return rules.Number{Lo: mappedFirst - size/2 + uint64(i)} }
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		var list []rules.Span
		for range r.IntN(6) {
			first := r.IntN(size)
			list = append(list, rules.Span{First: at(first), Last: at(min(first+r.IntN(20), size-1))})
		}
		set := rules.NewSpans(list)
		if back := fromPrefixes(toPrefixes(set)); !back.Equal(set) {
			t.Fatalf("%v as prefixes is %v", set, back)
		}
	}
	everything := family(true).Union(family(false))
	if len(everything) != 1 || len(toPrefixes(everything)) == 0 || !family(true).Minus(everything).Empty() {
		t.Errorf("all addresses are %v", everything)
	}
}
