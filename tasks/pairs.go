package tasks

import (
	"net/netip"
	"sync"

	"farmwall/inventory"
	"farmwall/rules"
)

// Pairs is a host's exposure as a count of (source, port) pairs. Each other member of
// the farm is one source, and everybody who is no member is one more. Ports are those
// that the set or the one before it names, inbound and not on loopback; a protocol
// without ports counts as one.
type Pairs struct {
	Wanted  int `json:"wanted"`            // asked for by the rules
	Open    int `json:"open"`              // of all pairs, those that get through
	Beyond  int `json:"beyond,omitempty"`  // open and not wanted
	Closed  int `json:"closed,omitempty"`  // wanted and not open
	Unknown int `json:"unknown,omitempty"` // nobody can say, wanted or not
}

// Add sums up.
func (p *Pairs) Add(q *Pairs) {
	p.Wanted, p.Open, p.Beyond, p.Closed, p.Unknown = p.Wanted+q.Wanted, p.Open+q.Open, p.Beyond+q.Beyond, p.Closed+q.Closed, p.Unknown+q.Unknown
}

// census is a farm's members, to count whom a list of addresses names.
type census struct {
	members []*inventory.Host
	all     *rules.Addresses

	mu      sync.Mutex
	counted map[string]sources // by the list's hash
}

// sources is whom a list names.
type sources struct {
	members int
	others  bool // somebody who is no member
}

// takeCensus notes who the members of the farms are.
func (w *witness) takeCensus(farms []*inventory.Farm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members = map[string]*census{}
	for _, f := range farms {
		c := &census{members: f.Members, counted: map[string]sources{}}
		var list []netip.Prefix
		for _, h := range f.Members {
			for _, ip := range h.Addresses.Value {
				list = append(list, netip.PrefixFrom(ip, ip.BitLen()))
			}
		}
		c.all = rules.NewAddresses(list)
		w.members[f.Name] = c
	}
}

func (w *witness) census(farm string) *census {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.members[farm]
}

// count is how many sources a list names, the host itself left out.
func (c *census) count(a *rules.Addresses, self *inventory.Host) int {
	key := "anywhere"
	if a != nil {
		key = a.Hash()
	}
	c.mu.Lock()
	s, known := c.counted[key]
	c.mu.Unlock()
	if !known {
		for _, h := range c.members {
			if namesHost(a, h) {
				s.members++
			}
		}
		s.others = !a.Minus(c.all).Empty()
		c.mu.Lock()
		c.counted[key] = s
		c.mu.Unlock()
	}
	n := s.members
	if self != nil && self.Member() && namesHost(a, self) {
		n--
	}
	if s.others {
		n++
	}
	return n
}

// namesHost says whether a list names one of the host's addresses.
func namesHost(a *rules.Addresses, h *inventory.Host) bool {
	for _, ip := range h.Addresses.Value {
		if a.Contains(ip) {
			return true
		}
	}
	return false
}

// port is a run of ports of one protocol that all fare alike.
type port struct {
	protocol rules.Protocol
	first    uint16
	n        int
}

// pairs counts, at the ports of both sets, who gets through.
func (c *census) pairs(d rules.Reader, s *rules.State, self *inventory.Host, want, gone rules.Set) *Pairs {
	cut := cutsOf(d, s, want, gone)
	ports := map[port]bool{}
	for _, set := range []rules.Set{want, gone} {
		for i := range set {
			r := &set[i]
			if r.Direction != rules.In || r.Loopback || r.Opaque != "" {
				continue
			}
			for _, p := range portsOf(r) {
				for _, part := range cut.parts(p) {
					ports[port{r.Protocol, part.First, int(part.Last) - int(part.First) + 1}] = true
				}
			}
		}
	}
	total := &Pairs{}
	for p := range ports {
		flow := rules.Flow{Direction: rules.In, Protocol: p.protocol, Port: p.first}
		named := rules.Flow{Direction: rules.In, Protocol: p.protocol, Port: p.first}
		outside, some := want.Outsider(flow)
		if some {
			named.Remotes = outside.Not
		}
		if !named.Remotes.Empty() {
			fare := c.fares(d, s, self, named)
			total.Wanted += p.n * c.count(named.Remotes, self)
			total.Open += p.n * fare[rules.Allowed]
			total.Closed += p.n * fare[rules.Denied]
			total.Unknown += p.n * fare[rules.Unknown]
		}
		if some {
			fare := c.fares(d, s, self, outside)
			total.Open += p.n * fare[rules.Allowed]
			total.Beyond += p.n * fare[rules.Allowed]
			total.Unknown += p.n * fare[rules.Unknown]
		}
	}
	return total
}

// fares counts the sources of a flow by the answer that they meet. A verdict names
// the addresses of its answer, and there are three answers. A member of whose
// addresses some get through counts for each answer that it meets.
func (c *census) fares(d rules.Reader, s *rules.State, self *inventory.Host, f rules.Flow) map[rules.Answer]int {
	out := map[rules.Answer]int{}
	rest := f
	for range 3 {
		v := d.Judge(s, rest)
		if len(v.Part) == 0 {
			// Of what remains nobody's packets may be able to come at all.
			if v.Answer != rules.Unknown || v.By != "" || rest == f {
				out[v.Answer] += c.count(rest.Sources(), self)
			}
			break
		}
		part := rules.NewAddresses(v.Part)
		out[v.Answer] += c.count(part, self)
		rest.Remotes, rest.Not = rest.Sources().Minus(part), nil
		if rest.Remotes.Empty() {
			break
		}
	}
	return out
}
