package ufw

import (
	"encoding/hex"
	"strings"
)

// tuple is one rule in ufw's files: the line "### tuple ###" that ufw reads, and the lines
// that iptables-restore reads.
type tuple struct {
	v6   bool
	head string // the whole line, "### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in comment=..."
	body []string
	at   int // its place among the tuples of its file, from 0

	// What head says; action is empty where it is not of the form that ufw writes for a
	// rule without an application.
	action, protocol, dport, dst, sport, src, iface string
	comment                                         string
}

const tupleMark = "### tuple ### "

// newTuple reads the line.
func newTuple(v6 bool, head string, body []string, at int) tuple {
	t := tuple{v6: v6, head: head, body: body, at: at}
	text, comment, _ := strings.Cut(strings.TrimPrefix(head, tupleMark), " comment=")
	if b, err := hex.DecodeString(strings.TrimSpace(comment)); err == nil {
		t.comment = string(b)
	}
	if f := strings.Fields(text); len(f) == 7 {
		t.action, t.protocol, t.dport, t.dst, t.sport, t.src, t.iface = f[0], f[1], f[2], f[3], f[4], f[5], f[6]
	}
	return t
}

// makeTuple says a rule of ours as ufw writes it.
func makeTuple(v6 bool, action, protocol, dport, dst, src, iface, mark string) tuple {
	head := strings.Join([]string{"### tuple ###", action, protocol, dport, dst, "any", src, iface}, " ") +
		" comment=" + hex.EncodeToString([]byte(mark))
	t := newTuple(v6, head, nil, 0)
	t.body = []string{t.line()}
	return t
}

// line is what ufw writes for iptables-restore below a tuple of ours; the order of the
// words is that of ufw's UFWRule.format_rule.
func (t *tuple) line() string {
	var b strings.Builder
	b.WriteString("-A " + t.chain())
	direction, device, named := strings.Cut(t.iface, "_")
	if named && direction == "in" {
		b.WriteString(" -i " + device)
	} else if named {
		b.WriteString(" -o " + device)
	}
	b.WriteString(" -p " + t.protocol)
	many := strings.ContainsAny(t.dport, ",:")
	if many {
		b.WriteString(" -m multiport --dports " + t.dport)
	}
	if t.dst != anywhere(t.v6) {
		b.WriteString(" -d " + t.dst)
	}
	if !many && t.dport != "any" {
		b.WriteString(" --dport " + t.dport)
	}
	if t.src != anywhere(t.v6) {
		b.WriteString(" -s " + t.src)
	}
	if t.action == "deny" {
		b.WriteString(" -j DROP")
	} else {
		b.WriteString(" -j ACCEPT")
	}
	return b.String()
}

// chain is the chain that the tuple is loaded into.
func (t *tuple) chain() string {
	chain := "ufw-user-input"
	if t.v6 {
		chain = "ufw6-user-input"
	}
	if direction, _, _ := strings.Cut(t.iface, "_"); direction == "out" {
		chain = strings.Replace(chain, "input", "output", 1)
	}
	return chain
}

// same says whether two tuples say the same, whatever their comments.
func (t *tuple) same(o *tuple) bool {
	return t.v6 == o.v6 && len(t.body) == 1 && len(o.body) == 1 && t.body[0] == o.body[0]
}

// text is the tuple without what does not decide.
func (t *tuple) text() string {
	head, _, _ := strings.Cut(strings.TrimPrefix(t.head, tupleMark), " comment=")
	return head
}

func anywhere(v6 bool) string {
	if v6 {
		return "::/0"
	}
	return "0.0.0.0/0"
}
