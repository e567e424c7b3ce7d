package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

// probeFlags have flows opened for real.
func probeFlags(what string) []cli.Flag {
	return []cli.Flag{
		toggle("probe", "", what),
		toggle("probe-listen", "", "hosts wait on their ports that are free while probes are made, for 30 s at most"),
		&cli.IntFlag{Name: "probe-limit", Value: 3, Usage: "at most `N` members of each role that starts a flow try a port; 0: all", EnvVars: env("probe-limit")},
		toggle("probe-all-roles", "", "members of every role try every port, and not only those that start its flows"),
		&cli.DurationFlag{Name: "probe-timeout", Usage: "`TIME` that the answer to a probe may take, 100ms to 1m", DefaultText: "2s", EnvVars: env("probe-timeout")},
		&cli.DurationFlag{Name: "probe-listen-for", Hidden: true, EnvVars: env("probe-listen-for")},
		&cli.StringFlag{Name: "probe-tool", Hidden: true, EnvVars: env("probe-tool")},
	}
}

// probeOptions are what the flags say; nil where nothing is to be probed. The hosts that
// may be asked are still to be filled in.
func probeOptions(c *cli.Context) (*tasks.ProbeOptions, error) {
	if !c.Bool("probe") {
		for _, flag := range []string{"probe-listen", "probe-limit", "probe-all-roles", "probe-timeout"} {
			if c.IsSet(flag) && os.Getenv(env(flag)[0]) == "" { // a variable may stand for other verbs
				return nil, usagef("--%s has no effect without --probe", flag)
			}
		}
		return nil, nil
	}
	opt := &tasks.ProbeOptions{Listen: c.Bool("probe-listen"), Limit: c.Int("probe-limit"), AllRoles: c.Bool("probe-all-roles"),
		Wait: c.Duration("probe-timeout"), Life: c.Duration("probe-listen-for"), Tool: c.String("probe-tool")}
	if c.IsSet("probe-timeout") && opt.Wait == 0 {
		return nil, usagef("--probe-timeout 0s: it must be 100ms to 1m")
	}
	if err := opt.Check(); err != nil {
		return nil, usagef("%v", err)
	}
	return opt, nil
}

// openFlow is how this machine probes.
func openFlow() *net.Dialer { return &net.Dialer{FallbackDelay: -1} }

// probeWords says what came of the probes, and what was left out.
func (d detail) probeWords(w io.Writer, p *tasks.ProbeSummary) {
	if p == nil {
		return
	}
	var answers, sources []string
	for _, a := range []tasks.ProbeAnswer{tasks.ProbeConnected, tasks.ProbeRefused, tasks.ProbeFiltered, tasks.ProbeUnreachable, tasks.ProbeUnanswerable} {
		if n := p.Answers[a]; n > 0 {
			answers = append(answers, fmt.Sprintf("%d %s", n, a))
		}
	}
	asked := 0
	for _, s := range p.Sources {
		if s.Made > 0 {
			asked++
		}
		if d.all {
			sources = append(sources, sourceWords(s))
		}
	}
	line := fmt.Sprintf("Probes: %s from %s", count(p.Made, "flow"), count(asked, "source"))
	if len(answers) > 0 {
		line += ": " + strings.Join(answers, ", ")
	}
	fmt.Fprintln(w, d.colours.bold(line+fmt.Sprintf("; %d wrong (%d blocked on the way), %d prove nothing", p.Wrong, p.Blocked, p.Unknown)))
	for _, s := range sources {
		fmt.Fprintln(w, "  "+s)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(w, "%s %s\n", d.colours.faint("note:"), plain(n))
	}
}

func sourceWords(s tasks.ProbeSource) string {
	line := plain(s.Host) + ": " + count(s.Made, "flow")
	if s.Tool != "" {
		line += " with " + plain(s.Tool)
	}
	return line
}

// probeGroup is what is the same of several probes of a host.
type probeGroup struct {
	sign, end, family, rest, rule string
}

// groupOf puts a probe into words, all but its source.
func (d detail) groupOf(p *tasks.Probed) probeGroup {
	g := probeGroup{sign: d.colours.yellow("?"), end: p.Protocol, rule: plain(p.Rule)}
	switch {
	case p.Right != nil && *p.Right:
		g.sign = d.colours.green("=")
	case p.Right != nil:
		g.sign = d.colours.red("!")
	}
	if p.Port != 0 {
		g.end = fmt.Sprintf("%s %d", p.Protocol, p.Port)
	}
	if p.Address.Is6() {
		g.family = " over IPv6"
	}
	words := []string{"is to be open, and is " + string(p.Answer)}
	if !p.Wanted {
		words[0] = "is to be closed, and is " + string(p.Answer)
	}
	if p.Right != nil && *p.Right {
		words[0] = strings.Replace(words[0], ", and is", ":", 1)
	}
	if p.Ours {
		words[0] += " (to a listener of ours)"
	}
	if p.PathBlocks {
		words = append(words, "the host allows it, the path blocks it")
	}
	if p.By != "" {
		words = append(words, "decided by "+plain(p.By))
	}
	if p.Detail != "" {
		words = append(words, plain(p.Detail))
	}
	g.rest = strings.Join(words, "; ")
	return g
}

// probeLines are the probes of a host that are worth a line: the wrong ones, and with
// everything wanted all. Those that differ in their source only share one.
func (d detail) probeLines(list []tasks.Probed) []string {
	var order []probeGroup
	from := map[probeGroup][]string{}
	unknown := 0
	for i := range list {
		p := &list[i]
		if p.Right == nil {
			unknown++
		}
		if !d.all && (p.Right == nil || *p.Right) {
			continue
		}
		g := d.groupOf(p)
		if from[g] == nil {
			order = append(order, g)
		}
		name := p.From
		if d.all && p.Source.IsValid() {
			name += " (" + p.Source.String() + ")"
		}
		from[g] = append(from[g], name)
	}
	var out []string
	for _, g := range order {
		out = append(out, fmt.Sprintf("%s %s%s from %s %s %s", g.sign, g.end, g.family, someNames(from[g]), g.rest, d.colours.faint("["+g.rule+"]")))
	}
	if unknown > 0 && !d.all {
		out = append(out, d.colours.faint(fmt.Sprintf("? %s can prove nothing (-v shows them)", count(unknown, "probe"))))
	}
	return out
}

// wrongProbes counts those that prove that something is not as it is wanted.
func wrongProbes(list []tasks.Probed) int {
	n := 0
	for i := range list {
		if right := list[i].Right; right != nil && !*right {
			n++
		}
	}
	return n
}
