//go:build linux

package iptables_test

import (
	"strings"
	"testing"

	"farmwall/rules"
)

// forget does to a host what a reboot does.
const forget = `nft flush ruleset
for p in iptables ip6tables; do
	for t in filter mangle nat raw; do grep -qx $t /proc/net/${p%tables}_tables_names 2>/dev/null || continue
	$p-legacy -t $t -F; $p-legacy -t $t -X
	for c in INPUT OUTPUT FORWARD; do $p-legacy -t $t -P $c ACCEPT 2>/dev/null; done; done
done
rm -rf /run/farmwall`

// TestBoot confirms, has the administrator save the rules as netfilter-persistent does,
// forgets all that a reboot forgets, loads what was saved, and starts our service. What
// was frozen of ours is filled anew and not hooked twice.
func TestBoot(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			bare := hosts["default drop"].with(backend)
			h.restore(bare)
			before := h.Ruleset()
			h.Confirmed(someSet(t))
			h.Sh("for p in iptables ip6tables; do $p-" + backend + "-save >/run/frozen.$p; done")
			h.Confirmed(otherSet(t))
			good := h.Ruleset()
			boot := `for f in /etc/rc2.d/S??farmwall; do "$f" start; done`
			frozen := "for p in iptables ip6tables; do $p-" + backend + "-restore </run/frozen.$p; done"
			for name, loads := range map[string]string{"frozen": frozen, "bare": "", "frozen twice": frozen + "\n" + boot + "\n" + frozen} {
				h.Sh(forget)
				if loads == "" {
					h.restore(bare)
				}
				h.Sh(loads)
				h.Sh(boot)
				h.Sh(boot) // it can be repeated
				if now := h.Ruleset(); now != good {
					t.Errorf("%s: after the boot:\n%s\nbefore:\n%s", name, now, good)
				}
				h.NothingToDo(otherSet(t))
			}
			// Nothing of the distribution's rules are there: ours are, in the same table.
			h.Sh(forget + "\n" + boot)
			if !strings.Contains(h.Ruleset(), "-j FARMWALL-IN") {
				t.Errorf("our rules are not back:\n%s", h.Ruleset())
			}
			// A change that is not confirmed is not persistent.
			h.Sh(forget)
			h.restore(bare)
			h.Sh(boot)
			h.Apply(someSet(t))
			h.StopAll()
			h.Sh(forget)
			h.restore(bare)
			h.Sh(boot)
			h.NothingToDo(otherSet(t))
			h.Confirmed(nil)
			h.cleanAs(before)
			// What somebody froze comes back with no reason, and is found.
			h.Sh(frozen)
			if d := system.Diff(h.State(), nil); len(d) == 0 {
				t.Error("what was frozen and is wanted no more is not found")
			}
			h.Confirmed(nil)
			h.cleanAs(before)
		})
	}
}

// TestOldIptables has an iptables-restore that does not know -w, as before 1.6.2, and
// one name for both back ends, as before 1.8: getopt says what is wrong, and the 10 is
// taken for a file.
func TestOldIptables(t *testing.T) {
	for name, old := range map[string]string{
		"getopt": `case $1 in -w) echo "iptables-restore: invalid option -- 'w'" >&2; echo "Can't open 10: No such file or directory" >&2; exit 1 ;; esac`,
		"file":   `case $1 in -w) echo "Can't open 10: No such file or directory" >&2; exit 1 ;; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.restore(hosts["default drop"].with("legacy"))
			h.Sh(`mkdir -p /run/sbin && cp -a /usr/sbin/. /run/sbin && cd /run/sbin && rm -f iptables* ip6tables* && cp /usr/sbin/xtables-legacy-multi xtables-multi
for p in iptables ip6tables; do
	ln -s xtables-multi $p; ln -s xtables-multi $p-save
	printf '#!/bin/sh\n%s\necho old >>/run/old\nexec /run/real %s-restore "$@"\n' "$OLD" $p >$p-restore; chmod 755 $p-restore
done
cp xtables-multi /run/real; chmod 755 /run/real; mount --bind /run/sbin /usr/sbin`, "OLD="+old)
			want := someSet(t)
			h.Confirmed(want)
			h.NothingToDo(want)
			if h.Sh("cat /run/old") == "" {
				t.Error("the old program was not asked")
			}
			r := h.Apply(otherSet(t))
			if r := h.Revert(r.Lease); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			h.NothingToDo(want)
		})
	}
}
