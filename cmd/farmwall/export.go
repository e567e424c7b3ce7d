package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
	"farmwall/rules/linux/iptables"
	"farmwall/rules/linux/nftables"
	"farmwall/rules/windows"
	"farmwall/tasks"
)

// The formats for Linux hosts.
const (
	formatNft      = "nft"
	formatIptables = "iptables"
)

func (p *program) exportVerb() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write files that do on a host what apply would, for hosts that cannot be reached", Category: "without contacting a host",
		Flags: together(sourceFlags(), []cli.Flag{
			text("format", "", "", "`FORMAT`: powershell, netsh (Windows), nft, iptables (Linux; default powershell, nft), ssh-readonly"),
			text("key", "", "", "with --format ssh-readonly: the public key in `FILE` that may only read Linux hosts"),
			text("out", "o", "", "write a file for each host into `DIR`, not one to standard output"),
		}),
		Action: p.action(p.export),
	}
}

func (p *program) export(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	format := c.String("format")
	switch format {
	case formatReadOnly:
		return p.exportReadOnly(c)
	case "", windows.FormatPowerShell, windows.FormatNetsh, formatNft, formatIptables:
	default:
		return exitOK, usagef("--format %s: it must be powershell, netsh, nft, iptables or %s", format, formatReadOnly)
	}
	if c.String("key") != "" {
		return exitOK, usagef("--key is for --format %s", formatReadOnly)
	}
	inv, hosts, err := p.farmsWith(c, inventory.Options{NoSecrets: true})
	if err != nil {
		return exitOK, err
	}
	rows, err := catalog.All()
	if err != nil {
		return exitOK, err
	}
	runner := &tasks.Runner{Rows: rows, Lookup: briefly, Now: time.Now, Report: func(tasks.Event) {}}
	wanted, farms, err := runner.Wanted(c.Context, inv, fitting(hosts, format))
	if err != nil {
		return exitOK, err
	}
	for _, f := range farms {
		for _, n := range foldNotes(f.Notes) {
			p.say("note", n)
		}
	}
	dir := c.String("out")
	switch {
	case len(wanted) == 0:
		return exitOK, fmt.Errorf("%w: none of those selected takes the format %s, or has rules", inventory.ErrNoHost, format)
	case len(wanted) > 1 && dir == "":
		return exitOK, usagef("export: %s have rules; say which with -l, or where to write them with -o DIR", count(len(wanted), "host"))
	case dir != "":
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return exitOK, err
		}
	}
	var wrong []error
	for i := range wanted {
		wrong = append(wrong, p.exportHost(inv.Host(wanted[i].Host), wanted[i].Rules, format, dir))
	}
	return exitOK, errors.Join(wrong...)
}

// fitting are the hosts that a format is for.
func fitting(hosts []*inventory.Host, format string) []*inventory.Host {
	if format == "" {
		return hosts
	}
	var some []*inventory.Host
	for _, h := range hosts {
		if h.Windows() == (format != formatNft && format != formatIptables) {
			some = append(some, h)
		}
	}
	return some
}

// exportHost writes one host's file. Whether the host blocks outbound traffic nobody
// knows, so rules that are wanted only there are left out, as on a host that does not.
func (p *program) exportHost(h *inventory.Host, want rules.Set, format, dir string) error {
	settled := want.Settle(&rules.State{})
	if n := len(want) - len(settled); n > 0 {
		p.say("note", fmt.Sprintf("%s: %s left out that a host needs only where it blocks outbound traffic; farmwall_egress: always puts them in", h.Name, count(n, "rule")))
	}
	var file []byte
	var err error
	end := ".nft"
	switch {
	case format == formatIptables:
		end = ".sh"
		file, err = iptables.Export(settled)
	case !h.Windows():
		file, err = nftables.Export(settled)
	case format == windows.FormatNetsh:
		end = ".cmd"
		file, err = windows.Export(settled, windows.FormatNetsh)
	default:
		end = ".ps1"
		file, err = windows.Export(settled, windows.FormatPowerShell)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	if dir == "" {
		_, err = p.stdout.Write(file)
		return err
	}
	path := filepath.Join(dir, url.PathEscape(h.Name)+end)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, path)
	return err
}
