package linux

import (
	"strings"

	"farmwall/rules"
)

// inDispute begins the reason for what another chain of the same hook and priority may
// have changed: which of the two comes first depends on when each was made, and no
// listing says that.
const inDispute = "another chain of the same hook and priority, which may come first, "

// tracking is what connection tracking knows of a packet.
type tracking int

const (
	trackedNot tracking = iota // it comes before tracking
	trackedNow
	trackedNever // notrack
	trackedMaybe
)

// tracking says how far the part is known to connection tracking, which begins at
// priority -200 of the first hook.
func (s *scene) tracking(p *part) tracking {
	first := s.hook == "prerouting" && !s.loopback || s.hook == "output"
	switch {
	case s.disputed.tracks && !p.noTrack && first && s.priority < -200:
		return trackedMaybe
	case p.noTrack:
		return trackedNever
	case s.hook == "ingress", s.hook == "egress", first && s.priority == -200:
		return trackedMaybe
	case first && s.priority < -200:
		return trackedNot
	}
	return trackedNow
}

// ct looks the connection up: a new one, or for an answer one that is known.
func (s *scene) ct(key string, p *part) property {
	how := s.tracking(p)
	if s.later() && (p.unseen || p.noZone) && how == trackedNow {
		return property{why: "the answer to a packet that is not tracked may be anything to connection tracking"}
	}
	if how == trackedMaybe {
		return property{why: "connection tracking does not reach this chain for certain"}
	}
	if key == "state" {
		switch {
		case how == trackedNever:
			return known(64)
		case how == trackedNot:
			return known(1)
		case s.later():
			return known(2)
		}
		return known(8)
	}
	if how != trackedNow {
		return property{kind: absent}
	}
	switch key {
	case "mark":
		if s.disputed.marks {
			return property{why: inDispute + "sets marks"}
		}
		if p.marks.noConn {
			return property{why: "the connection's mark was set to something that is not known"}
		}
		return known(uint64(p.marks.conn))
	case "status":
		// A new connection has none of the bits; whether its addresses were looked up for
		// NAT (0x80, 0x100) is open. What was sent elsewhere is not followed to here.
		early := s.hook == "input" || s.hook == "prerouting" && s.priority > -200 || s.hook == "output" || s.hook == "postrouting" && s.priority < 100
		if !s.later() && !s.loopback && early {
			return property{kind: constant, values: []rules.Number{{}, small(0x80), small(0x100), small(0x180)}}
		}
	case "direction":
		if s.reply {
			return known(1)
		}
		return known(0)
	case "protocol":
		return known(s.protocol)
	case "l3proto":
		return known(s.nfproto())
	case "zone":
		if !p.noZone {
			return known(0)
		}
	}
	if name, ok := strings.CutPrefix(key, "original "); ok {
		return s.original(name)
	}
	return property{}
}

// original is a property of the connection's first packet.
func (s *scene) original(name string) property {
	fromRemote := s.in != s.reply
	switch name {
	case "ip saddr", "ip6 saddr", "saddr":
		return s.address(name == "saddr" || (name == "ip saddr") == s.v4, fromRemote)
	case "ip daddr", "ip6 daddr", "daddr":
		return s.address(name == "daddr" || (name == "ip daddr") == s.v4, !fromRemote)
	case "proto-src", "proto-dst":
		if s.ported() {
			if name == "proto-src" {
				return property{kind: sports}
			}
			return property{kind: constant, values: []rules.Number{s.port}}
		}
	case "protocol":
		return known(s.protocol)
	case "l3proto":
		return known(s.nfproto())
	}
	return property{}
}

// marked is the part's marks after a rule set one.
func (w *walk) marked(p part, r *remark) marking {
	t := w.scene.tracking(&p)
	if w.scene.later() && (p.unseen || p.noZone) && t == trackedNow {
		t = trackedMaybe
	}
	m := p.marks
	if w.scene.disputed.marks && (r.keep != 0 || r.from != fromNothing) {
		m.packet, m.noPacket, m.conn, m.noConn = 0, true, 0, true
	}
	return m.apply(r, t == trackedNow, t != trackedMaybe)
}

// connected leaves a rule of nft that reads a connection's mark to packets that have a
// connection.
func (w *walk) connected(certain, perhaps, next []part, why string) (c, m, n []part, reason string) {
	reason = why
	for i, ps := range [][]part{certain, perhaps} {
		for _, p := range ps {
			switch w.scene.tracking(&p) {
			case trackedNot, trackedNever:
				next = append(next, p)
			case trackedMaybe:
				m, reason = append(m, p), "connection tracking does not reach this chain for certain"
			case trackedNow:
				if i == 0 {
					c = append(c, p)
				} else {
					m = append(m, p)
				}
			}
		}
	}
	return c, m, next, reason
}
