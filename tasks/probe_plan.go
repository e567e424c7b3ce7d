package tasks

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"farmwall/inventory"
	"farmwall/rules"
)

// shot is one flow on its way from a source to a target.
type shot struct {
	target int
	rule   *rules.Rule
	from   *inventory.Host // nil: the controller
	end    rules.FlowEnd
	// starts: the source is a member that the rule is there for.
	starts bool

	// What came of it.
	hears  bool // a listener of ours waited there
	reply  rules.ProbeReply
	failed string // why the source could not be asked
}

// probing is the shots of one verb at some targets.
type probing struct {
	r       *Runner
	run     *progress
	w       *wanting
	targets []wanted
	opt     ProbeOptions
	nonce   string

	bySource map[*inventory.Host][]*shot // nil: the controller's
	sources  []*inventory.Host           // those with shots, in order of the inventory
	byTarget [][]*shot
	heard    []*rules.ListenReport // what a target waited on, where it was asked before

	mu        sync.Mutex
	contested int // targets of which a rule lets this machine in, though it is to be the outsider
	tools     map[*inventory.Host]*rules.ProbeReport
	sum       ProbeSummary
}

// ProbeSummary is what was opened, and what was not.
type ProbeSummary struct {
	// Made is how many flows were opened, and Answers what came of them.
	Made    int                 `json:"made"`
	Answers map[ProbeAnswer]int `json:"answers,omitempty"`
	// Wrong are proven not to be as they are wanted; Blocked are those of them that the
	// host lets in and that do not arrive; Unknown prove nothing.
	Wrong   int `json:"wrong"`
	Blocked int `json:"blocked"`
	Unknown int `json:"unknown"`
	// LeftOut is how many pairs of a member and a port the limit left out.
	LeftOut int           `json:"left_out,omitempty"`
	Sources []ProbeSource `json:"sources,omitempty"`
	Notes   []string      `json:"notes,omitempty"`
}

// ProbeSource is who opened flows, and with what.
type ProbeSource struct {
	Host   string `json:"host"`
	Made   int    `json:"made"`
	Tool   string `json:"tool,omitempty"`
	Cannot string `json:"cannot,omitempty"` // why it could not
}

// planner works out who opens what. Its work grows with the ports of the targets and
// with the members that try each, not with members times members.
type planner struct {
	*probing
	rows      map[string]*rules.Row
	allowed   map[string]bool                                 // hosts that may be asked
	members   map[string]map[inventory.Role][]*inventory.Host // by farm; "" is every member without a role
	outsiders []*inventory.Host
	seen      map[shotKey]*shot
	nobody    [2]map[string]int // ends that no member could try, by rule: left out, and nobody there
	left      int
}

type shotKey struct {
	from *inventory.Host
	end  rules.FlowEnd
}

// shotsAt plans the probes of all targets.
func (r *Runner) shotsAt(run *progress, w *wanting, targets []wanted, opt ProbeOptions) *probing {
	p := &probing{r: r, run: run, w: w, targets: targets, opt: opt, nonce: nonce(), bySource: map[*inventory.Host][]*shot{},
		byTarget: make([][]*shot, len(targets)), heard: make([]*rules.ListenReport, len(targets)), tools: map[*inventory.Host]*rules.ProbeReport{}}
	p.sum.Answers = map[ProbeAnswer]int{}
	l := &planner{probing: p, rows: map[string]*rules.Row{}, allowed: map[string]bool{}, members: map[string]map[inventory.Role][]*inventory.Host{},
		seen: map[shotKey]*shot{}, nobody: [2]map[string]int{{}, {}}}
	for i := range r.Rows {
		l.rows[r.Rows[i].ID] = &r.Rows[i]
	}
	for _, h := range opt.Hosts {
		l.allowed[h.Name] = true
	}
	for _, f := range w.inv.Farms {
		l.members[f.Name] = membersByRole(f)
	}
	named := 0
	for _, h := range w.inv.Hosts {
		if h.ProbeOutsider.Value && !h.Member() {
			named++
			if l.allowed[h.Name] {
				l.outsiders = append(l.outsiders, h)
			}
		}
	}
	if len(l.outsiders) == 0 && r.Net != nil {
		l.outsiders = append(l.outsiders, nil)
		if named > 0 {
			p.note("the outsiders of the inventory are left out by --limit, so this machine is the outsider")
		}
	}
	for i := range targets {
		clear(l.seen) // an end is one target's
		l.aim(i)
	}
	l.conclude()
	return p
}

func membersByRole(f *inventory.Farm) map[inventory.Role][]*inventory.Host {
	by := map[inventory.Role][]*inventory.Host{}
	for _, h := range f.Members {
		for _, role := range h.Roles {
			by[role] = append(by[role], h)
		}
		if len(h.Roles) == 0 {
			by[""] = append(by[""], h)
		}
	}
	return by
}

// aim plans the probes at one target.
func (l *planner) aim(i int) {
	t := &l.targets[i]
	ends := endsOf(t.host)
	if len(ends) == 0 {
		return
	}
	for j := range t.set {
		rule := &t.set[j]
		if rule.Direction != rules.In || rule.Block || rule.Opaque != "" {
			continue
		}
		for _, port := range rules.SamplePorts(rule.Ports) {
			for _, address := range ends {
				end := rules.FlowEnd{Address: address, Protocol: rule.Protocol, Port: port}
				for _, o := range l.outsiders {
					l.fire(i, rule, o, end, false)
				}
				if !rule.Loopback {
					l.fromMembers(i, rule, end)
				}
			}
		}
	}
}

// endsOf are the addresses at which a host is tried: the first of each family.
func endsOf(h *inventory.Host) []netip.Addr {
	var out []netip.Addr
	for _, v4 := range []bool{true, false} {
		if k := slices.IndexFunc(h.Addresses.Value, func(a netip.Addr) bool { return a.Unmap().Is4() == v4 }); k >= 0 {
			out = append(out, h.Addresses.Value[k].Unmap())
		}
	}
	return out
}

// fromMembers has members try one end: those whose role starts the flow, of each role as
// many as the limit says.
func (l *planner) fromMembers(i int, rule *rules.Rule, end rules.FlowEnd) {
	t := &l.targets[i]
	by := l.members[t.farm]
	roles, known := l.starters(t.host, rule)
	if !known {
		roles = append(inventory.Roles(), "")
	}
	tried, there, limited := 0, false, false
	for _, role := range roles {
		list := by[role]
		n := 0
		for k := range list {
			// Each target begins with another member, so that all have their turn.
			h := list[(i+k)%len(list)]
			if h.Name == t.host.Name || !reaches(h, rule, end) {
				continue
			}
			there = true
			if !l.allowed[h.Name] {
				limited = true
				continue
			}
			if l.opt.Limit > 0 && n >= l.opt.Limit {
				l.left += len(list) - k
				break
			}
			n++
			l.fire(i, rule, h, end, true)
		}
		tried += n
	}
	if l.opt.AllRoles {
		l.fromEveryRole(i, rule, end)
	}
	if tried == 0 && rule.Remotes != nil {
		switch {
		case limited:
			l.nobody[0][rule.ID]++
		case !there:
			l.nobody[1][rule.ID]++
		}
	}
}

// starters are the roles that start what a rule of the target opens; known is false where
// nobody says.
func (l *planner) starters(target *inventory.Host, rule *rules.Rule) (roles []inventory.Role, known bool) {
	if rule.Why == nil {
		return nil, false
	}
	row := l.rows[rule.Why.Row]
	if row == nil || len(row.Peers) == 0 {
		if row != nil && row.Scope == rules.External {
			return []inventory.Role{inventory.Client}, true
		}
		return nil, false
	}
	roles = row.Peers
	if clients := row.Clients == "always" || row.Clients == "direct_mode" && target.DirectMode.Value; clients && !slices.Contains(roles, inventory.Client) {
		roles = append(slices.Clone(roles), inventory.Client)
	}
	return roles, true
}

// fromEveryRole has members of every role try an end, whether it is open to them or not.
func (l *planner) fromEveryRole(i int, rule *rules.Rule, end rules.FlowEnd) {
	t := &l.targets[i]
	for _, role := range append(inventory.Roles(), "") {
		list := l.members[t.farm][role]
		n := 0
		for k := range list {
			h := list[(i+k)%len(list)]
			if h.Name == t.host.Name || !l.allowed[h.Name] || !sameFamily(h, end) {
				continue
			}
			if l.opt.Limit > 0 && n >= l.opt.Limit {
				l.left += len(list) - k
				break
			}
			n++
			l.fire(i, rule, h, end, false)
		}
	}
}

// reaches says whether one of the host's addresses of that family is one that the rule
// names.
func reaches(h *inventory.Host, rule *rules.Rule, end rules.FlowEnd) bool {
	return slices.ContainsFunc(h.Addresses.Value, func(a netip.Addr) bool {
		return a.Unmap().Is4() == end.Address.Is4() && rule.Remotes.Contains(a)
	})
}

func sameFamily(h *inventory.Host, end rules.FlowEnd) bool {
	return slices.ContainsFunc(h.Addresses.Value, func(a netip.Addr) bool { return a.Unmap().Is4() == end.Address.Is4() })
}

// fire adds a shot, once for each source and end.
func (l *planner) fire(i int, rule *rules.Rule, from *inventory.Host, end rules.FlowEnd, starts bool) {
	key := shotKey{from, end}
	if s := l.seen[key]; s != nil {
		if starts && !s.starts {
			s.starts, s.rule = true, rule
		}
		return
	}
	if from != nil && len(from.Addresses.Value) > 0 && !sameFamily(from, end) {
		return
	}
	s := &shot{target: i, rule: rule, from: from, end: end, starts: starts}
	l.seen[key] = s
	l.bySource[from] = append(l.bySource[from], s)
	l.byTarget[i] = append(l.byTarget[i], s)
}

// conclude puts the sources in order and says what is left out.
func (l *planner) conclude() {
	place := map[*inventory.Host]int{}
	for k, h := range l.w.inv.Hosts {
		place[h] = k
	}
	for h := range l.bySource {
		l.sources = append(l.sources, h)
	}
	slices.SortFunc(l.sources, func(a, b *inventory.Host) int {
		if a == nil || b == nil {
			return cmp.Compare(truth(a == nil), truth(b == nil))
		}
		return cmp.Compare(place[a], place[b])
	})
	if l.left > 0 {
		l.sum.LeftOut = l.left
		l.note(fmt.Sprintf("each port was tried from at most %d members of each role that starts it; up to %d more pairs of member and port were left out (--probe-limit 0 tries all)", l.opt.Limit, l.left))
	}
	for k, why := range []string{"who starts them is left out by --limit", "no other member starts them from where they are opened to"} {
		n := 0
		for _, ends := range l.nobody[k] {
			n += ends
		}
		if ids := slices.Sorted(maps.Keys(l.nobody[k])); n > 0 {
			more := ""
			if len(ids) > 4 {
				ids, more = ids[:4], fmt.Sprintf(" and %d more", len(ids)-4)
			}
			l.note(fmt.Sprintf("%d wanted ports were tried by no member (%s%s): %s", n, strings.Join(ids, ", "), more, why))
		}
	}
	if len(l.outsiders) == 0 {
		l.note("there was no outsider: what only members may reach was not tried by anybody else")
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *probing) note(text string) { p.sum.Notes = append(p.sum.Notes, text) }
