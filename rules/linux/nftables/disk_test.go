//go:build linux

package nftables_test

import (
	"fmt"
	"strings"
	"testing"

	"farmwall/rules"
)

// TestFullRun gives /run/farmwall less and less space: a change is either refused with
// nothing changed, or it goes through, and then its undo works with no space at all.
func TestFullRun(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.nft(hosts["default drop inet"])
	before := h.Ruleset()
	refused, applied := 0, 0
	for _, kib := range []int{4, 40, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 160, 200, 204, 208, 212, 216, 220, 260, 400} {
		h.Sh(fmt.Sprintf("mkdir -p -m 700 /run/farmwall; mount -t tmpfs -o size=%dk,mode=700 tmpfs /run/farmwall", kib))
		r := h.Frame(system.Change(h.Request(h.State(), someSet(t), window*4)))
		switch r.Result {
		case rules.Refused:
			refused++
			if !strings.Contains(r.Message, "full") {
				t.Errorf("%d KiB: %+v", kib, r)
			}
		case rules.Applied:
			applied++
			h.Sh("cat /dev/zero >/run/farmwall/filler 2>/dev/null || :")
			// The request itself has to be written somewhere, so only the switch can undo now.
			h.Sh(fmt.Sprintf("rm /run/farmwall/wait.%d", r.Lease))
			h.Gone("switch", 4*window)
		default:
			t.Errorf("%d KiB: %+v", kib, r)
		}
		if after := h.Ruleset(); after != before {
			t.Fatalf("%d KiB, %s:\n%s\ninstead of\n%s", kib, r.Result, after, before)
		}
		if out := h.Sh("cd /run/farmwall; ls"); r.Result == rules.Applied && !strings.Contains(out, "token.done") {
			t.Errorf("%d KiB: %s", kib, out)
		}
		h.Sh("umount /run/farmwall")
	}
	if refused < 5 || applied < 2 {
		t.Errorf("%d refused, %d applied: the sizes are wrong", refused, applied)
	}
}

// TestFullDisk leaves no space for the lease, or for the persistent copy.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh("mkdir -m 700 /var/lib/farmwall; mount -t tmpfs -o size=4k,mode=700 tmpfs /var/lib/farmwall; head -c 4096 /dev/zero >/var/lib/farmwall/filler || :")
	before := h.Ruleset()
	if r := h.Frame(system.Change(h.Request(h.State(), someSet(t), window))); r.Result != rules.Refused || !strings.Contains(r.Message, "full") {
		t.Errorf("no space for the lease: %+v", r)
	}
	if h.Ruleset() != before {
		t.Error("something changed")
	}
	h.Sh("umount /var/lib/farmwall")
	for _, kib := range []int{4, 44, 48, 52, 56, 80} {
		h.Sh(fmt.Sprintf("mkdir -p -m 700 /etc/farmwall; mount -t tmpfs -o size=%dk,mode=700 tmpfs /etc/farmwall", kib))
		r := h.Apply(someSet(t))
		c := h.Confirm(r.Lease)
		if c.Result == rules.Confirmed && c.Unsaved == "" && kib > 44 {
			h.NothingToDo(someSet(t))
			h.Confirmed(nil)
		} else {
			if c.Result != rules.Refused || !strings.Contains(c.Message, "full") || kib == 80 {
				t.Errorf("%d KiB for the copy: %+v", kib, c)
			}
			if r := h.Revert(r.Lease); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := h.Ruleset(); after != before {
				t.Errorf("%d KiB: after the undo:\n%s", kib, after)
			}
		}
		if out := h.Sh("ls -A /etc/farmwall"); out != "" {
			t.Errorf("%d KiB: left: %s", kib, out)
		}
		h.Sh("umount /etc/farmwall; rmdir /etc/farmwall")
	}
}

// TestFolders puts links, files and somebody else's folders where ours belong.
func TestFolders(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"/run/farmwall", "/var/lib/farmwall", "/etc/farmwall"} {
		for what, command := range map[string]string{
			"a link":               "mkdir /run/elsewhere; ln -s /run/elsewhere " + dir,
			"a file":               "echo >" + dir,
			"somebody else's":      "mkdir -m 700 " + dir + "; chown 65534 " + dir,
			"a link that hangs":    "ln -s /run/nowhere " + dir,
			"open to all of them":  "mkdir -m 777 " + dir + "; chmod 777 " + dir,
			"as it should be done": "mkdir -m 700 " + dir,
		} {
			h := newHost(t, "sh")
			before := h.Ruleset()
			q := h.Request(h.State(), someSet(t), window)
			h.Sh(command)
			r := h.Frame(system.Change(q))
			if r.Result == rules.Applied {
				r = h.Confirm(r.Lease)
			}
			good := strings.HasPrefix(what, "as it") || strings.HasPrefix(what, "open")
			switch {
			case good && r.Result != rules.Confirmed:
				t.Errorf("%s is %s: %+v", dir, what, r)
			case good && h.Sh("stat -c %a "+dir) != "700\n":
				t.Errorf("%s is %s and stays so", dir, what)
			case !good && r.Result != rules.Refused:
				t.Errorf("%s is %s: %+v", dir, what, r)
			case !good && !strings.Contains(r.Message, dir):
				t.Errorf("%s is %s: the answer does not name it: %+v", dir, what, r)
			}
			if out, _ := h.Try("ls -A /run/elsewhere"); !good && strings.Contains(what, "a link") && strings.Contains(out, "farmwall") {
				t.Errorf("%s: written through the link: %s", dir, out)
			}
			if !good && dir != "/etc/farmwall" && h.Ruleset() != before {
				t.Errorf("%s is %s: something changed", dir, what)
			}
		}
	}
}
