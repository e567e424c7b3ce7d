package windows

import (
	"math/rand/v2"
	"testing"
)

// TestSpansAreSets compares the operations with those on a bit per address.
func TestSpansAreSets(t *testing.T) {
	const size = 96
	// Around the place where IPv4 begins, so that carries and borders are met.
	at := func(i int) number { return number{0, mappedFirst - size/2 + uint64(i)} }
	r := rand.New(rand.NewPCG(1, 1))
	random := func() (spans, [size]bool) {
		var bits [size]bool
		var list []span
		for range r.IntN(6) {
			first := r.IntN(size)
			last := min(first+r.IntN(20), size-1)
			list = append(list, span{at(first), at(last)})
			for i := first; i <= last; i++ {
				bits[i] = true
			}
		}
		return newSpans(list), bits
	}
	has := func(s spans, i int) bool {
		return !s.intersect(spans{{at(i), at(i)}}).empty()
	}
	for range 3000 {
		a, x := random()
		b, y := random()
		both, either, less := a.intersect(b), a.union(b), a.minus(b)
		covers := true
		for i := range size {
			if has(both, i) != (x[i] && y[i]) || has(either, i) != (x[i] || y[i]) || has(less, i) != (x[i] && !y[i]) {
				t.Fatalf("%v and %v at %d", a, b, i)
			}
			covers = covers && (x[i] || !y[i])
		}
		if a.covers(b) != covers {
			t.Fatalf("%v covers %v: %v", a, b, !covers)
		}
		if back := prefixSpans(a.prefixes()); !back.equal(a) {
			t.Fatalf("%v as prefixes is %v", a, back)
		}
		for _, s := range []spans{both, either, less} {
			for i := 1; i < len(s); i++ {
				if !s[i-1].last.next().less(s[i].first) {
					t.Fatalf("%v is not merged", s)
				}
			}
		}
	}
	everything := family(true).union(family(false))
	if len(everything) != 1 || len(everything.prefixes()) == 0 || !family(true).minus(everything).empty() {
		t.Errorf("all addresses are %v", everything)
	}
}
