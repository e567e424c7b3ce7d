package windows

import (
	"fmt"
	"strconv"
	"strings"

	"farmwall/rules"
)

// Check refuses what Windows cannot say and a host on which nothing can be changed, all
// of it at once.
func (s *System) Check(st *rules.State, want rules.Set) error {
	r := reading(st)
	if r == nil {
		return errNotWindows
	}
	refusals := append(r.refusals(), refuseRules(writable(want))...)
	if len(refusals) > 0 {
		return refusals
	}
	return nil
}

// oldestPowerShell is the first that the scripts run on.
const oldestPowerShell = 3

// refusals are the reasons why nothing can be written here.
func (r *Reading) refusals() rules.Refusals {
	var out rules.Refusals
	refuse := func(hint, format string, args ...any) {
		out = append(out, rules.Refusal{Text: fmt.Sprintf(format, args...), Hint: hint})
	}
	if !r.Admin {
		refuse("use an account of the host's Administrators; a local account other than the built-in one needs LocalAccountTokenFilterPolicy=1 on the host",
			"%s is not an administrator here, and only one can change the firewall", brief(r.User))
	}
	if major, _, _ := strings.Cut(r.PowerShell, "."); major != "" {
		if n, err := strconv.Atoi(major); err != nil || n < oldestPowerShell {
			refuse("install Windows Management Framework 5.1", "PowerShell %s is too old", brief(r.PowerShell))
		}
	}
	for _, name := range []string{"MpsSvc", "BFE"} {
		if r.Services[name] != "Running" {
			refuse("start it, and set it to start by itself; to switch the firewall off is not its use",
				"the service %s is %s", serviceName(name), strings.ToLower(r.Services[name]))
		}
	}
	if r.Services["Schedule"] != "Running" {
		refuse("start the Task Scheduler", "the service %s is %s, and without it nothing would take a change back by itself",
			serviceName("Schedule"), strings.ToLower(r.Services["Schedule"]))
	}
	if r.registry.Error != "" {
		refuse("see what keeps this account from the registry", "the firewall's rules could not be read: %s", brief(r.registry.Error))
	} else if r.policy.err != "" {
		refuse("see whether the firewall's service runs", "the firewall's settings could not be read: %s", brief(r.policy.err))
	}
	if r.folder != "" {
		refuse("find out who made it, then remove it or give it to the Administrators", "%s", brief(r.folder))
	}
	return out
}

func serviceName(name string) string {
	switch name {
	case "MpsSvc":
		return "MpsSvc (Windows Firewall)"
	case "BFE":
		return "BFE (Base Filtering Engine)"
	}
	return "Schedule (Task Scheduler)"
}

// refuseRules are the rules that Windows has no words for.
func refuseRules(want rules.Set) rules.Refusals {
	var out rules.Refusals
	farm := ""
	for i := range want {
		w := &want[i]
		refuse := func(format string, a ...any) {
			out = append(out, rules.Refusal{Rule: w.ID, Text: fmt.Sprintf(format, a...)})
		}
		if _, _, _, ok := rules.ParseMark(w.Mark()); !ok {
			refuse("farm %q and rule %q do not make a mark", w.Farm, w.ID)
		}
		if farm == "" {
			farm = w.Farm
		}
		switch {
		case w.Farm != farm:
			refuse("belongs to farm %q and others of the set to %q", w.Farm, farm)
		case w.Direction != rules.In && w.Direction != rules.Out:
			refuse("direction %q", w.Direction)
		case w.Opaque != "":
			refuse("is no rule of farmwall: %s", brief(w.Opaque))
		case w.Block:
			refuse("blocks, and on Windows a block rule beats every rule that allows")
		case w.Protocol == 0:
			refuse("has no protocol")
		case len(w.Ports) > 0 && w.Protocol != rules.TCP && w.Protocol != rules.UDP:
			refuse("Windows knows no ports of protocol %d", w.Protocol)
		}
		for _, p := range w.Ports {
			if p.First == 0 || p.First > p.Last {
				refuse("ports %d-%d", p.First, p.Last)
			}
		}
		refuseRemotes(w, refuse)
	}
	return out
}

func refuseRemotes(w *rules.Rule, refuse func(string, ...any)) {
	if w.Remotes.Empty() {
		refuse("has nobody to open to")
		return
	}
	for _, p := range w.Remotes.Prefixes() {
		if why := unsayable(p); why != "" {
			refuse("%s", why)
			return
		}
	}
	if n := len(w.Remotes.Prefixes()); n > mostParts*mostAddresses || len(partsOf(w)) > mostParts {
		refuse("its %d addresses would be more than %d rules of Windows; name networks instead", n, mostParts)
	}
}
