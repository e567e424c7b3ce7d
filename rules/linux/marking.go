package linux

import (
	"encoding/json"
)

// marking is the two marks that rules set and ask for: the packet's own and its
// connection's. It is comparable: a mark that is not known is 0.
type marking struct {
	packet, conn     uint32
	noPacket, noConn bool // not known
}

// or is what is known where either may be.
func (a marking) or(b marking) marking {
	if a.noPacket || b.noPacket || a.packet != b.packet {
		a.packet, a.noPacket = 0, true
	}
	if a.noConn || b.noConn || a.conn != b.conn {
		a.conn, a.noConn = 0, true
	}
	return a
}

// markSource is where a new mark comes from.
type markSource int

const (
	fromNothing markSource = iota
	fromPacket
	fromConn
	fromUnknown
)

// remark makes a mark of what it was and of a source: old & keep ^ source & take ^ flip.
type remark struct {
	conn             bool // the connection's
	from             markSource
	keep, take, flip uint32
	// strict: where there is no connection to read the rule ends.
	strict bool
}

// apply sets the mark; sure is false where nobody knows whether there is a connection.
func (m marking) apply(r *remark, tracked, sure bool) marking {
	if (r.conn || r.from == fromConn) && !sure {
		if r.conn {
			m.conn, m.noConn = 0, true
		} else {
			m.packet, m.noPacket = 0, true
		}
		return m
	}
	if (r.conn || r.from == fromConn) && !tracked {
		return m // there is no connection to read or to mark
	}
	old, unknownOld := m.packet, m.noPacket
	if r.conn {
		old, unknownOld = m.conn, m.noConn
	}
	source, unknownSource := uint32(0), r.from == fromUnknown
	switch r.from {
	case fromPacket:
		source, unknownSource = m.packet, m.noPacket
	case fromConn:
		source, unknownSource = m.conn, m.noConn
	}
	value := old&r.keep ^ source&r.take ^ r.flip
	no := unknownOld && r.keep != 0 || unknownSource && r.take != 0
	if no {
		value = 0
	}
	if r.conn {
		m.conn, m.noConn = value, no
	} else {
		m.packet, m.noPacket = value, no
	}
	return m
}

// readRemark reads the value of nft's meta mark set and ct mark set: a number, a mark,
// or either with numbers joined by &, | and ^.
func readRemark(conn bool, raw json.RawMessage) *remark {
	r := &remark{conn: conn, take: ^uint32(0)}
	if !r.read(raw, 0) {
		return &remark{conn: conn, from: fromUnknown, take: ^uint32(0)}
	}
	r.strict = r.from == fromConn
	return r
}

func (r *remark) read(raw json.RawMessage, depth int) bool {
	name, inner := statement(raw)
	switch name {
	case "&", "|", "^":
		var sides []json.RawMessage
		if json.Unmarshal(inner, &sides) != nil || len(sides) != 2 || depth > 8 || !r.read(sides[0], depth+1) {
			return false
		}
		v := parseValue(sides[1])
		n, ok := v.single()
		if !ok || n.Hi != 0 || n.Lo > 1<<32-1 {
			return false
		}
		m := uint32(n.Lo)
		switch name {
		case "&":
			r.take, r.flip = r.take&m, r.flip&m
		case "|":
			r.take, r.flip = r.take&^m, r.flip|m
		case "^":
			r.flip ^= m
		}
		return true
	case "meta", "ct":
		var k struct{ Key, Dir string }
		if json.Unmarshal(inner, &k) != nil || k.Key != "mark" || k.Dir != "" {
			return false
		}
		r.from = fromPacket
		if name == "ct" {
			r.from = fromConn
		}
		return true
	}
	v := parseValue(raw)
	n, ok := v.single()
	r.from, r.flip = fromNothing, uint32(n.Lo)
	return ok && n.Hi == 0 && n.Lo <= 1<<32-1
}
