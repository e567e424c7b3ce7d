package linux

import "farmwall/rules"

// replies follows what the other end sends back, for the parts that got through: a
// port whose answers are dropped is not open. Where no chain on the way back can
// close anything all come through.
func (j *judge) replies(w *walk, s *scene, live []part) (through []part, done []outcome) {
	back := *s
	back.in, back.reply = !s.in, true
	if !back.answered() || !j.program.closesAny(&back) {
		return live, nil
	}
	w.scene = &back
	var start []part
	for _, p := range live {
		if p.sports = p.sports.intersect(ephemeral()); p.sports.empty() {
			through = append(through, p)
			continue
		}
		p.marks.packet, p.marks.noPacket = 0, false // an answer is another packet
		start = append(start, p)
	}
	came, done, _ := j.pass(w, &back, start)
	through = append(through, j.beneath(w, &back, came)...)
	for i := range done {
		if done[i].answer == rules.Denied {
			done[i].cause.by += " (it drops the answers)"
		}
	}
	w.scene = s
	s.askedDev, s.askedLocal = s.askedDev || back.askedDev, s.askedLocal || back.askedLocal
	return through, done
}

// clients is the source ports that a flow is judged for: those that programs without a
// special right get, also behind an address translator. Which of them a client takes
// differs from system to system, so each of them counts.
func clients() numbers { return numbers{{small(1024), small(65535)}} }

// ephemeral is the ports that clients take for themselves: Linux from 32768, Windows
// and others from 49152 (RFC 6335). A rule about answers to a lower port, such as
// one against mail that goes out, is not about answers.
func ephemeral() numbers { return numbers{{small(32768), small(65535)}} }

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
			case branches, rewrites:
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
