package windows

import (
	"fmt"
	"strings"

	"farmwall/rules"
)

// The kinds of findings.
const (
	findGPO       = "gpo"          // Group Policy voids local rules
	findOff       = "firewall-off" // the firewall is off, or leaves an interface alone
	findBlockAll  = "block-all"
	findService   = "service"
	findBlock     = "block-rule" // a block rule closes what one of ours opens
	findExposed   = "exposed"    // a foreign rule opens a port of ours to more than ours does
	findCovered   = "covered"    // a foreign rule opens the same
	findAppX      = "appx"
	findProfile   = "profile"
	findSwitch    = "switch"
	findFolder    = "folder"
	findGrammar   = "grammar"
	findUnread    = "unreadable"
	findIncorrect = "rule" // a rule of ours that nobody can judge
)

// leakedRules is from how many rules of users' programs on a session host has more of
// them than its users can need.
const leakedRules = 5000

// findings are what a person should know of the host before and after rules are written.
func (r *Reading) findings(st *rules.State) []rules.Finding {
	f := &finder{reading: r, state: st}
	f.services()
	f.profiles()
	if r.folder != "" {
		f.add(findFolder, "%s; what is in it was not read", brief(r.folder))
	}
	if live := st.Token.State; r.tasks != "" && live != "armed" && live != "confirming" && live != "undoing" {
		f.add(findSwitch, "no change is under way, and the task of a switch is still there: %s; `farmwall recover` takes it away", brief(r.tasks))
	}
	if n := r.leftOut.Local + r.leftOut.Restricted; n >= leakedRules && !r.registry.DeleteAppContainers {
		f.add(findAppX, "%d firewall rules of users' programs have gathered, which slow log-ons down: DeleteUserAppContainersOnLogoff is not set under %s", n,
			`HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy`)
	} else if n >= leakedRules {
		f.add(findAppX, "%d firewall rules of users' programs are left from before DeleteUserAppContainersOnLogoff was set", n)
	}
	f.grammar()
	f.others()
	return f.found
}

type finder struct {
	reading *Reading
	state   *rules.State
	found   []rules.Finding
}

func (f *finder) add(kind, format string, args ...any) {
	f.found = append(f.found, rules.Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

func (f *finder) services() {
	for _, name := range []string{"MpsSvc", "BFE", "Schedule"} {
		state := strings.ToLower(f.reading.Services[name])
		switch {
		case state == "running":
		case name == "Schedule":
			f.add(findService, "the service %s is %s: without it nothing can be changed here", serviceName(name), state)
		default:
			f.add(findService, "the service %s is %s: whatever the rules say, nobody enforces them", serviceName(name), state)
		}
	}
	switch {
	case f.reading.registry.Error != "":
		f.add(findUnread, "the firewall's rules could not be read: %s", brief(f.reading.registry.Error))
	case f.reading.policy.err != "":
		f.add(findUnread, "the firewall's settings could not be read: %s", brief(f.reading.policy.err))
	}
}

func (f *finder) profiles() {
	p := &f.reading.policy
	voided := false
	for _, x := range p.on() {
		if !x.enabled {
			f.add(findOff, "the firewall is off in the %s, which is active: everything is open", x)
			continue
		}
		if x.blockAll {
			f.add(findBlockAll, "the %s, which is active, blocks all inbound traffic, whatever rules allow", x)
		}
		if x.inbound == allow {
			f.add(findOff, "the %s, which is active, lets in what no rule blocks", x)
		}
		if !x.merge {
			voided = true
			f.add(findGPO, "Group Policy ignores local rules in the %s, farmwall's too (AllowLocalPolicyMerge=0); put them into Group Policy, or let it allow local rules", x)
		}
		if len(x.excluded) > 0 {
			f.add(findOff, "the firewall leaves interfaces alone in the %s: %s", x, brief(strings.Join(x.excluded, ", ")))
		}
	}
	if len(p.on()) > 0 && !voided {
		switch p.modify {
		case 1:
			f.add(findGPO, "Windows says that Group Policy overrides local changes (LocalPolicyModifyState 1)")
		case 2:
			f.add(findBlockAll, "Windows says that inbound traffic is blocked whatever rules allow (LocalPolicyModifyState 2)")
		}
	}
	switch {
	case p.active&public != 0 && p.active != public:
		f.add(findProfile, "several profiles are active (%s): rules that are not for all of them hold on some interfaces only", p.activeNames())
	case p.active == public:
		f.add(findProfile, "the network counts as Public; a member of a domain may be so for a while after its start")
	case p.active&(p.active-1) != 0:
		f.add(findProfile, "several profiles are active (%s)", p.activeNames())
	}
}

// grammar says what of the rules nobody can judge.
func (f *finder) grammar() {
	var odd []string
	for _, x := range f.reading.rules {
		if x.active && x.wrong != "" {
			odd = append(odd, fmt.Sprintf("%s: %s", x, x.wrong))
		}
	}
	if len(odd) > 0 {
		more := ""
		if n := len(odd) - 1; n > 0 {
			more = fmt.Sprintf(", and %d more", n)
		}
		f.add(findGrammar, "a rule is none that can be read, and counts for nothing: %s%s", odd[0], more)
	}
}
