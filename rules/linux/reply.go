package linux

import "farmwall/rules"

// replies follows what the other end sends back, for the parts that got through, and of
// TCP the packet after that: a port whose answers are dropped is not open, nor is one
// that lets in the first packet of a connection alone. Where no chain on the way can
// close anything all come through.
func (j *judge) replies(w *walk, s *scene, live []part) (through []part, done []outcome) {
	back := *s
	back.in, back.reply = !s.in, true
	if !back.answered() {
		return live, nil
	}
	live, done = j.later(w, s, &back, live, "the answer", " (it drops the answers)")
	if s.protocol != 6 {
		return live, done
	}
	third := *s
	third.third = true
	live, lost := j.later(w, s, &third, live, "what follows the first packet", " (it drops what follows a connection's first packet)")
	return live, append(done, lost...)
}

// later walks a later packet of the connection, of the source ports that clients take.
func (j *judge) later(w *walk, s, packet *scene, live []part, name, what string) (through []part, done []outcome) {
	if !j.program.closesAny(packet) {
		return live, nil
	}
	w.scene = packet
	var start []part
	for _, p := range live {
		if p.sports = p.sports.Intersect(ephemeral()); p.sports.Empty() {
			through = append(through, p)
			continue
		}
		p.marks.packet, p.marks.noPacket = 0, false // a mark is of one packet
		p.unseen, p.noTrack = p.unseen || p.noTrack, false
		p.way = &trail{said: name, prev: p.way}
		start = append(start, p)
	}
	came, done, _ := j.pass(w, packet, start)
	through = append(through, j.beneath(w, packet, came)...)
	for i := range done {
		if done[i].answer == rules.Denied {
			done[i].cause.by += what
		}
	}
	w.scene = s
	s.askedDev, s.askedLocal = s.askedDev || packet.askedDev, s.askedLocal || packet.askedLocal
	return through, done
}

// clients is the source ports that a flow is judged for: those that programs without a
// special right get, also behind an address translator. Which of them a client takes
// differs from system to system, so each of them counts.
func clients() rules.Spans { return rules.Spans{{First: small(1024), Last: small(65535)}} }

// ephemeral is the ports that clients take for themselves: Linux from 32768, Windows
// and others from 49152 (RFC 6335). A rule about answers to a lower port, such as
// one against mail that goes out, is not about answers.
func ephemeral() rules.Spans { return rules.Spans{{First: small(32768), Last: small(65535)}} }

// answered says whether flows of the protocol go both ways. VRRP only tells.
func (s *scene) answered() bool { return s.ported() }

// closesAny says whether a base chain on the scene's way may close anything.
func (p *program) closesAny(s *scene) bool {
	for _, hook := range s.hooks() {
		for _, c := range p.bases {
			if c.Hook == hook && s.sees(c) && c.mayClose() {
				return true
			}
		}
	}
	return false
}

// mayClose says whether the chain by itself, or through what it calls, may end
// otherwise than in accept.
func (c *ruleChain) mayClose() bool {
	if c.Policy == "drop" {
		return true
	}
	for _, r := range c.rules {
		for i := range r.steps {
			switch s := &r.steps[i]; s.kind {
			case branches, rewrites, renames:
				return true
			case decides:
				if n := s.verdict.name; n != "accept" && n != "return" && n != "continue" {
					return true
				}
			}
		}
	}
	return false
}
