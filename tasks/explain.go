package tasks

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"farmwall/inventory"
	"farmwall/rules"
)

// Question asks what a host does with flows.
type Question struct {
	Direction rules.Direction
	Asked     []Asked
	// Remotes is the other end; nil: anywhere, where Peers is empty too.
	Remotes *rules.Addresses
	// Peers are hosts of the inventory whose addresses belong to the other end.
	Peers []*inventory.Host
	// Loopback asks for the host's flow to itself.
	Loopback bool
	// Local is the one of the host's addresses that is asked for; invalid: any.
	Local netip.Addr
}

// Asked is a protocol and its ports; one without ports has the range 0 to 0.
type Asked struct {
	Protocol rules.Protocol
	Ports    rules.PortRange
}

// Explanation is what a host does with the flows of a question.
type Explanation struct {
	Host    string      `json:"host"`
	Farm    string      `json:"farm"`
	System  string      `json:"system"`
	Manager string      `json:"manager"`
	Answers []Explained `json:"answers"`
}

// Explained is the answer for one flow, and the way to it.
type Explained struct {
	Flow rules.Flow `json:"flow"`
	// LastPort is the last one that fares as the flow's port does, where the question was
	// for a range.
	LastPort uint16       `json:"last_port,omitempty"`
	Answer   rules.Answer `json:"answer"` // the worst of the shares
	// Wanted are the rules of the inventory that want all or some of the flow open;
	// WantedWhole: together they want all of it.
	Wanted      []string      `json:"wanted,omitempty"`
	WantedWhole bool          `json:"wanted_whole,omitempty"`
	Shares      []rules.Share `json:"shares"`
}

// Explain reads a host once and says what it does with flows and why. The
// explanation is nil where the host could not be read; the summary says why.
func (r *Runner) Explain(ctx context.Context, inv *inventory.Inventory, host *inventory.Host, q Question) (*Explanation, *Summary, error) {
	w, err := r.want(ctx, inv)
	if err != nil {
		return nil, nil, err
	}
	remotes, err := w.remotes(ctx, r, q)
	if err != nil {
		return nil, nil, err
	}
	parts, err := r.parts(ctx, []*inventory.Host{host})
	if err != nil {
		return nil, nil, err
	}
	aims, err := w.all(r, parts)
	if err != nil {
		return nil, nil, err
	}
	run := r.progress("", 1)
	a := aims[0]
	run.started(a.host.Name)
	begun := r.Now()
	var x *Explanation
	d, s, p := r.read(ctx, run, a.host)
	if p == nil {
		x, p = explain(d, s, a, q, remotes)
	}
	o := Outcome{Host: a.host.Name, Farm: a.farm, Status: OK}
	if p != nil {
		o = p.outcome(a.host.Name, a.farm)
	} else {
		o.Findings = s.Findings
		if b := busy(s); b != nil {
			o.Warnings = append(o.Warnings, b.Text)
		}
	}
	o.Elapsed = r.Now().Sub(begun)
	run.finished(o)
	return x, r.summary(ctx, inv, "explain", "", []Outcome{o}), nil
}

// remotes is the other end with the peers' addresses.
func (w *wanting) remotes(ctx context.Context, r *Runner, q Question) (*rules.Addresses, error) {
	if len(q.Peers) == 0 {
		return q.Remotes, nil
	}
	var ps []netip.Prefix
	if q.Remotes != nil {
		ps = append(ps, q.Remotes.Prefixes()...)
	}
	for _, peer := range q.Peers {
		h := w.byName[peer.Name]
		addresses := h.Addresses.Value
		if len(addresses) == 0 {
			found, err := r.Lookup(ctx, h.Access.Address)
			if err != nil || len(found) == 0 {
				return nil, inventory.Problems{{At: h.At, Text: fmt.Sprintf("the address of %s is not known: %q does not resolve", h.Name, h.Access.Address),
					Hint: "give its address itself, or set ras_addresses"}}
			}
			addresses = found
		}
		for _, a := range addresses {
			a = a.Unmap().WithZone("")
			ps = append(ps, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return rules.NewAddresses(ps), nil
}

func explain(d rules.Dialect, s *rules.State, a wanted, q Question, remotes *rules.Addresses) (*Explanation, *Problem) {
	if q.Local.IsValid() && !slices.Contains(s.Addresses, q.Local) {
		return nil, &Problem{Status: Failed, Step: "judge", Text: fmt.Sprintf("%s is no address of this host", q.Local),
			Hint: "its addresses are " + joinAddresses(s.Addresses)}
	}
	set := a.set.Settle(s)
	x := &Explanation{Host: a.host.Name, Farm: a.farm, System: s.System, Manager: s.Manager}
	c := cutsOf(d, s, set)
	for _, asked := range q.Asked {
		for _, part := range c.parts(asked.Ports) {
			f := rules.Flow{Direction: q.Direction, Protocol: asked.Protocol, Port: part.First, Remotes: remotes, Loopback: q.Loopback}
			e := Explained{Flow: f, Shares: shares(d, s, f, q.Local)}
			e.Answer = e.Shares[0].Answer
			if part.Last != part.First {
				e.LastPort = part.Last
			}
			e.Wanted, e.WantedWhole = set.Wants(f)
			x.add(e)
		}
	}
	return x, nil
}

// add adds an answer, or lets the one before it reach to this one's ports where both
// say the same.
func (x *Explanation) add(e Explained) {
	if n := len(x.Answers); n > 0 && e.Flow.Port != 0 {
		before := &x.Answers[n-1]
		last := max(before.Flow.Port, before.LastPort)
		if before.Flow.Protocol == e.Flow.Protocol && last+1 == e.Flow.Port && before.WantedWhole == e.WantedWhole &&
			slices.Equal(before.Wanted, e.Wanted) && reflect.DeepEqual(before.Shares, e.Shares) {
			before.LastPort = max(e.Flow.Port, e.LastPort)
			return
		}
	}
	x.Answers = append(x.Answers, e)
}

// shares are the shares of the flow, the worst first; of a reader that explains
// nothing its verdict alone.
func shares(d rules.Reader, s *rules.State, f rules.Flow, local netip.Addr) []rules.Share {
	if e, ok := d.(rules.Explainer); ok {
		if list := e.Explain(s, f, local); len(list) > 0 {
			return list
		}
	}
	v := d.Judge(s, f)
	share := rules.Share{Answer: v.Answer, By: v.By, Reason: v.Reason, Remotes: v.Part}
	for _, place := range v.Way {
		share.Steps = append(share.Steps, rules.Step{Place: place})
	}
	return []rules.Share{share}
}

func joinAddresses(list []netip.Addr) string {
	text := ""
	for i, a := range list {
		if i > 0 {
			text += ", "
		}
		text += a.String()
	}
	return text
}
