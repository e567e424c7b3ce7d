package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/transport/ssh"
	"farmwall/transport/winrm"
)

// learned is what one host showed to prove who it is.
type learned struct {
	key  *ssh.Key
	cert *winrm.Certificate
}

// learn shows the keys and certificates that nobody has accepted yet, asks once,
// and appends them to known_hosts and known_tls. A changed one is never replaced.
// Behind a jump host that was unknown too, it goes on with the hosts that can now
// be asked.
func (p *program) learn(c *cli.Context, j *job) error {
	for {
		fresh, errs := p.askForKeys(c, j)
		for _, err := range errs {
			p.complain(err)
		}
		if len(fresh) == 0 {
			return nil
		}
		rows := [][]string{{"HOST", "KNOWN AS", "TYPE", "SHA-256"}}
		keys, jumps := map[string][]ssh.Key{}, false
		var certs [][2]string
		for _, l := range fresh {
			rows = append(rows, l.row())
			if l.cert != nil {
				certs = append(certs, [2]string{l.cert.Address, l.cert.Fingerprint})
				continue
			}
			keys[l.key.File] = append(keys[l.key.File], *l.key)
			jumps = jumps || !selected(j.hosts, l.key.Host)
		}
		writeTable(p.stderr, rows)
		what := amounts(len(fresh)-len(certs), len(certs))
		if !c.Bool("yes") {
			if err := p.approve(c.Context, fmt.Sprintf("Compare these with the hosts' own. Trust %s from now on?", what)); err != nil {
				return err
			}
		}
		if err := p.remember(c, keys, certs); err != nil {
			return err
		}
		if !jumps {
			return nil
		}
		lines, err := p.lines(c, j.inv)
		if err != nil {
			return err
		}
		j.lines.Close()
		j.lines = lines
	}
}

func amounts(keys, certs int) string {
	switch {
	case certs == 0:
		return count(keys, "key")
	case keys == 0:
		return count(certs, "certificate")
	}
	return count(keys, "key") + " and " + count(certs, "certificate")
}

func (p *program) remember(c *cli.Context, keys map[string][]ssh.Key, certs [][2]string) error {
	for file, some := range keys {
		if err := ssh.Append(file, some); err != nil {
			return err
		}
		p.say("learned", fmt.Sprintf("%s in %s", count(len(some), "key"), file))
	}
	if len(certs) == 0 {
		return nil
	}
	file, err := knownTLSFile(c)
	if err != nil {
		return err
	}
	if err := appendKnownTLS(file, certs); err != nil {
		return err
	}
	p.say("learned", fmt.Sprintf("%s in %s", count(len(certs), "certificate"), file))
	return nil
}

// row is a line of the table that is asked about.
func (l *learned) row() []string {
	if l.key != nil {
		return []string{l.key.Host, l.key.Name, l.key.Type, l.key.Fingerprint}
	}
	kind := "certificate of " + l.cert.Subject
	if l.cert.Subject != l.cert.Issuer {
		kind += " by " + l.cert.Issuer
	} else {
		kind += ", self-signed"
	}
	if len(l.cert.Names) > 0 {
		kind += ", for " + strings.Join(l.cert.Names, " ")
	}
	return []string{l.cert.Host, l.cert.Address, kind + ", until " + l.cert.NotAfter.UTC().Format("2006-01-02"), l.cert.Fingerprint}
}

// askForKeys asks all hosts at once, and each for what it has: over http there is no
// certificate, and every message is sealed.
func (p *program) askForKeys(c *cli.Context, j *job) (fresh []learned, errs []error) {
	answers, failed := make([]learned, len(j.hosts)), make([]error, len(j.hosts))
	slots := make(chan struct{}, max(1, c.Int("forks")))
	var all sync.WaitGroup
	for i, h := range j.hosts {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if failed[i] = c.Context.Err(); failed[i] == nil {
				answers[i], failed[i] = j.lines.learn(c.Context, h)
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for i, l := range answers {
		var at string
		switch {
		case failed[i] != nil:
			errs = append(errs, failed[i])
			continue
		case l.key != nil && !l.key.Known:
			at = l.key.Name + " " + l.key.Fingerprint
		case l.cert != nil && !l.cert.Known:
			at = l.cert.Address + " " + l.cert.Fingerprint
		default:
			continue
		}
		if !seen[at] {
			seen[at] = true
			fresh = append(fresh, l)
		}
	}
	return fresh, errs
}

func (l *lines) learn(ctx context.Context, h *inventory.Host) (learned, error) {
	switch {
	case h.Access.Connection != "winrm":
		key, err := l.ssh.Learn(ctx, h)
		return learned{key: &key}, err
	case !h.Access.WinRM.TLS:
		return learned{}, nil
	}
	cert, err := l.winrm.Learn(ctx, h)
	return learned{cert: &cert}, err
}

func selected(hosts []*inventory.Host, name string) bool {
	for _, h := range hosts {
		if h.Name == name {
			return true
		}
	}
	return false
}
