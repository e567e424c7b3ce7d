//go:build linux

package nftables_test

import (
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// boots makes a host look like one whose services are started by each kind of init,
// with the commands that its boot would run for us, and the files that must be there.
var boots = map[string]struct{ setUp, boot, files string }{
	"sysvinit": {
		setUp: ``,
		boot:  `for f in /etc/rc2.d/S??farmwall; do "$f" start; done`,
		files: "/etc/init.d/farmwall",
	},
	"sysvinit without update-rc.d": {
		setUp: `[ ! -e /usr/sbin/update-rc.d ] || mount --bind /bin/false /usr/sbin/update-rc.d`,
		boot:  `for f in /etc/rc2.d/S??farmwall; do "$f" start; done`,
		files: "/etc/init.d/farmwall /etc/rc2.d/S98farmwall /etc/rc5.d/S98farmwall",
	},
	"openrc": {
		setUp: `mkdir -p /run/openrc /etc/runlevels/default`,
		boot:  `f=$(readlink /etc/runlevels/default/farmwall); ebegin() { :; }; eend() { return $1; }; . "$f"; start`,
		files: "/etc/init.d/farmwall",
	},
	"systemd": {
		setUp: `mkdir -p /run/systemd/system /run/bin
printf '#!/bin/sh\necho "$@" >>/run/asked\n' >/run/bin/systemctl
printf '#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do echo "$1" >>/run/asked; shift; done\nsetsid "$@" </dev/null >/dev/null 2>&1 9>&- &\n' >/run/bin/systemd-run
chmod 755 /run/bin/*
mount --bind /run/bin/systemctl "$(readlink -f "$(command -v systemctl)")"
mount --bind /run/bin/systemd-run "$(readlink -f "$(command -v systemd-run)")"`,
		boot: `eval "$(sed -n 's/^ExecStart=//p' "$(readlink /etc/systemd/system/multi-user.target.wants/farmwall.service)")"`,
		files: `/etc/systemd/system/farmwall.service /etc/systemd/system/nftables.service.d/farmwall.conf
			/etc/systemd/system/multi-user.target.wants/farmwall.service`,
	},
}

// ourFiles lists what of ours could be in /etc, and the folders that we may have made.
// The rest of it is the machine's own and changes by itself.
const ourFiles = `cd /etc && find . -name '*farmwall*' -o -name 'nftables.service.d' -o -name 'multi-user.target.wants' | sort`

// TestBoot confirms, forgets all that a reboot forgets, loads the foreign ruleset again
// as its own service would, and starts ours.
func TestBoot(t *testing.T) {
	for name, b := range boots {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "systemd" {
				linuxtest.Needs(t, "systemctl", "systemd-run")
			}
			h := newHost(t, "sh")
			h.Sh(b.setUp)
			etc := h.Sh(ourFiles)
			h.nft(hosts["default drop inet"])
			if d := linuxtest.Show(system.Diff(h.State(), someSet(t))); strings.Contains(d, "persistent") {
				t.Errorf("the copy is reported beside what it follows from: %s", d)
			}
			h.Confirmed(someSet(t))
			for _, f := range strings.Fields(b.files) {
				h.Sh("test -e " + f)
			}
			h.NothingToDo(someSet(t))
			confirmed := h.Ruleset()
			for _, foreign := range []string{hosts["default drop inet"], hosts["prerouting"], ``} {
				h.Sh("nft flush ruleset; rm -rf /run/farmwall")
				h.nft(foreign)
				bare := h.Ruleset()
				h.Sh(b.boot)
				h.Sh(b.boot) // it can be repeated
				h.ForeignUntouched(bare)
				if !strings.Contains(h.Ruleset(), `comment "farmwall:farm:web:`) {
					t.Errorf("our rules are not back:\n%s", h.Ruleset())
				}
				if foreign == hosts["default drop inet"] {
					if sortedTables(h.Ruleset()) != sortedTables(confirmed) {
						t.Errorf("after the boot:\n%s\nbefore:\n%s", h.Ruleset(), confirmed)
					}
					h.NothingToDo(someSet(t))
				}
			}
			// A change that is not confirmed is not persistent.
			h.Sh("nft flush ruleset; rm -rf /run/farmwall")
			h.nft(hosts["default drop inet"])
			h.Sh(b.boot)
			before := h.State()
			h.Apply(otherSet(t))
			h.StopAll()
			h.Sh("nft flush ruleset; rm -rf /run/farmwall")
			h.nft(hosts["default drop inet"])
			h.Sh(b.boot)
			h.NothingToDo(someSet(t))
			if after := h.State(); after.Ours != before.Ours {
				t.Error("a reboot in the window is not an undo")
			}
			h.Confirmed(nil)
			h.cleanAs(hosts["default drop inet"])
			if now := h.Sh(ourFiles); now != etc {
				t.Errorf("in /etc was:\n%s\nand is:\n%s", etc, now)
			}
			if name == "systemd" {
				asked := h.Sh("cat /run/asked")
				for _, want := range []string{"daemon-reload", "--collect", "--unit=farmwall-switch-1"} {
					if !strings.Contains(asked, want) {
						t.Errorf("systemd was not asked for %s:\n%s", want, asked)
					}
				}
				if n := strings.Count(asked, "daemon-reload"); n != 2 {
					t.Errorf("daemon-reload was asked for %d times, for one unit that came and went", n)
				}
			}
		})
	}
}

// sortedTables is the ruleset with our table first: at boot it comes later.
func sortedTables(ruleset string) string {
	var own, rest []string
	for _, t := range strings.SplitAfter(ruleset, "\n}\n") {
		if strings.HasPrefix(t, "table inet farmwall ") {
			own = append(own, t)
		} else {
			rest = append(rest, t)
		}
	}
	return strings.Join(append(own, rest...), "")
}

// TestNothingStartsServices is a host on which nothing could load our copy.
func TestNothingStartsServices(t *testing.T) {
	h := newHost(t, "sh")
	h.Sh("mkdir /run/none; mount --bind /run/none /etc/init.d")
	h.Sh("for d in /etc/rc[23].d; do mount --bind /run/none $d; done; umount /etc/init.d; rm -rf /etc/init.d")
	r := h.Confirm(h.Apply(someSet(t)).Lease)
	if r.Result != rules.Confirmed || !strings.Contains(r.Unsaved, "not persistent on this host") {
		t.Errorf("%+v", r)
	}
	if out, err := h.Try("ls /etc/farmwall"); err == nil {
		t.Errorf("there is a copy that nothing loads: %s", out)
	}
	h.NothingToDo(someSet(t))
}

// TestRepairs breaks what holds our rules in place; each is a difference of its own,
// and a change puts it right.
func TestRepairs(t *testing.T) {
	for name, c := range map[string]struct{ command, note string }{
		"jump gone":        {`nft -a list chain inet filter input | sed -n 's/.*farmwall_in.* handle //p' | while read -r n; do nft delete rule inet filter input handle $n; done`, "is missing in chain input"},
		"copy gone":        {`rm /etc/farmwall/copy`, "missing"},
		"copy edited":      {`sed -i 's/80, 443/80, 444/' /etc/farmwall/copy`, "not what is wanted"},
		"unit disabled":    {`rm /etc/rc[2-5].d/S*farmwall`, "nothing loads it at boot"},
		"policy":           {`nft 'chain inet farmwall input { policy drop; }'`, "policy drop"},
		"dormant":          {`nft 'add table inet farmwall { flags dormant; }'`, "dormant"},
		"marked elsewhere": {`nft 'insert rule inet filter output tcp dport 9 accept comment "farmwall:farm:x:00000000"'`, "a rule with our mark stands in chain output"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.nft(hosts["default drop inet"])
			h.Confirmed(someSet(t))
			good := h.Ruleset()
			h.Sh(c.command)
			d := system.Diff(h.State(), someSet(t))
			if name == "dormant" { // its rules count as missing, too
				d = d[:1]
			}
			if len(d) != 1 || d[0].Verb != rules.Repair || !strings.Contains(d[0].Note, c.note) {
				t.Errorf("the differences are %s", linuxtest.Show(d))
			}
			h.Confirmed(someSet(t))
			h.NothingToDo(someSet(t))
			if now := h.Ruleset(); now != good && name != "dormant" {
				t.Errorf("repaired:\n%s\nbefore:\n%s", now, good)
			}
		})
	}
}

// TestPlacesComeAndGo has foreign tables that close appear and disappear.
func TestPlacesComeAndGo(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.Confirmed(someSet(t))
	h.nft(hosts["default drop inet"])
	d := linuxtest.Show(system.Diff(h.State(), someSet(t)))
	if !strings.Contains(d, "jump to our rules is missing in chain input") || !strings.Contains(d, "add [table inet filter]") {
		t.Errorf("the new wall is not seen: %s", d)
	}
	h.Confirmed(someSet(t))
	h.NothingToDo(someSet(t))
	h.nft("chain inet filter input { policy accept; }\n")
	d = linuxtest.Show(system.Diff(h.State(), someSet(t)))
	if !strings.Contains(d, "is not needed") {
		t.Errorf("the wall that is gone is not seen: %s", d)
	}
	h.Confirmed(someSet(t))
	h.NothingToDo(someSet(t))
	if strings.Contains(h.Ruleset(), "farmwall_in") {
		t.Errorf("our chain is still in a table that needs none:\n%s", h.Ruleset())
	}
	r := h.Frame(system.Change(h.Request(h.State(), nil, 6*time.Second)))
	if r.Result != rules.Applied {
		t.Errorf("%+v", r)
	}
}
