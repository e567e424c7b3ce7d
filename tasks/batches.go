package tasks

import (
	"cmp"
	"slices"

	"farmwall/inventory"
)

// of is the portion in hosts, of so many selected ones; percentages are rounded
// up.
func (p Portion) of(selected int) int {
	if !p.Percent {
		return p.N
	}
	return (selected*p.N + 99) / 100
}

// failed says whether a host's outcome counts against --max-fail.
func (s Status) failed() bool { return s.bad() && s != NotOpen }

// turns decides which hosts a rollout changes together.
type turns struct {
	serial   []Portion
	selected int               // what percentages are of
	back     bool              // a way back goes in the opposite order
	serving  map[[2]string]int // how many hosts a farm has with a role that it cannot do without
}

// needed are the roles without which a farm serves nobody.
func needed() []inventory.Role {
	return []inventory.Role{inventory.PublishingAgent, inventory.Gateway, inventory.HALB}
}

// newTurns counts who serves in each farm. Hosts that cannot be read do not.
func newTurns(inv *inventory.Inventory, hosts []HostPlan) *turns {
	t := &turns{serving: map[[2]string]int{}}
	gone := map[string]bool{}
	for i := range hosts {
		if p := hosts[i].Problem; p != nil && p.Status == Unreachable {
			gone[hosts[i].Host] = true
		}
	}
	for _, f := range inv.Farms {
		for _, h := range f.Members {
			for _, role := range needed() {
				if h.Has(role) && !gone[h.Name] {
					t.serving[[2]string{f.Name, string(role)}]++
				}
			}
		}
	}
	return t
}

// after orders hosts: by farmwall_order, then by how much of the farm hangs on them, the
// least first.
func after(a, b *inventory.Host) int {
	return cmp.Or(cmp.Compare(a.Turn(), b.Turn()), cmp.Compare(weight(a), weight(b)))
}

// weight is how much of a farm hangs on a host.
func weight(h *inventory.Host) int {
	switch {
	case h.Has(inventory.PublishingAgent):
		return 3
	case h.Has(inventory.HALB):
		return 2
	case h.Has(inventory.Gateway):
		return 1
	}
	return 0
}

// batches cuts hosts into batches. A batch holds hosts of one farmwall_order, not
// more than its portion of --serial (the last portion repeats; none: all), and of
// each role that a farm cannot do without at most half of the farm's hosts, but at
// least one.
func (t *turns) batches(hosts []*inventory.Host) [][]*inventory.Host {
	left := slices.Clone(hosts)
	slices.SortStableFunc(left, func(a, b *inventory.Host) int {
		if t.back {
			return after(b, a)
		}
		return after(a, b)
	})
	var out [][]*inventory.Host
	for len(left) > 0 {
		size := len(left)
		if n := len(t.serial); n > 0 {
			size = max(1, t.serial[min(len(out), n-1)].of(t.selected))
		}
		turn := left[0].Turn()
		taken := map[[2]string]int{}
		var batch, later []*inventory.Host
		for _, h := range left {
			if len(batch) < size && h.Turn() == turn && t.fits(h, taken) {
				batch = append(batch, h)
			} else {
				later = append(later, h)
			}
		}
		out, left = append(out, batch), later
	}
	return out
}

// fits takes a host into a batch, unless the farm would be left with too few.
func (t *turns) fits(h *inventory.Host, taken map[[2]string]int) bool {
	for _, role := range needed() {
		if key := [2]string{h.Farm, string(role)}; h.Has(role) && taken[key] >= max(1, t.serving[key]/2) {
			return false
		}
	}
	for _, role := range needed() {
		if h.Has(role) {
			taken[[2]string{h.Farm, string(role)}]++
		}
	}
	return true
}

// names are the hosts of each batch.
func names(batches [][]*inventory.Host) [][]string {
	out := make([][]string, len(batches))
	for i, b := range batches {
		for _, h := range b {
			out[i] = append(out[i], h.Name)
		}
	}
	return out
}

// cut says which hosts of the plan are changed together. Percentages are of the
// selected hosts, which may be more than the plan has.
func (p *Plan) cut(inv *inventory.Inventory, serial []Portion, selected int) {
	hosts := make(map[string]*inventory.Host, len(inv.Hosts))
	for _, h := range inv.Hosts {
		hosts[h.Name] = h
	}
	var todo []*inventory.Host
	for i := range p.Hosts {
		if hp := &p.Hosts[i]; hp.Problem == nil && hp.changes() && hosts[hp.Host] != nil {
			todo = append(todo, hosts[hp.Host])
		}
	}
	t := newTurns(inv, p.Hosts)
	t.serial, t.selected, t.back = serial, selected, p.Verb == verbRollback
	p.Batches = names(t.batches(todo))
}

// inBatches puts jobs into the batches that the plan shows.
func inBatches(jobs []job, shown [][]string) [][]job {
	left := make(map[string]job, len(jobs))
	for _, j := range jobs {
		left[j.host.Name] = j
	}
	var out [][]job
	take := func(hosts []string) {
		var batch []job
		for _, host := range hosts {
			if j, ok := left[host]; ok {
				batch = append(batch, j)
				delete(left, host)
			}
		}
		if len(batch) > 0 {
			out = append(out, batch)
		}
	}
	for _, batch := range shown {
		take(batch)
	}
	for _, j := range jobs { // what no batch names, as in a plan of before there were any
		take([]string{j.host.Name})
	}
	return out
}

// hostsOf names the hosts of batches.
func hostsOf(batches [][]job) [][]string {
	out := make([][]string, len(batches))
	for i, batch := range batches {
		for _, j := range batch {
			out[i] = append(out[i], j.host.Name)
		}
	}
	return out
}
