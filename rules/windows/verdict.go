package windows

import (
	"fmt"
	"slices"

	"farmwall/rules"
)

// total is all addresses with that answer.
func total(fates []fate, a rules.Answer) rules.Spans {
	var out rules.Spans
	for _, f := range fates {
		if f.answer == a {
			out = out.Union(f.remote)
		}
	}
	return out
}

// worse lays two answers for the same addresses over each other and keeps the worse one
// of each.
func worse(a, b []fate) []fate {
	if len(a) == 0 {
		return b
	}
	all := append(slices.Clone(a), b...)
	slices.SortStableFunc(all, func(x, y fate) int { return x.answer.Openness() - y.answer.Openness() })
	var out []fate
	var seen rules.Spans
	for _, f := range all {
		if f.remote = f.remote.Minus(seen); !f.remote.Empty() {
			seen = seen.Union(f.remote)
			out = append(out, f)
		}
	}
	return out
}

// agree keeps what holds in every place; where places differ nobody knows.
func agree(places [][]fate) []fate {
	if len(places) == 0 {
		return nil
	}
	if len(places) == 1 {
		return places[0]
	}
	var out []fate
	var decided rules.Spans
	for _, a := range []rules.Answer{rules.Denied, rules.Unknown, rules.Allowed} {
		common := total(places[0], a)
		for _, p := range places[1:] {
			common = common.Intersect(total(p, a))
		}
		decided = decided.Union(common)
		for _, f := range places[0] {
			if f.answer != a {
				continue
			}
			if f.remote = f.remote.Intersect(common); !f.remote.Empty() {
				if by, ours := oursSomewhere(places[1:], f.remote); ours && !f.ours {
					f.by, f.ours = by, true
				}
				out = append(out, f)
			}
		}
	}
	for _, p := range places {
		for _, f := range p {
			rest := f.remote.Minus(decided)
			if rest.Empty() {
				continue
			}
			decided = decided.Union(rest)
			why := f.why
			if f.answer != rules.Unknown {
				why = fmt.Sprintf("it is %s in the %s (by %s) and otherwise elsewhere, and which holds for this traffic is not known", f.answer, f.scene, f.by)
			}
			out = append(out, fate{remote: rest, answer: rules.Unknown, by: f.by, why: why, stage: f.stage, scene: f.scene})
		}
	}
	return out
}

// oursSomewhere is the rule of ours that alone lets some of the addresses in elsewhere.
func oursSomewhere(places [][]fate, remote rules.Spans) (by string, ours bool) {
	for _, p := range places {
		for _, f := range p {
			if f.ours && !f.remote.Intersect(remote).Empty() {
				return f.by, true
			}
		}
	}
	return "", false
}

// verdict reports the worst answer, for which addresses, and who gave it. Of several who
// allow, ours is named first: what it lets in nobody else does.
func (j *judge) verdict() rules.Verdict {
	if len(j.fates) == 0 {
		return rules.Verdict{Answer: rules.Unknown, Reason: "no address of this flow can reach the host, or none was asked about"}
	}
	slices.SortStableFunc(j.fates, func(a, b fate) int {
		if n := a.answer.Openness() - b.answer.Openness(); n != 0 {
			return n
		}
		if a.ours != b.ours && a.ours {
			return -1
		} else if a.ours != b.ours {
			return 1
		}
		return 0
	})
	first := j.fates[0]
	v := rules.Verdict{Answer: first.answer, By: first.by, Reason: first.why, Way: first.way()}
	if first.answer == rules.Denied && first.stage == atDefault {
		if near := j.nearMisses(&first); near != "" {
			v.By += "; " + near
		}
	}
	if these := total(j.fates, first.answer); !these.Equal(j.asked) {
		v.Part = toPrefixes(these)
	}
	return v
}

// way is what the packet went through.
func (f *fate) way() []string {
	if f.scene == nil {
		return nil
	}
	way := []string{f.scene.String()}
	for at, name := range []string{"", "block rules", "allow rules", "default action"} {
		if at > 0 && at <= int(f.stage) {
			way = append(way, name)
		}
	}
	return way
}
