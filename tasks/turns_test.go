package tasks

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"farmwall/inventory"
)

// withRoles makes hosts of one farm: a role for each, with its order behind a colon.
func withRoles(roles ...string) []*inventory.Host {
	var list []*inventory.Host
	for i, text := range roles {
		h := &inventory.Host{Name: fmt.Sprintf("%s%d", text, i), Farm: "farm", Roles: []inventory.Role{inventory.Role(text)}}
		if role, order, ok := bytes.Cut([]byte(text), []byte(":")); ok {
			h.Roles = []inventory.Role{inventory.Role(role)}
			fmt.Sscan(string(order), &h.Order.Value.Number)
		}
		list = append(list, h)
	}
	return list
}

func farmOf(hosts []*inventory.Host) *inventory.Inventory {
	return &inventory.Inventory{Hosts: hosts, Farms: []*inventory.Farm{{Name: "farm", Members: hosts}}}
}

func TestTurns(t *testing.T) {
	for _, c := range []struct {
		roles  []string
		serial []Portion
		back   bool
		want   [][]string
	}{
		{roles: []string{"rdsh", "rdsh"}, want: [][]string{{"rdsh0", "rdsh1"}}},
		// The least that a farm can do without comes first, and never more than half of what it needs.
		{roles: []string{"publishing_agent", "gateway", "publishing_agent", "rdsh", "gateway", "halb"},
			want: [][]string{{"rdsh3", "gateway1", "halb5", "publishing_agent0"}, {"gateway4", "publishing_agent2"}}},
		{roles: []string{"gateway", "gateway", "gateway"}, want: [][]string{{"gateway0"}, {"gateway1"}, {"gateway2"}}},
		{roles: []string{"gateway", "gateway", "gateway", "gateway", "gateway"}, serial: []Portion{{N: 100, Percent: true}},
			want: [][]string{{"gateway0", "gateway1"}, {"gateway2", "gateway3"}, {"gateway4"}}},
		{roles: []string{"gateway", "rdsh", "rdsh", "gateway"}, serial: []Portion{{N: 1}, {N: 9}},
			want: [][]string{{"rdsh1"}, {"rdsh2", "gateway0"}, {"gateway3"}}},
		{roles: []string{"gateway", "rdsh", "gateway"}, back: true, want: [][]string{{"gateway0", "rdsh1"}, {"gateway2"}}},
		// An order of one's own divides: what comes later waits.
		{roles: []string{"rdsh:2", "rdsh:-1", "rdsh", "rdsh:2"}, want: [][]string{{"rdsh:-11"}, {"rdsh2"}, {"rdsh:20", "rdsh:23"}}},
		{roles: []string{"rdsh:2", "rdsh:-1", "rdsh"}, back: true, want: [][]string{{"rdsh:20"}, {"rdsh2"}, {"rdsh:-11"}}},
	} {
		hosts := withRoles(c.roles...)
		turns := newTurns(farmOf(hosts), nil)
		turns.serial, turns.selected, turns.back = c.serial, len(hosts), c.back
		if got := names(turns.batches(hosts)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v by %v, back: %v: %v, not %v", c.roles, c.serial, c.back, got, c.want)
		}
	}
	// Who is not changed goes on serving; who cannot be read does not.
	hosts := withRoles("gateway", "gateway", "gateway", "gateway")
	if got := newTurns(farmOf(hosts), nil).batches(hosts[:2]); len(got) != 1 {
		t.Errorf("2 of 4 gateways: %v", names(got))
	}
	gone := []HostPlan{{Host: hosts[3].Name, Problem: &Problem{Status: Unreachable}}}
	if got := newTurns(farmOf(hosts), gone).batches(hosts[:2]); len(got) != 2 {
		t.Errorf("2 of 3 gateways: %v", names(got))
	}
	// Another farm's gateways are of no help, and two farms may go together.
	other := withRoles("gateway", "gateway")
	for _, h := range other {
		h.Farm, h.Name = "other", "other-"+h.Name
	}
	both := farmOf(hosts[:2])
	both.Farms = append(both.Farms, &inventory.Farm{Name: "other", Members: other})
	if got := names(newTurns(both, nil).batches(append(hosts[:2:2], other...))); len(got) != 2 || len(got[0]) != 2 {
		t.Errorf("two farms: %v", got)
	}
}

// Whatever the farm and the sizes: each host has one turn, no batch is larger than
// asked for, and none takes more than half of a role that the farm needs.
func TestNoBatchTakesAFarmDown(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var roles []string
		for range 1 + random.IntN(30) {
			roles = append(roles, string(inventory.Roles()[random.IntN(5)]))
		}
		hosts := withRoles(roles...)
		for _, h := range hosts {
			if random.IntN(4) == 0 {
				h.Roles = append(h.Roles, needed()[random.IntN(3)])
			}
			h.Order.Value.Number = random.IntN(3) / 2 * random.IntN(5)
		}
		turns := newTurns(farmOf(hosts), nil)
		turns.selected, turns.back = len(hosts), random.IntN(2) == 0
		for range random.IntN(3) {
			turns.serial = append(turns.serial, Portion{N: 1 + random.IntN(9)})
		}
		todo := hosts[:1+random.IntN(len(hosts))]
		got := turns.batches(todo)
		seen := map[string]int{}
		for i, batch := range got {
			if n := len(turns.serial); n > 0 && len(batch) > turns.serial[min(i, n-1)].N {
				t.Fatalf("batch %d has %d hosts: %v", i, len(batch), turns.serial)
			}
			for _, role := range needed() {
				has := func(h *inventory.Host) bool { return h.Has(role) }
				in, all := howMany(batch, has), howMany(hosts, has)
				if in > 1 && in > all/2 {
					t.Fatalf("batch %d takes %d of %d of %s", i, in, all, role)
				}
			}
			for _, h := range batch {
				seen[h.Name]++
				if h.Turn() != batch[0].Turn() {
					t.Fatal("two turns in one batch")
				}
			}
		}
		if len(seen) != len(todo) || slices.ContainsFunc(todo, func(h *inventory.Host) bool { return seen[h.Name] != 1 }) {
			t.Fatalf("%v of %v", seen, names([][]*inventory.Host{todo}))
		}
	}
}

func howMany(hosts []*inventory.Host, is func(*inventory.Host) bool) int {
	n := 0
	for _, h := range hosts {
		if is(h) {
			n++
		}
	}
	return n
}

// The batches that were reviewed are those that are carried out; a plan of before
// there were any is cut when it is applied.
func TestAPlanKeepsItsBatches(t *testing.T) {
	ctx := context.Background()
	for _, format := range []int{1, PlanFormat} {
		for _, serial := range [][]Portion{nil, {{N: 3}}} {
			f := newFarm(t, 4)
			for _, h := range f.inv.Hosts[:3] {
				h.Roles = []inventory.Role{inventory.Gateway}
			}
			p, _, err := f.runner.Plan(ctx, f.inv, f.inv.Hosts, PlanOptions{Serial: []Portion{{N: 2}}})
			if err != nil {
				t.Fatal(err)
			}
			if want := [][]string{{"h4", "h1"}, {"h2"}, {"h3"}}; !reflect.DeepEqual(p.Batches, want) {
				t.Fatalf("batches = %v", p.Batches)
			}
			if p.Format = format; format == 1 {
				p.Batches = nil
			}
			var file bytes.Buffer
			if err := p.Write(&file); err != nil {
				t.Fatal(err)
			}
			if p, err = ReadPlan(&file); err != nil {
				t.Fatal(err)
			}
			f.inv.Hosts[0].Order.Value.Number = 9 // nothing that a plan of today would take up
			f.want(f.applied(ctx, p, Rollout{Serial: serial}), Changed, Changed, Changed, Changed)
			want := [][]string{{"h4", "h1"}, {"h2"}, {"h3"}}
			if format == 1 || serial != nil {
				want = [][]string{{"h4", "h2"}, {"h3"}, {"h1"}}
			}
			if got := f.keeper.runs[0].Batches; !reflect.DeepEqual(got, want) {
				t.Errorf("format %d, --serial %v: %v, not %v", format, serial, got, want)
			}
		}
	}
}
