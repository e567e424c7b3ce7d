package tasks

import (
	"fmt"
	"net/netip"

	"farmwall/rules"
)

// probeJudge holds what came of the probes at one target against what is wanted of it and
// against the host's own verdicts.
type probeJudge struct {
	target *wanted
	d      rules.Reader // nil: the host could not be read
	s      *rules.State
	heard  *rules.ListenReport // nil: not known what it waits on
	// stealthy: the host keeps silent where nothing listens.
	stealthy bool
	whole    map[wholeKey]bool
	verdicts map[verdictKey]rules.Verdict
}

type wholeKey struct {
	rule *rules.Rule
	port uint16
}

type verdictKey struct {
	protocol rules.Protocol
	port     uint16
	source   netip.Addr
}

// judge says what the shots at a target prove. Without a reading of the host its verdict
// counts as unknown.
func (p *probing) judge(i int, d rules.Dialect, s *rules.State, heard *rules.ListenReport) []Probed {
	if len(p.byTarget[i]) == 0 {
		return nil
	}
	j := &probeJudge{target: &p.targets[i], s: s, heard: heard, whole: map[wholeKey]bool{}, verdicts: map[verdictKey]rules.Verdict{}}
	if s != nil {
		j.d = d
	}
	if prober, can := d.(rules.Prober); can {
		j.stealthy = prober.Stealthy()
	} else {
		j.stealthy = j.target.host.Windows()
	}
	out := make([]Probed, len(p.byTarget[i]))
	let, made := false, 0
	for k, shot := range p.byTarget[i] {
		if out[k] = j.probed(shot); shot.failed == "" && shot.end.Port != 0 {
			made++
		}
		let = let || shot.from == nil && out[k].Wanted && shot.rule.Remotes != nil
	}
	p.count(out, made)
	if let {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.contested++
	}
	return out
}

// count adds to the summary.
func (p *probing) count(list []Probed, made int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.Made += made
	for i := range list {
		x := &list[i]
		p.sum.Answers[x.Answer]++
		switch {
		case x.Right == nil:
			p.sum.Unknown++
		case !*x.Right:
			p.sum.Wrong++
			if x.PathBlocks {
				p.sum.Blocked++
			}
		}
	}
}

func (j *probeJudge) probed(s *shot) Probed {
	x := Probed{From: "controller", To: j.target.host.Name, Rule: s.rule.ID, Address: s.end.Address, Protocol: protocolText(s.end.Protocol), Port: s.end.Port,
		Answer: s.reply.Answer, Ours: s.reply.Ours, Source: s.source(), Detail: s.reply.Text}
	if s.from != nil {
		x.From = s.from.Name
	} else if j.s != nil && j.s.Client.IsValid() && j.target.host.Access.ProxyJump == "" && j.s.Client.Addr().Unmap().Is4() == s.end.Address.Is4() {
		x.Source = j.s.Client.Addr().Unmap().WithZone("") // as the host sees this machine
	}
	x.Wanted = s.starts || j.target.set.Admits(j.flow(s, x.Source))
	if s.failed != "" {
		x.Answer, x.Detail = ProbeUnanswerable, s.failed
		return x
	}
	if s.end.Port == 0 {
		return x
	}
	if x.Wanted {
		j.wanted(s, &x)
	} else {
		j.unwanted(s, &x)
	}
	if x.wrong() && s.starts && s.reply.Local.IsValid() && !s.rule.Remotes.Contains(s.reply.Local) {
		x.Detail = fmt.Sprintf("it came from %s, which the rule does not name: list it in ras_addresses of %s", s.reply.Local, x.From)
	}
	return x
}

// flow is the shot as the target's firewall sees it. A source that nobody knows is
// somebody from outside.
func (j *probeJudge) flow(s *shot, source netip.Addr) rules.Flow {
	f := rules.Flow{Direction: rules.In, Protocol: s.end.Protocol, Port: s.end.Port}
	if source.IsValid() {
		f.Remotes = rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(source, source.BitLen())})
	}
	return f
}

// verdict is what the target's own firewall makes of the shot.
func (j *probeJudge) verdict(s *shot, x *Probed) rules.Answer {
	v := j.ask(s, x.Source)
	x.Verdict, x.By = v.Answer, v.By
	return v.Answer
}

func (j *probeJudge) ask(s *shot, source netip.Addr) rules.Verdict {
	if j.d == nil {
		return rules.Verdict{}
	}
	if s.starts && s.rule.Remotes.Contains(source) {
		// Mostly everybody whom a rule names is let in, and one verdict says so.
		key := wholeKey{s.rule, s.end.Port}
		all, known := j.whole[key]
		if !known {
			f := flowOf(s.rule)
			f.Port = s.end.Port
			all = j.d.Judge(j.s, f).Answer == rules.Allowed
			j.whole[key] = all
		}
		if all {
			return rules.Verdict{Answer: rules.Allowed}
		}
	}
	key := verdictKey{s.end.Protocol, s.end.Port, source}
	v, known := j.verdicts[key]
	if !known {
		v = j.d.Judge(j.s, j.flow(s, source))
		j.verdicts[key] = v
	}
	return v
}

// hears says whether anything waits on the end: a service, or a listener of ours.
func (j *probeJudge) hears(s *shot) bool { return s.hears || j.heard != nil && j.heard.Hears(s.end) }

const (
	silentWords = "the host keeps silent where nothing listens; --probe-listen finds out"
	closedWords = "nothing listens there"
)

// wanted says what the answer to a flow proves that should be open.
func (j *probeJudge) wanted(s *shot, x *Probed) {
	say := func(right, path bool, detail string) {
		x.Right, x.PathBlocks = &right, path
		if x.Detail == "" {
			x.Detail = detail
		}
	}
	switch x.Answer {
	case ProbeConnected:
		if s.hears && !x.Ours && s.end.Protocol == rules.TCP {
			x.Detail = "it was not the host's own listener that answered: something on the way does"
			return
		}
		say(true, false, "")
	case ProbeRefused:
		switch j.verdict(s, x) {
		case rules.Allowed:
			if j.hears(s) {
				say(false, true, "the host lets it in and something waits there, so something on the way refuses it")
			} else {
				say(true, false, closedWords)
			}
		case rules.Denied:
			say(false, false, "the host refuses it")
		default:
			x.Detail = "refused; nobody can say whether by the host's firewall"
		}
	case ProbeFiltered:
		v := j.verdict(s, x)
		switch {
		case v == rules.Denied:
			say(false, false, "the host closes it")
		case j.stealthy && !j.hears(s):
			x.Detail = silentWords
		case v == rules.Allowed:
			say(false, true, "the host lets it in, and it does not arrive: look at what lies between, and at the outbound rules of who opens it")
		default:
			say(false, false, "nothing comes back, and nobody can say whether the host closes it")
		}
	case ProbeUnreachable:
		v := j.verdict(s, x)
		detail := "there is no way"
		if v == rules.Denied {
			detail = "the host refuses it"
		}
		say(false, v == rules.Allowed, detail)
	}
}

// unwanted says what the answer to a flow proves that should be closed.
func (j *probeJudge) unwanted(s *shot, x *Probed) {
	say := func(right bool, detail string) {
		x.Right = &right
		if x.Detail == "" {
			x.Detail = detail
		}
	}
	switch x.Answer {
	case ProbeConnected:
		j.verdict(s, x)
		say(false, "")
	case ProbeRefused:
		switch j.verdict(s, x) {
		case rules.Allowed:
			say(false, closedWords+", but it is let in")
		case rules.Denied:
			say(true, "")
		default:
			x.Detail = "refused; nobody can say whether by the host's firewall"
		}
	case ProbeFiltered:
		if j.stealthy && !j.hears(s) && j.verdict(s, x) != rules.Denied {
			x.Detail = silentWords
			return
		}
		say(true, "")
	case ProbeUnreachable:
		say(true, "")
	}
}

// protocolText is how a probe names a protocol.
func protocolText(p rules.Protocol) string {
	switch p {
	case rules.TCP:
		return "tcp"
	case rules.UDP:
		return "udp"
	}
	return fmt.Sprint(uint8(p))
}
