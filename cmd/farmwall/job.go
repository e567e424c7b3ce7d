package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strings"
	"time"

	"context"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
	"farmwall/rules/linux"
	"farmwall/rules/linux/firewalld"
	"farmwall/rules/linux/iptables"
	"farmwall/rules/linux/nftables"
	"farmwall/rules/linux/ufw"
	"farmwall/rules/windows"
	"farmwall/tasks"
)

// job is what a verb with hosts works on.
type job struct {
	inv     *inventory.Inventory
	hosts   []*inventory.Host // those that --limit selects
	runner  *tasks.Runner
	lines   *lines
	journal *tasks.Journal
	printer printer
	close   func()
}

// job reads the inventory and wires the parts together: the only place that
// knows which line and which dialect a host has.
func (p *program) job(c *cli.Context) (*job, error) {
	if !p.piped {
		outlivePipes()
		p.piped = true
	}
	j := &job{printer: p.printer(c)}
	var err error
	if j.inv, j.hosts, err = p.farms(c); err != nil {
		return nil, err
	}
	rows, err := catalog.All()
	if err != nil {
		return nil, err
	}
	if j.lines, err = p.lines(c, j.inv); err != nil {
		return nil, err
	}
	journal, err := openJournal(c)
	if err != nil {
		return nil, err
	}
	j.journal = journal
	j.close = func() {
		j.runner.HangUp()
		j.lines.Close()
		journal.Close()
	}
	keeper := tasks.Keeper(journal)
	if p.keeper != nil {
		keeper = p.keeper(journal)
	}
	detailed := c.Bool("detailed-exitcode")
	j.runner = &tasks.Runner{
		Dialer:     j.lines,
		Dialect:    dialect,
		Rows:       rows,
		Journal:    keeper,
		Report:     j.printer.event,
		Lookup:     lookup,
		Net:        openFlow().DialContext,
		Now:        time.Now,
		Controller: controller(),
		Forks:      c.Int("forks"),
		Exit:       func(s *tasks.Summary) int { return exitOf(s, detailed) },
	}
	return j, nil
}

// dialect is the language of a host.
func dialect(h *inventory.Host) (rules.Dialect, error) {
	if h.Windows() {
		return windows.New(), nil
	}
	d := linux.New(nftables.Manager{}, iptables.Manager{}, ufw.Manager{}, firewalld.Manager{})
	d.Wall = h.Wall.Value
	return d, nil
}

func lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// controller is user@machine, for leases and the journal.
func controller() string {
	who, where := "unknown", "unknown"
	if u, err := user.Current(); err == nil && u.Username != "" {
		who = u.Username
	}
	if h, err := os.Hostname(); err == nil && h != "" {
		where = h
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, fmt.Sprintf("%s@%s", who, where))
}
