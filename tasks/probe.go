package tasks

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"farmwall/inventory"
)

// ProbeOptions say how flows are opened for real. Its zero value is ready.
type ProbeOptions struct {
	// Hosts are those that may be asked to open flows, as --limit selects them.
	Hosts []*inventory.Host
	// Listen has a target wait on its ports that are free meanwhile.
	Listen bool
	// Limit is how many members of each role that starts a flow try it; 0: all.
	Limit int
	// AllRoles has members of every role try every port, and not only who starts a flow.
	AllRoles bool
	// Wait is how long an answer may take; 0: 2 s.
	Wait time.Duration
	// Life is how long a listener waits if nobody ends it; 0: 30 s.
	Life time.Duration
	// Tool has Linux hosts use this tool and no other.
	Tool string
}

const (
	probeWait    = 2 * time.Second
	listenerLife = 30 * time.Second
	// probesAtOnce is how many flows a source has open at a time.
	probesAtOnce = 1000
	// listeningAtOnce is how many hosts have listeners at a time, because these end
	// with their time, and all probes that need them must have been made by then.
	listeningAtOnce = 64
	// probeSlack is how long a source may take beside waiting.
	probeSlack = time.Minute
)

func (opt *ProbeOptions) wait() time.Duration {
	if opt.Wait > 0 {
		return opt.Wait
	}
	return probeWait
}

func (opt *ProbeOptions) life() time.Duration {
	if opt.Life > 0 {
		return opt.Life
	}
	return listenerLife
}

// Check refuses options that make no sense.
func (opt *ProbeOptions) Check() error {
	switch {
	case opt.Limit < 0:
		return fmt.Errorf("the limit of probes must be 0 or more members, not %d", opt.Limit)
	case opt.Wait < 0 || opt.Wait > time.Minute || opt.Wait > 0 && opt.Wait < 100*time.Millisecond:
		return fmt.Errorf("a probe must wait for 100ms to 1m, not %s", opt.Wait)
	case opt.Life < 0 || opt.Life > 0 && opt.Life < time.Second:
		return fmt.Errorf("a listener must live for 1s or longer, not %s", opt.Life)
	}
	return nil
}

// probe opens what the inventory wants of the targets, and what it does not, and returns
// what came of it by the target's name. The targets are read, so that each answer
// is seen beside the host's own verdict. An error means that no flow was opened.
func (r *Runner) probe(ctx context.Context, run *progress, w *wanting, targets []wanted, opt ProbeOptions) (map[string][]Probed, error) {
	p, err := r.shoot(ctx, run, w, targets, opt)
	if err != nil {
		return nil, err
	}
	all := each(ctx, r.Forks, indices(len(targets)), func(ctx context.Context, i int) []Probed { return p.settle(ctx, i) },
		func(i int) []Probed { return p.judge(i, nil, nil, nil) })
	found := make(map[string][]Probed, len(targets))
	for i := range targets {
		found[targets[i].host.Name] = all[i]
	}
	for _, note := range p.summary().Notes {
		run.notice("", "probes: "+note)
	}
	return found, nil
}

// settle reads a target and judges what was opened towards it.
func (p *probing) settle(ctx context.Context, i int) []Probed {
	if len(p.byTarget[i]) == 0 {
		return nil
	}
	h := p.targets[i].host
	d, err := p.r.Dialect(h)
	if err != nil {
		return p.judge(i, nil, nil, nil)
	}
	conn, s, err := p.r.observe(ctx, h, d, unspoken)
	if err != nil {
		return p.judge(i, nil, nil, nil)
	}
	defer conn.Close()
	return p.judge(i, d, s, p.hear(ctx, i, d, conn))
}

// nonce names the listeners of one verb: they answer with it.
func nonce() string { return "p" + strings.ToLower(rand.Text()) }
