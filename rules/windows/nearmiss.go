package windows

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// nearMisses names rules that would let in what the default blocked, and what of the
// checklist of an open port each of them fails: ours first, two at the most.
func (j *judge) nearMisses(f *fate) string {
	const most = 2
	var found []string
	r := j.program.reading
	for _, ours := range []bool{true, false} {
		for _, x := range r.rules {
			if len(found) == most {
				break
			}
			if x.ours() != ours || x.action != allow || x.wrong != "" {
				continue
			}
			if why := j.misses(x, f); why != "" {
				found = append(found, fmt.Sprintf("not %s: %s", x, why))
			}
		}
	}
	return strings.Join(found, "; ")
}

// misses says the one thing for which an allow rule about the flow does not count, or
// nothing where it is not about it or more is amiss.
func (j *judge) misses(x *rule, f *fate) string {
	if x.direction != j.flow.Direction || x.protocol != int(j.flow.Protocol) {
		return ""
	}
	near, far := &x.localPorts, &x.remotePorts
	if x.direction == rules.Out {
		near, far = far, near
	}
	if !near.has(j.flow.Port) && !(near.any() && x.ours()) {
		return ""
	}
	p := f.scene.profile
	b := bindingOf(x)
	var why []string
	for _, w := range []struct {
		is   bool
		text string
	}{
		{!x.active, "it is disabled"},
		{x.store == local && !p.merge, fmt.Sprintf("Group Policy ignores local rules in the %s (AllowLocalPolicyMerge=0)", p)},
		{x.store == local && j.program.replaced[strings.ToLower(x.id)], "a rule of Group Policy with the same ID replaces it"},
		{x.profiles&p.bit == 0, fmt.Sprintf("it is not for the %s", p)},
		{b.bound && b.fits(&j.flow, true) == no, "it is for " + b.words},
		{x.secured, "it lets in authenticated traffic only"},
		{x.packaged, "it is for one package"},
		{!far.any(), "it is for some ports of the other end only"},
		{x.elsewhere, "it is for other versions of Windows"},
		{!x.remoteAddress.any() && newMatcher(x, f.scene).hit(f.remote).Empty(), "it is for other addresses"},
	} {
		if w.is {
			why = append(why, w.text)
		}
	}
	if len(why) != 1 {
		return ""
	}
	return why[0]
}
