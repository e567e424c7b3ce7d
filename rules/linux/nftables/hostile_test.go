//go:build linux

package nftables_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// hostile are texts that would do something, were they ever syntax.
var hostile = []string{
	`"`, `\`, `'`, "\n", ";", "#", "`", "$(touch /run/pwned)", "; flush ruleset", "\"; flush ruleset; #",
	"\n}\nflush ruleset\n", "${IFS}", "@set", "{", "}", "a b", "farm:", "ö", "\x00", "\x1b[2J", strings.Repeat("a", 200),
	"end\nplace inet x", "*", "-", "--", ".", "../../etc", "%s", "&& reboot", "| cat", ">", "farmwall:x:y:00000000",
}

// TestHostileNames gives rules hostile names: they are refused, never written.
func TestHostileNames(t *testing.T) {
	h := newHost(t, "sh")
	linuxtest.HostileNames(t, system, h.State(), hostile)
}

// TestHostileRequests puts hostile text everywhere into a request. Whatever the
// host answers, it must not do what the text says.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash", "busybox"} {
		h := newHost(t, shell)
		h.nft(hosts["default drop inet"])
		before := h.Ruleset()
		r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
		q := h.Request(h.State(), someSet(t), time.Minute)
		for i, text := range hostile {
			bad := q
			switch (i + r.IntN(7)) % 7 {
			case 0:
				bad.Run = text
			case 1:
				bad.Controller = text
			case 2:
				bad.Ours = text
			case 3:
				bad.Rest = text
			case 4:
				bad.Digest = text
			case 5:
				bad.Target = rules.Copy("farmwall copy 1 " + text + "\nend\n")
			case 6:
				bad.Undo = rules.Copy(text + "\n")
			}
			a := h.Frame(system.Change(bad))
			if a.Result != rules.Refused && a.Result != rules.StaleOurs && a.Result != rules.StaleRest && a.Result != rules.Applied {
				t.Errorf("%s: %q: %+v", shell, text, a)
			}
			if a.Result == rules.Applied { // what was hostile was harmless there
				if r := h.Revert(a.Lease); r.Result != rules.Undone {
					t.Errorf("%s: %q: %+v", shell, text, r)
				}
			}
			q.Lease = h.State().Lease.Number
			if out, err := h.Try("ls /run/pwned"); err == nil {
				t.Fatalf("%s: %q was executed: %s", shell, text, out)
			}
		}
		if after := h.Ruleset(); after != before {
			t.Errorf("%s: the ruleset is\n%s\ninstead of\n%s", shell, after, before)
		}
	}
}

// TestBrokenLine cuts a request off everywhere: nothing may happen.
func TestBrokenLine(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.nft(hosts["default drop inet"])
	before := h.Ruleset()
	q := h.Request(h.State(), someSet(t), time.Minute)
	s := system.Change(q)
	whole := s.Input
	for cut := 0; cut < len(whole)-1; cut += 1 + len(whole)/40 {
		q.Lease = h.State().Lease.Number
		s := system.Change(q)
		s.Input = s.Input[:cut]
		if a := h.Frame(s); a.Result != rules.Refused {
			t.Errorf("cut off at %d of %d: %+v", cut, len(whole), a)
		}
	}
	if after := h.Ruleset(); after != before {
		t.Errorf("the ruleset is\n%s\ninstead of\n%s", after, before)
	}
	q.Lease = h.State().Lease.Number
	if a := h.Frame(system.Change(q)); a.Result != rules.Applied {
		t.Errorf("the whole request: %+v", a)
	}
}

// TestUnwritableState has comments and names on the host that cannot be written back.
func TestUnwritableState(t *testing.T) {
	h := newHost(t, "sh")
	h.Confirmed(someSet(t))
	h.Sh(`nft -j -f - <<'E'
{"nftables":[{"add":{"rule":{"family":"inet","table":"farmwall","chain":"input","comment":"a\"\n\t}\n}\nflush ruleset\n","expr":[{"accept":null}]}}}]}
E`)
	s := h.State()
	if err := system.Check(s, otherSet(t)); err == nil {
		t.Error("a comment that cannot be written back is not refused")
	}
	if c, err := system.Undo(s); err == nil {
		t.Errorf("the undo is %s", c)
	}
}
