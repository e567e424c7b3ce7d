package main

import (
	"fmt"
	"net/netip"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// showExplained prints the answers for people.
func (p *program) showExplained(x *tasks.Explanation, colours colours) error {
	_, err := fmt.Fprintf(p.stdout, "%s %s\n", colours.bold(plain(x.Host)), colours.faint("("+plain(x.System)+", "+plain(x.Manager)+")"))
	for i := range x.Answers {
		a := &x.Answers[i]
		fmt.Fprintf(p.stdout, "\n%s: %s\n", flowWords(a), colours.bold(string(a.Answer)))
		fmt.Fprintf(p.stdout, "  %s\n", colours.faint(wantedWords(a)))
		for k := range a.Shares {
			p.showShare(&a.Shares[k], a.Flow, colours)
		}
	}
	return err
}

func flowWords(a *tasks.Explained) string {
	f := a.Flow
	r := rules.Rule{Direction: f.Direction, Protocol: f.Protocol, Remotes: f.Remotes, Loopback: f.Loopback}
	if f.Port != 0 {
		r.Ports = []rules.PortRange{{First: f.Port, Last: max(f.Port, a.LastPort)}}
	}
	return plain(opens(&r, false))
}

func wantedWords(a *tasks.Explained) string {
	switch {
	case len(a.Wanted) == 0:
		return "the inventory does not ask for it"
	case a.WantedWhole:
		return "the inventory wants it open: " + plain(strings.Join(a.Wanted, ", "))
	}
	return "the inventory wants some of it open: " + plain(strings.Join(a.Wanted, ", "))
}

func (p *program) showShare(s *rules.Share, f rules.Flow, colours colours) {
	whom := "this host itself"
	if len(s.Remotes) > 0 {
		whom = plain(addressList(s.Remotes))
	}
	where := ""
	if s.Interface != "" {
		where = " on " + plain(s.Interface)
	}
	if s.Local.IsValid() {
		where += " at " + s.Local.String()
	}
	fmt.Fprintf(p.stdout, "\n  %s: %s%s\n", colours.bold(string(s.Answer)), whom, where)
	for i, step := range s.Steps {
		fmt.Fprintf(p.stdout, "    %2d. %s\n", i+1, plain(step.Place))
		if step.Said != "" {
			fmt.Fprintf(p.stdout, "        %s\n", plain(step.Said))
		}
	}
	if s.By == "" && s.Answer == rules.Allowed {
		fmt.Fprintf(p.stdout, "    nothing on its way closes it\n")
	}
	if s.By != "" {
		fmt.Fprintf(p.stdout, "    decided by %s\n", plain(s.By))
	}
	if s.Reason != "" {
		fmt.Fprintf(p.stdout, "    not known: %s\n", plain(s.Reason))
	}
	if s.Needed != "" {
		fmt.Fprintf(p.stdout, "    needed: %s\n", plain(s.Needed))
	}
}

// addressList is prefixes in one line; more than 8 are counted.
func addressList(ps []netip.Prefix) string { return rules.NewAddresses(ps).String() }
