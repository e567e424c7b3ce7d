package linux

import (
	"net/netip"
	"sort"

	"farmwall/rules"
)

// worse lays two answers for the same addresses over each other and keeps the worse
// one of each address.
func worse(a, b []fate) []fate {
	if len(a) == 0 {
		return b
	}
	all := append(append([]fate(nil), a...), b...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].answer.Openness() < all[j].answer.Openness() })
	return layered(all)
}

// layered keeps, for each address, the first fate that holds it.
func layered(all []fate) []fate {
	var out []fate
	var seen rules.Spans
	for _, r := range all {
		left := r.remote.Minus(seen)
		if left.Empty() {
			continue
		}
		seen = seen.Union(left)
		r.remote = left
		out = append(out, r)
	}
	return out
}

// agree keeps what holds on every interface; where interfaces differ nobody knows.
func agree(perDev [][]fate) []fate {
	if len(perDev) == 1 {
		return perDev[0]
	}
	var out []fate
	for _, answer := range []rules.Answer{rules.Denied, rules.Allowed} {
		common := total(perDev[0], answer)
		for _, d := range perDev[1:] {
			common = common.Intersect(total(d, answer))
		}
		for _, r := range perDev[0] {
			if r.answer == answer {
				if r.remote = r.remote.Intersect(common); !r.remote.Empty() {
					out = append(out, r)
				}
			}
		}
	}
	var decided rules.Spans
	for _, r := range out {
		decided = decided.Union(r.remote)
	}
	for _, d := range perDev {
		for _, r := range d {
			if r.remote = r.remote.Minus(decided); r.remote.Empty() {
				continue
			}
			if r.answer != rules.Unknown {
				r.cause.why = "the routes do not say on which interface this traffic comes, and it matters"
			}
			r.answer = rules.Unknown
			decided = decided.Union(r.remote)
			out = append(out, r)
		}
	}
	return out
}

// total is all addresses whose worst answer is this one.
func total(rs []fate, answer rules.Answer) rules.Spans {
	var these, worst rules.Spans
	for _, r := range rs {
		switch {
		case r.answer == answer:
			these = these.Union(r.remote)
		case r.answer.Openness() < answer.Openness():
			worst = worst.Union(r.remote)
		}
	}
	return these.Minus(worst)
}

// verdict reports the worst answer, for which addresses, and who gave it.
func (j *judge) verdict() rules.Verdict {
	if len(j.fates) == 0 {
		return rules.Verdict{Answer: rules.Unknown, Reason: "no address of this flow can reach the host, or none was asked about"}
	}
	sort.SliceStable(j.fates, func(a, b int) bool { return j.fates[a].answer.Openness() < j.fates[b].answer.Openness() })
	first := j.fates[0]
	v := rules.Verdict{Answer: first.answer, By: first.cause.by, Way: first.way.places()}
	if first.answer == rules.Unknown {
		v.Reason = first.cause.why
	}
	whole := true
	var part []netip.Prefix
	for _, v4 := range []bool{true, false} {
		var list []rules.Span
		for _, r := range j.fates {
			if r.answer == first.answer && r.v4 == v4 {
				list = append(list, r.remote...)
			}
		}
		these := rules.NewSpans(list)
		whole = whole && these.Equal(j.asked[side(v4)])
		part = append(part, toPrefixes(these, v4)...)
	}
	if !whole {
		v.Part = part
	}
	return v
}
