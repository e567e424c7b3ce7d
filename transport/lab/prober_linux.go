package lab

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// probesAtOnce is how many probes share a sentinel: their numbers fit into one
// frame.
const probesAtOnce = 150

// sourcesAtOnce bounds the addresses of a prober that a sentinel names; a host
// of the lab has a handful.
const sourcesAtOnce = 24

// prober sends the probes of one request, from one thread.
type prober struct {
	ctx   context.Context
	wire  *wireSocket
	own   []netip.Addr
	known map[netip.Addr]bool // neighbours whose hardware address is known
}

// probeAll makes all probes from this namespace. own is the addresses it has.
func probeAll(ctx context.Context, cable string, own []netip.Addr, targets []target) ([]Answer, error) {
	type result struct {
		answers []Answer
		err     error
	}
	done := make(chan result, 1)
	go func() {
		if err := onOneCPU(); err != nil {
			done <- result{nil, err}
			return
		}
		wire, err := openWire(cable)
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer wire.close()
		p := &prober{ctx: ctx, wire: wire, own: own, known: map[netip.Addr]bool{}}
		var all []Answer
		for part := range slices.Chunk(targets, probesAtOnce) {
			answers, err := p.probe(part)
			if err != nil {
				done <- result{nil, err}
				return
			}
			all = append(all, answers...)
		}
		done <- result{all, nil}
	}()
	r := <-done
	return r.answers, r.err
}

// local says whether the address is this namespace's own, so that packets to it
// go over the loopback.
func (p *prober) local(a netip.Addr) bool { return a.IsLoopback() || slices.Contains(p.own, a) }

// path is where sentinels of a probe go.
type path struct {
	link int
	mac  [6]byte
}

func (p *prober) path(t target) (path, bool) {
	if p.local(t.To) {
		return path{link: p.wire.links[0].Index}, true
	}
	hw, err := net.ParseMAC(t.MAC)
	if err != nil || len(hw) != 6 {
		return path{}, false // nobody of this lab has the address
	}
	return path{link: p.wire.cable(), mac: [6]byte(hw)}, true
}

// shot is a probe on its way.
type shot struct {
	target
	fd      int // -1: it did not leave
	failed  error
	path    path
	carried bool // the sentinel behind it was answered
	arrived bool
}

func (p *prober) probe(targets []target) ([]Answer, error) {
	var session uint32
	if err := binary.Read(rand.Reader, binary.BigEndian, &session); err != nil {
		return nil, err
	}
	shots, err := p.aim(targets)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range shots {
			if s.fd >= 0 {
				unix.Close(s.fd)
			}
		}
	}()
	ways := map[path][]netip.Addr{} // with the addresses that probes come from
	for i := range shots {
		if s := &shots[i]; s.failed == nil {
			ways[s.path] = append(ways[s.path], s.source()...)
		}
	}
	// Before: the way back is known. After, twice, because the answer of the first
	// may overtake the last packets on their way back.
	alive, _, err := p.sentinels(session, 0, ways)
	if err != nil {
		return nil, err
	}
	for i := range shots {
		s := &shots[i]
		s.carried = s.failed == nil && alive[s.path]
		if s.carried {
			s.fire(session, i)
		}
	}
	for round := 1; round <= 2; round++ {
		reached := map[path][]netip.Addr{}
		for w := range alive {
			reached[w] = nil
		}
		answered, arrived, err := p.sentinels(session, round, reached)
		if err != nil {
			return nil, err
		}
		for i := range shots {
			s := &shots[i]
			s.carried = s.carried && answered[s.path]
			s.arrived = s.arrived || slices.Contains(arrived[s.path], i)
		}
	}
	answers := make([]Answer, len(shots))
	for i := range shots {
		s := &shots[i]
		answers[i] = s.result()
		if s.Protocol != unix.IPPROTO_TCP && s.Protocol != unix.IPPROTO_UDP {
			for _, from := range s.source() {
				forgetFlow(s.Protocol, from, s.To)
			}
		}
	}
	return answers, nil
}

// aim opens the sockets and finds the neighbours.
func (p *prober) aim(targets []target) ([]shot, error) {
	var unknown []netip.Addr
	for _, t := range targets {
		if _, ok := p.path(t); ok && !p.local(t.To) && !p.known[t.To] && !slices.Contains(unknown, t.To) {
			unknown = append(unknown, t.To)
		}
	}
	if len(unknown) > 0 {
		found, err := resolve(p.wire.cable(), unknown)
		if err != nil {
			return nil, fmt.Errorf("find the neighbours: %w", err)
		}
		for a := range found {
			p.known[a] = true
		}
	}
	shots := make([]shot, len(targets))
	for i, t := range targets {
		s := shot{target: t, fd: -1}
		way, ok := p.path(t)
		switch {
		case !ok:
			s.failed = errors.New("no host of the lab has this address")
		case !p.local(t.To) && !p.known[t.To]:
			s.failed = errors.New("no neighbour answers for this address")
		default:
			s.path = way
			s.fd, s.failed = openShot(t.Probe)
		}
		shots[i] = s
	}
	return shots, nil
}

// sentinels sends one on each path and waits for all answers. Paths without one
// are missing in answered.
func (p *prober) sentinels(session uint32, round int, ways map[path][]netip.Addr) (answered map[path]bool, arrived map[path][]int, err error) {
	answered, arrived = map[path]bool{}, map[path][]int{}
	end := time.Now().Add(sentinelWait)
	for len(answered) < len(ways) && time.Now().Before(end) {
		for w, sources := range ways {
			if answered[w] {
				continue
			}
			slices.SortFunc(sources, netip.Addr.Compare)
			sources = slices.Compact(sources)
			s := sentinel{Session: session, Round: round, Sources: sources[:min(len(sources), sourcesAtOnce)], Last: round == 2}
			if err := p.wire.send(w.link, w.mac, s); err != nil {
				return nil, nil, fmt.Errorf("send the sentinel: %w", err)
			}
		}
		again := time.Now().Add(sentinelAgain)
		for len(answered) < len(ways) && time.Now().Before(again) {
			if err := p.ctx.Err(); err != nil {
				return nil, nil, err
			}
			wait := unix.NsecToTimespec(int64(max(0, time.Until(again))))
			unix.Ppoll([]unix.PollFd{{Fd: int32(p.wire.fd), Events: unix.POLLIN}}, &wait, nil)
			for s, ok := p.wire.next(); ok; s, ok = p.wire.next() {
				if !s.Answer || s.Session != session || s.Round != round {
					continue
				}
				for w := range ways {
					if w.link == s.link && (w.mac == s.from || w.link == p.wire.links[0].Index) {
						answered[w] = true
						arrived[w] = s.Arrived
					}
				}
			}
		}
	}
	return answered, arrived, nil
}

// serveProbes does what a client asks of a namespace's listeners and prober.
func serveProbes(c *net.UnixConn, q request, r *responder, cable string, own []netip.Addr) {
	defer c.Close()
	if q.Op == "listen" {
		if err := r.listen(q.Protocol, q.Ports); err != nil {
			sendMessage(c, failure(err))
			return
		}
		sendMessage(c, answer{})
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // the client hangs up when it no longer wants to know
		var nothing request
		receiveMessage(c, &nothing)
		cancel()
	}()
	reached, err := probeAll(ctx, cable, own, q.Probes)
	if err != nil {
		sendMessage(c, failure(err))
		return
	}
	sendMessage(c, answer{Reached: reached})
}
