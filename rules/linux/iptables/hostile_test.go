//go:build linux

package iptables_test

import (
	"strings"
	"testing"

	"farmwall/rules/linux/linuxtest"
)

// hostile are texts that would do something, were they ever syntax.
var hostile = []string{
	`"`, `\`, `'`, "\n", ";", "#", "`", "$(touch /run/pwned)", "-j ACCEPT", "\" -j ACCEPT\nCOMMIT\n*filter\n-P INPUT ACCEPT\nCOMMIT\n",
	"COMMIT", "a b", "farm:", "ö", "\x00", "\x1b[2J", strings.Repeat("a", 300), "end\nplace nft ip filter", "*", "-", ".", "!",
}

// TestHostileNames gives rules hostile names: they are refused, never written.
func TestHostileNames(t *testing.T) {
	h := newHost(t, "sh")
	h.restore(hosts["default drop"].with("nft"))
	linuxtest.HostileNames(t, system, h.State(), hostile)
}

// TestHostileHosts has rules of others whose texts look like ours or like
// iptables-restore's own lines: they are foreign, and stay as they are.
func TestHostileHosts(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.restore(hosts["default drop"].with(backend))
			h.Sh(asked(`P -N farmwall-in
P -A INPUT -j farmwall-in
P -A INPUT -p tcp -m comment --comment "-j FARMWALL-IN" -j ACCEPT
P -A INPUT -p tcp -m comment --comment ' --comment farmwall:farm:web:00000000 ' -j ACCEPT
P -A INPUT -p tcp -m comment --comment 'x" -j FARMWALL-IN' -j ACCEPT
P -A INPUT -p tcp -m comment --comment 'farmwall: not a mark' -j ACCEPT
P -A INPUT -p tcp -m comment --comment 'not-farmwall:farm:web:00000000' -j ACCEPT
P -A INPUT -p tcp -j LOG --log-prefix '-j FARMWALL-IN " \\'
P -A INPUT -p tcp -m comment --comment 'COMMIT' -j ACCEPT
P -A INPUT -p tcp -m comment --comment '$(touch /run/pwned)' -j ACCEPT`, backend))
			before := h.Ruleset()
			h.Confirmed(someSet(t))
			h.NothingToDo(someSet(t))
			h.Sh(asked(`P -A INPUT -p tcp --dport 9 -j ACCEPT; P -D INPUT 1; P -A INPUT -j FARMWALL-IN`, backend))
			h.Confirmed(otherSet(t))
			h.NothingToDo(otherSet(t))
			h.Sh(asked(`P -D INPUT -p tcp --dport 9 -j ACCEPT`, backend))
			h.Confirmed(nil)
			if after := h.Ruleset(); after != before {
				t.Errorf("the foreign rules were\n%s\nand are\n%s", before, after)
			}
			if _, err := h.Try("ls /run/pwned"); err == nil {
				t.Error("a comment was executed")
			}
		})
	}
}

// TestUnwritableState has what cannot be put back: it is refused before anything changes.
func TestUnwritableState(t *testing.T) {
	for name, c := range map[string]struct{ backend, edit, hint string }{
		"a newline in a rule of ours": {"legacy", "P -A FARMWALL-IN -p tcp -m comment --comment 'a\nb' -j ACCEPT", "cannot be written back"},
		"a set that nft wrote":        {"nft", `nft 'add rule ip filter FARMWALL-IN tcp dport { 1, 2 } accept'`, "written with nft"},
		"both back ends close":        {"nft", "iptables-legacy -P INPUT DROP", "both back ends"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.restore(hosts["default drop"].with(c.backend))
			h.Confirmed(someSet(t))
			h.Sh(asked(c.edit, c.backend))
			s := h.State()
			if err := system.Check(s, otherSet(t)); err == nil || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("it is not refused: %v", err)
			}
		})
	}
}

// TestForeignNewline has a comment of somebody else with a newline, which makes a save
// that nobody can load: what is ours is changed all the same.
func TestForeignNewline(t *testing.T) {
	h := newHost(t, "sh")
	h.restore(hosts["default drop"].with("legacy"))
	h.Sh("iptables-legacy -I INPUT -p tcp -m comment --comment 'a\n-A INPUT -j FARMWALL-IN\nCOMMIT' -j ACCEPT")
	before := h.Ruleset()
	h.Confirmed(someSet(t))
	h.NothingToDo(someSet(t))
	h.Confirmed(nil)
	if after := h.Ruleset(); after != before {
		t.Errorf("the foreign rules were\n%s\nand are\n%s", before, after)
	}
}
