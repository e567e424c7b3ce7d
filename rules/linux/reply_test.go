package linux

import (
	"strings"
	"testing"

	"farmwall/rules"
)

// A port is open only where its answers get out, too.
func TestJudgeFollowsTheAnswer(t *testing.T) {
	const (
		accept      = `,{"accept":null}`
		established = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":[2,4]}}` + accept
		original    = `{"match":{"op":"==","left":{"ct":{"key":"direction"}},"right":"original"}},{"drop":null}`
		notrack     = "ip prerouting -300 accept\n" + `{"notrack":null}` + "\n"
	)
	in := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: addresses("10.1.0.9/32")}
	out := in
	out.Direction = rules.Out
	vrrp := rules.Flow{Direction: rules.In, Protocol: rules.VRRP, Remotes: in.Remotes}
	for _, c := range []struct {
		name, ruleset string
		flow          rules.Flow
		want          rules.Answer
		by            string
	}{
		{"nothing goes out", "ip output 0 drop", in, rules.Denied, "c0 policy drop (it drops the answers)"},
		{"what is known goes out", "ip output 0 drop\n" + established, in, rules.Allowed, ""},
		{"the answer's port goes out", "ip output 0 drop\n" + matching("tcp", "sport", "==", "443") + accept, in, rules.Allowed, ""},
		{"another port goes out", "ip output 0 drop\n" + matching("tcp", "sport", "==", "22") + accept, in, rules.Denied, "answers"},
		{"the port of the question is no answer's", "ip output 0 drop\n" + matching("tcp", "dport", "==", "443") + accept, in, rules.Denied, "answers"},
		{"nobody mails out", "ip output 0 accept\n" + matching("tcp", "dport", "==", "25") + `,{"drop":null}`, in, rules.Allowed, ""},
		{"only to some", "ip output 0 drop\n" + matching("ip", "daddr", "==", `"10.1.0.9"`) + accept, in, rules.Allowed, ""},
		{"to others", "ip output 0 drop\n" + matching("ip", "daddr", "==", `"10.1.0.8"`) + accept, in, rules.Denied, "answers"},
		{"by the other card", "ip output 0 drop\n" + matching("meta", "oifname", "==", `"wan"`) + accept, in, rules.Denied, "answers"},
		{"a rule drops what begins, not what answers", "ip output 0 accept\n" + matching("tcp", "flags", "==", "2") + `,{"drop":null}`, in, rules.Allowed, ""},
		{"no answer is asked for", "ip output 0 drop", vrrp, rules.Allowed, ""},
		{"an answer that is not tracked", notrack + "ip output 0 drop\n" + established, in, rules.Unknown, ""},
		{"the answer to what goes out", "ip input 0 drop", out, rules.Denied, "answers"},
		{"it is let in", "ip input 0 drop\n" + established, out, rules.Allowed, ""},
		{"what is said of a direction is not known of answers", "ip input 0 accept\n" + original, out, rules.Unknown, ""},
	} {
		v := New().Judge(&rules.State{Native: twoCards(c.ruleset)}, c.flow)
		if v.Answer != c.want || !strings.Contains(v.By, c.by) {
			t.Errorf("%s: %s by %q (%s), want %s by %q", c.name, v.Answer, v.By, v.Reason, c.want, c.by)
		}
	}
}

// What lets a flow in is named, not what lets its answer out.
func TestJudgeNamesWhatLetsTheFlowIn(t *testing.T) {
	r := twoCards("ip input 0 drop\n" + matching("tcp", "dport", "==", "443") + `,{"accept":null}` +
		"\nip output 0 drop\n" + matching("tcp", "sport", "==", "443") + `,{"accept":null}`)
	v := New().Judge(&rules.State{Native: r}, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: addresses("10.1.0.9/32")})
	if v.Answer != rules.Allowed || !strings.Contains(v.By, "c0 rule 1") {
		t.Errorf("%s by %q", v.Answer, v.By)
	}
}
