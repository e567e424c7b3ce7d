package rules

// widenings notes where a rule opens a port to more than another rule of the
// same host asks for: the union of a host's roles is wider than each role.
func widenings(set Set) []Note {
	var notes []Note
	for i := range set {
		wide := &set[i]
		if wide.Direction != In || wide.Remotes != nil || wide.Loopback {
			continue
		}
		for j := range set {
			narrow := &set[j]
			if narrow.Direction != In || narrow.Remotes == nil && !narrow.Loopback || !meet(wide, narrow) {
				continue
			}
			to := "some addresses"
			if narrow.Loopback {
				to = "the host itself"
			}
			notes = append(notes, Note{Kind: NoteWider, Rule: wide.ID,
				Text: "opens " + flowName(narrow) + " to anywhere, where " + narrow.ID + " opens it to " + to + " only"})
		}
	}
	return notes
}

// meet says whether two rules are about a common protocol and port.
func meet(a, b *Rule) bool {
	if a.Protocol != b.Protocol {
		return false
	}
	if len(a.Ports) == 0 || len(b.Ports) == 0 {
		return len(a.Ports) == len(b.Ports)
	}
	for _, p := range a.Ports {
		for _, q := range b.Ports {
			if p.First <= q.Last && q.First <= p.Last {
				return true
			}
		}
	}
	return false
}

func flowName(r *Rule) string { return r.Protocol.String() + " " + PortsText(r.Ports, ", ") }
