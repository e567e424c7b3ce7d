package main

import (
	"fmt"
	"sync"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/transport/ssh"
)

func (p *program) pingVerb() *cli.Command {
	return &cli.Command{
		Name: "ping", Usage: "log in to the hosts and say what they are; --learn accepts their keys first", Category: "looking at hosts",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			toggle("learn", "", "list every new SSH host key, ask once, and remember them"),
			toggle("yes", "y", "do not ask"),
		}, stateFlags(), showFlags()),
		Action: p.action(p.ping),
	}
}

func (p *program) ping(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	if err := p.mayAsk(c.Bool("yes") || !c.Bool("learn")); err != nil {
		return exitOK, err
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer func() { j.close() }()
	if c.Bool("learn") {
		if err := p.learn(c, j); err != nil {
			return exitOK, err
		}
		// The keys that were just written are read by a new dialer only.
		j.close()
		if j, err = p.job(c); err != nil {
			return exitOK, err
		}
	}
	list, s, err := j.runner.Ping(c.Context, j.inv, j.hosts)
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, false)
	return exit, j.printer.pongs(list, s, exit)
}

// learn shows the keys that nobody has accepted yet, asks once, and appends them
// to known_hosts. A changed key is never replaced. Behind a jump host that was
// unknown too, it goes on with the hosts that can now be asked.
func (p *program) learn(c *cli.Context, j *job) error {
	for {
		keys, errs := p.askForKeys(c, j)
		for _, err := range errs {
			p.complain(err)
		}
		if len(keys) == 0 {
			return nil
		}
		rows := [][]string{{"HOST", "KNOWN AS", "TYPE", "SHA-256"}}
		files := map[string][]ssh.Key{}
		jumps := false
		for _, k := range keys {
			rows = append(rows, []string{k.Host, k.Name, k.Type, k.Fingerprint})
			files[k.File] = append(files[k.File], k)
			jumps = jumps || !selected(j.hosts, k.Host)
		}
		writeTable(p.stderr, rows)
		if !c.Bool("yes") {
			if err := p.approve(c.Context, fmt.Sprintf("Compare these with the hosts' own. Trust %s from now on?", count(len(keys), "key"))); err != nil {
				return err
			}
		}
		for file, some := range files {
			if err := ssh.Append(file, some); err != nil {
				return err
			}
			p.say("learned", fmt.Sprintf("%s in %s", count(len(some), "key"), file))
		}
		if !jumps {
			return nil
		}
		dialer, err := p.dialer(c)
		if err != nil {
			return err
		}
		j.dialer.Close()
		j.dialer = dialer
	}
}

func (p *program) askForKeys(c *cli.Context, j *job) (keys []ssh.Key, errs []error) {
	type answer struct {
		key ssh.Key
		err error
	}
	answers := make([]answer, len(j.hosts))
	slots := make(chan struct{}, max(1, c.Int("forks")))
	var all sync.WaitGroup
	for i, h := range j.hosts {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if c.Context.Err() != nil {
				answers[i].err = c.Context.Err()
				return
			}
			answers[i].key, answers[i].err = j.dialer.Learn(c.Context, h)
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, a := range answers {
		switch at := a.key.Name + " " + a.key.Fingerprint; {
		case a.err != nil:
			errs = append(errs, a.err)
		case !a.key.Known && !seen[at]:
			seen[at] = true
			keys = append(keys, a.key)
		}
	}
	return keys, errs
}

func selected(hosts []*inventory.Host, name string) bool {
	for _, h := range hosts {
		if h.Name == name {
			return true
		}
	}
	return false
}
