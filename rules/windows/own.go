package windows

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"farmwall/rules"
)

// nameForm is MARK:N or MARK:N:K: the mark, the number of the lease that added the
// rule, and which part of a long address list it is.
var nameForm = regexp.MustCompile(`^(farmwall:[a-z0-9-]{1,32}:[a-z0-9.-]{1,64}:[0-9a-f]{8}):([0-9]{1,19})(?::([0-9]{1,9}))?$`)

// owned is one of our rules as a set would say it, and what it is made of.
type owned struct {
	rule  rules.Rule
	parts []part
	whole int // how many parts it was read from
	// disabled rules open nothing.
	disabled bool
}

// lacking says that a part was taken out since it was read.
func (o *owned) lacking() bool { return len(o.parts) != o.whole }

// part is one rule of the registry that is ours.
type part struct {
	rule    *rule
	mark    string // empty where the name is none that we give
	lease   uint64
	number  int // of the part, 0 where the rule is whole
	said    rules.Rule
	trouble string // why it is none that we write, in words
}

// readPart decodes a rule of ours back into what it was written from.
func readPart(r *rule) part {
	p := part{rule: r}
	if m := nameForm.FindStringSubmatch(r.name); m != nil {
		p.mark = m[1]
		p.lease, _ = strconv.ParseUint(m[2], 10, 64)
		p.number, _ = strconv.Atoi(m[3])
		p.said.Farm, p.said.ID, p.said.Hash, _ = rules.ParseMark(p.mark)
	}
	p.said.Direction, p.said.Protocol = r.direction, rules.Protocol(r.protocol)
	if p.trouble = foreign(r); p.trouble != "" {
		if p.said.Direction == "" {
			p.said.Direction = rules.In
		}
		p.said.Opaque = brief(r.text)
		return p
	}
	ports := &r.localPorts
	if r.direction == rules.Out {
		ports = &r.remotePorts
	}
	p.said.Ports = rules.MergePorts(ports.ranges)
	if !r.remoteAddress.any() {
		p.said.Remotes = addresses(r.remoteAddress.spans)
	}
	if whole := p.said.Remotes; whole != nil && whole.Covers(nil) {
		p.said.Remotes = nil
	}
	return p
}

// foreign says what about a rule is not of our making, or nothing. What a packet
// cannot notice (description, group, edge traversal) does not count.
func foreign(r *rule) string {
	near, far := &r.localPorts, &r.remotePorts
	if r.direction == rules.Out {
		near, far = far, near
	}
	for _, odd := range []struct {
		is   bool
		what string
	}{
		{r.wrong != "", r.wrong},
		{len(r.doubts) > 0, strings.Join(r.doubts, ", ")},
		{r.action != allow, "it does not allow"},
		{r.direction != rules.In && r.direction != rules.Out, "it has no direction"},
		{r.protocol < 1 || r.protocol > 255, "it has no protocol"},
		{r.profiles&allProfiles != allProfiles, "it is not for all profiles"},
		{r.program != "", "it is for one program"},
		{r.service != "", "it is for one service"},
		{!far.any() || len(near.keywords) > 0, "it has other ports"},
		{!r.localAddress.any(), "it has local addresses"},
		{len(r.remoteAddress.words4)+len(r.remoteAddress.words6) > 0, "it has keywords as addresses"},
		{len(r.interfaces)+len(r.ifTypes) > 0, "it is for some interfaces"},
		{r.secured || r.packaged, "it is for some users, machines or packages"},
		{len(r.icmp) > 0, "it is for some types of ICMP"},
		{len(r.platform) > 0 || r.skip != "", "it is for some systems"},
	} {
		if odd.is {
			return odd.what
		}
	}
	return ""
}

// owned reads our rules: the parts of a long address list are joined, a second rule
// with the same ID stays by itself, and what waits for a confirm is left out. The
// farms are those of all marks.
func (r *Reading) owned() ([]owned, []string) {
	var parts []part
	farms := map[string]bool{}
	for _, x := range r.own() {
		p := readPart(x)
		if p.said.Farm != "" {
			farms[p.said.Farm] = true
		}
		if !x.active && r.waits(&p) {
			continue
		}
		parts = append(parts, p)
	}
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.said.ID, b.said.ID), cmp.Compare(a.said.Farm, b.said.Farm), cmp.Compare(b.lease, a.lease),
			cmp.Compare(a.number, b.number), cmp.Compare(a.rule.name, b.rule.name), cmp.Compare(a.rule.id, b.rule.id))
	})
	names := make([]string, 0, len(farms))
	for f := range farms {
		names = append(names, f)
	}
	slices.Sort(names)
	return join(parts), names
}

// waits says whether a disabled rule is only waiting for the change that is under way
// to be confirmed or undone.
func (r *Reading) waits(p *part) bool {
	return (r.token == "armed" || r.token == "confirming" || r.token == "undoing") && p.lease != r.lease
}

// join puts together the parts of one rule: the newest of each part number. Whatever is
// left over is a rule of its own.
func join(parts []part) []owned {
	var out []owned
	type key struct {
		farm, id string
	}
	at := map[key]int{} // index into out of the rule that further parts belong to
	for _, p := range parts {
		k := key{p.said.Farm, p.said.ID}
		i, begun := at[k]
		if p.mark != "" && p.trouble == "" && p.rule.active && begun && belongs(&out[i], &p) {
			o := &out[i]
			o.parts = append(o.parts, p)
			continue
		}
		if p.mark != "" && p.trouble == "" && p.rule.active && !begun {
			at[k] = len(out)
		}
		out = append(out, owned{parts: []part{p}, disabled: !p.rule.active})
	}
	for i := range out {
		out[i].settle()
	}
	return out
}

// belongs says whether a part completes a rule: it is another part of it and like the
// others but for its addresses.
func belongs(o *owned, p *part) bool {
	first := &o.parts[0]
	if p.number == 0 || first.number == 0 || first.said.Remotes == nil || p.said.Remotes == nil {
		return false
	}
	for i := range o.parts {
		if o.parts[i].number == p.number {
			return false
		}
	}
	like := p.said
	like.Remotes = first.said.Remotes
	return like.Same(&first.said)
}

// settle makes the rule of the parts.
func (o *owned) settle() {
	o.whole = len(o.parts)
	o.rule = o.parts[0].said
	if o.disabled {
		o.rule.Opaque = "disabled: " + brief(o.parts[0].rule.text)
		return
	}
	if len(o.parts) == 1 {
		return
	}
	for i := range o.parts[1:] {
		o.rule.Remotes = o.rule.Remotes.Union(o.parts[i+1].said.Remotes)
	}
	// Each part's mark is over its own addresses; the whole has none unless one is wrong.
	o.rule.Hash = ""
	for i := range o.parts {
		if p := &o.parts[i]; p.mark != p.said.Mark() {
			o.rule.Hash = p.said.Hash
		}
	}
}

func rulesOf(list []owned) []rules.Rule {
	out := make([]rules.Rule, len(list))
	for i := range list {
		out[i] = list[i].rule
	}
	return out
}

// names are the rules' names, one for each part.
func (o *owned) names() []string {
	out := make([]string, len(o.parts))
	for i := range o.parts {
		out[i] = o.parts[i].rule.name
	}
	return out
}
