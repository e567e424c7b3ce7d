package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// Prefix begins every mark of ours.
const Prefix = "farmwall:"

var markForm = regexp.MustCompile(`^farmwall:([a-z0-9-]{1,32}):([a-z0-9.-]{1,64}):([0-9a-f]{8})$`)

// Mark is "farmwall:FARM:ID:HASH8", at most 116 bytes; HASH8 is over the rule's
// content. It is the comment (nftables) or the name (Windows) of what we write.
func (r *Rule) Mark() string {
	return Prefix + r.Farm + ":" + r.ID + ":" + r.hash8()
}

// ParseMark splits a mark; ok is false for anything else, which is then foreign.
func ParseMark(s string) (farm, id, hash string, ok bool) {
	m := markForm.FindStringSubmatch(s)
	if m == nil {
		return "", "", "", false
	}
	return m[1], m[2], m[3], true
}

// Same says whether two rules have equal content and the same name.
func (r *Rule) Same(o *Rule) bool {
	return r.Farm == o.Farm && r.ID == o.ID && r.content() == o.content()
}

// content is all that a packet can notice of the rule, in one line.
func (r *Rule) content() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", r.Direction, r.Protocol)
	for _, p := range r.Ports {
		fmt.Fprintf(&b, " %d-%d", p.First, p.Last)
	}
	if r.Loopback {
		b.WriteString(" loopback")
	}
	if r.Remotes == nil {
		b.WriteString(" anywhere")
	} else {
		b.WriteString(" " + r.Remotes.Hash())
	}
	if r.Block {
		b.WriteString(" block")
	}
	if r.Opaque != "" {
		b.WriteString(" opaque " + r.Opaque)
	}
	return b.String()
}

func (r *Rule) hash8() string {
	sum := sha256.Sum256([]byte(r.content()))
	return hex.EncodeToString(sum[:4])
}
