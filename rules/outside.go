package rules

import "net/netip"

// MostOpen is the verdict on the part of a flow that meets the least resistance:
// allowed before unknown before denied. Judge reports the worst part of a flow, which
// is what a wanted flow is measured by; whoever asks whether somebody gets in that
// should not asks for the best. Part names the addresses where it is not all of them.
func MostOpen(d Reader, s *State, f Flow) Verdict {
	best := d.Judge(s, f)
	v, rest := best, f
	nobody := NewAddresses(append(nobodys(), single(s.Addresses)...))
	for range 3 { // answers; each verdict names all addresses that have its own
		if v.Answer == Allowed || len(v.Part) == 0 {
			break
		}
		rest = rest.without(NewAddresses(v.Part))
		if rest.Remotes.Empty() {
			break
		}
		if v = d.Judge(s, rest); v.Answer == Unknown && v.By == "" && len(v.Part) == 0 {
			break // nobody is left whose packets could come
		}
		part := rest.Sources()
		if len(v.Part) > 0 {
			part = NewAddresses(v.Part)
		}
		// The host's own addresses, link-local ones too, come over loopback.
		if part = part.Minus(nobody); part.Empty() {
			continue
		}
		if v.Answer.Openness() > best.Answer.Openness() {
			best = v
			best.Part = part.Prefixes()
		}
	}
	return best
}

// without leaves remotes out of the flow.
func (f Flow) without(some *Addresses) Flow {
	switch {
	case f.Remotes != nil:
		f.Remotes, f.Not = f.Sources().Minus(some), nil
	case f.Not != nil:
		f.Not = f.Not.Union(some)
	default:
		f.Not = some
	}
	return f
}

// nobodys are the prefixes that no packet of another host can come from (RFC 6890,
// RFC 4291): those of this host itself, and of groups.
func nobodys() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128", "ff00::/8"} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}
