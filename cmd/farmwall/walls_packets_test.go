//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"farmwall/rules"
	"farmwall/transport/lab"
)

// shot is one packet of the matrix: from another host to a wall, from a wall to
// another host, or from a wall to itself over the loopback.
type shot struct {
	host     string // the wall
	sender   string
	way      rules.Direction
	loopback bool
	remote   netip.Addr // the other end
	local    netip.Addr // the wall's
	protocol uint8
	port     uint16
}

func (s shot) String() string {
	arrow := "<-"
	if s.way == rules.Out {
		arrow = "->"
	}
	return fmt.Sprintf("%s (%s) %s %s (%s), protocol %d port %d", s.host, s.local, arrow, s.sender, s.remote, s.protocol, s.port)
}

// of says whether the packet is one of the flow; sources are the flow's.
func (s shot) of(f rules.Flow, sources *rules.Addresses) bool {
	if s.way != f.Direction || s.protocol != uint8(f.Protocol) || s.port != f.Port || s.loopback != f.Loopback {
		return false
	}
	return s.loopback || sources.Contains(s.remote)
}

// unwanted says whether no rule is about the packet.
func (s shot) unwanted(wanted []rules.Rule) bool {
	return !slices.ContainsFunc(wanted, func(r rules.Rule) bool {
		return r.Direction == s.way && uint8(r.Protocol) == s.protocol && (!r.Loopback || s.loopback) && (s.loopback || r.Remotes.Contains(s.remote)) &&
			(len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p rules.PortRange) bool { return p.First <= s.port && s.port <= p.Last }))
	})
}

// expected is what a verdict on a flow says of one of its packets. The worst part
// is what a verdict reports: others may fare better.
func (s shot) expected(v rules.Verdict) (open, known bool) {
	if len(v.Part) > 0 && !slices.ContainsFunc(v.Part, func(p netip.Prefix) bool { return p.Contains(s.remote) }) {
		return true, v.Answer == rules.Unknown
	}
	return v.Answer == rules.Allowed, v.Answer != rules.Unknown
}

func (y *wallTally) count(v rules.Verdict) {
	switch v.Answer {
	case rules.Allowed:
		y.allowed++
	case rules.Denied:
		y.denied++
	default:
		y.unknown++
		y.why[v.Reason]++
	}
}

// strays are ports that no rule is about, but some rulesets.
func strays() map[uint8][]uint16 {
	return map[uint8][]uint16{6: {22, 23, 8080, 8085, 9090, 30050, 113}, 17: {53, 137, 7041}, 47: {0}}
}

// outward are ports to which walls send.
func outward() map[uint8][]uint16 {
	return map[uint8][]uint16{6: {25, 80, 5003, 5005}, 17: {53, 5004, 5006}}
}

// matrix is all packets: to each wall on the ports of its rules and on others, and
// out of it.
func (w *wallFarm) matrix() []shot {
	wanted := wantedOf(w.t, w.inventory)
	var all []shot
	for _, h := range w.walls {
		in, loop := strays(), map[uint8][]uint16{}
		for _, r := range wanted[h.Name] {
			if r.Direction != rules.In {
				continue
			}
			ports := []uint16{}
			for _, p := range r.Ports {
				ports = append(ports, p.First, p.First+(p.Last-p.First+1)/2, p.Last)
			}
			if len(r.Ports) == 0 {
				ports = append(ports, 0)
			}
			to := in
			if r.Loopback {
				to = loop
			}
			to[uint8(r.Protocol)] = append(to[uint8(r.Protocol)], ports...)
		}
		in[17] = append(in[17], 7003)
		for _, from := range w.senders {
			for _, remote := range from.Addresses {
				for _, local := range h.Addresses {
					if remote.Is4() != local.Is4() {
						continue
					}
					all = appendShots(all, shot{host: h.Name, sender: from.Name, way: rules.In, remote: remote, local: local}, in)
					all = appendShots(all, shot{host: h.Name, sender: from.Name, way: rules.Out, remote: remote, local: local}, outward())
				}
			}
		}
		all = appendShots(all, shot{host: h.Name, sender: h.Name, way: rules.In, loopback: true, remote: netip.MustParseAddr("127.0.0.1"), local: netip.MustParseAddr("127.0.0.1")}, loop)
	}
	return all
}

func appendShots(all []shot, s shot, ports map[uint8][]uint16) []shot {
	for _, protocol := range []uint8{6, 17, 47, 112} {
		list := slices.Clone(ports[protocol])
		slices.Sort(list)
		for _, port := range slices.Compact(list) {
			s.protocol, s.port = protocol, port
			all = append(all, s)
		}
	}
	return all
}

// listen opens all ports that the matrix sends to.
func (w *wallFarm) listen() {
	w.t.Helper()
	need := map[string]map[uint8][]uint16{}
	for _, s := range w.matrix() {
		to := s.host
		if s.way == rules.Out {
			to = s.sender
		}
		if need[to] == nil {
			need[to] = map[uint8][]uint16{}
		}
		need[to][s.protocol] = append(need[to][s.protocol], s.port)
	}
	for name, ports := range need {
		h, err := w.farm.Host(name)
		if err != nil {
			w.t.Fatal(err)
		}
		for protocol, list := range ports {
			slices.Sort(list)
			list = slices.Compact(list)
			if err := h.Listen(context.Background(), protocol, list...); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// send sends the whole matrix and says how far each packet came.
func (w *wallFarm) send(matrix []shot) map[shot]lab.Reach {
	w.t.Helper()
	by := map[string][]shot{}
	for _, s := range matrix {
		from := s.sender
		if s.way == rules.Out {
			from = s.host
		}
		by[from] = append(by[from], s)
	}
	reach := map[shot]lab.Reach{}
	for name, shots := range by {
		h, err := w.farm.Host(name)
		if err != nil {
			w.t.Fatal(err)
		}
		probes := make([]lab.Probe, len(shots))
		for i, s := range shots {
			probes[i] = lab.Probe{From: s.remote, To: s.local, Protocol: s.protocol, Port: s.port}
			if s.way == rules.Out {
				probes[i].From, probes[i].To = s.local, s.remote
			}
		}
		answers, err := h.Probe(context.Background(), probes...)
		if err != nil {
			w.t.Fatal(err)
		}
		for i, a := range answers {
			reach[shots[i]] = a.Reach
		}
		w.tally.packets += len(answers)
	}
	return reach
}
