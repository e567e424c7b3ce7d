//go:build linux

package linux

import (
	"math/rand"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// cases is how many random rulesets a run tries: some, or with FARMWALL_SOAK=1 many.
func cases(some, many int) int {
	if os.Getenv("FARMWALL_SOAK") == "1" {
		return many
	}
	return some
}

// seed is FARMWALL_SEED, else always the same, so that a run is like the one before;
// a soak takes the clock's. It is printed so that a failure can be repeated.
func seed(t testing.TB) int64 {
	s := int64(22)
	if os.Getenv("FARMWALL_SOAK") == "1" {
		s = time.Now().UnixNano()
	}
	if text := os.Getenv("FARMWALL_SEED"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s = n
	}
	t.Logf("FARMWALL_SEED=%d", s)
	return s
}

// Random rulesets in a real kernel, real packets, and the judge must say the same.
func TestJudgeAgreesWithTheKernelAtRandom(t *testing.T) {
	for _, backend := range []string{"nft", "iptables-nft", "iptables-legacy"} {
		t.Run(backend, func(t *testing.T) { againstKernel(t, backend) })
	}
}

// volley is how many flows are tried against one ruleset.
const volley = 40

func againstKernel(t *testing.T, backend string) {
	need(t, "iptables-nft-restore", "iptables-legacy-restore")
	s := New()
	rnd := rand.New(rand.NewSource(seed(t)))
	refused := 0
	tally, reasons := map[rules.Answer]int{}, map[string]int{}
	var w *wire
	var h *rig
	for i, n := 0, cases(26, 500); i < n; i++ {
		if i%100 == 0 { // source ports are used once
			w = newWire(t)
			h = &rig{w: w, backend: backend, plain: w.host.observe(t, s)}
		}
		ruleset, err := h.load(t, rnd)
		if err != nil {
			if refused++; refused > 3+i/20 {
				t.Fatalf("too many of the rulesets are refused: %v\n%s", err, ruleset)
			}
			continue
		}
		st := h.observe(t, s)
		shots := make([]*shot, volley)
		for k := range shots {
			shots[k] = randomShot(rnd)
		}
		w.fire(t, shots)
		for k, x := range shots {
			f, one := x.flow(st)
			v := s.Judge(one, f)
			tally[v.Answer]++
			if v.Answer == rules.Unknown {
				reasons[v.Reason]++
				if v.Reason == "" {
					t.Fatalf("unknown without a reason:\n%s", ruleset)
				}
				continue
			}
			if x.open != (v.Answer == rules.Allowed) {
				from, to := x.ends()
				t.Fatalf("case %d: %s from %s to %s: judged %s by %q (way %q), and the kernel says open=%v:\n%s", i, f, from, to, v.Answer, v.By, v.Way, x.open, h.dump(st, ruleset))
			}
			if k%8 == 0 && !f.Loopback {
				wider(t, s, one, f, x.remote, v, ruleset)
			}
		}
	}
	sum := tally[rules.Allowed] + tally[rules.Denied] + tally[rules.Unknown]
	share := 100 * float64(tally[rules.Unknown]) / float64(sum)
	t.Logf("%s: %d flows, rulesets refused %d; allowed %d, denied %d, unknown %d (%.1f %%)", backend, sum, refused,
		tally[rules.Allowed], tally[rules.Denied], tally[rules.Unknown], share)
	for why, n := range reasons {
		t.Logf("  %4d unknown: %s", n, why)
	}
	if tally[rules.Allowed] < sum/10 || tally[rules.Denied] < sum/10 {
		t.Error("the rulesets did not differ enough to show anything")
	}
	if share >= 5 {
		t.Errorf("%.1f %% of the flows are unknown", share)
	}
}

// rig loads rulesets of one back end and reads them back.
type rig struct {
	w       *wire
	backend string
	plain   *rules.State // the host without rules
	nft     string       // rules of nft beside, or all of them
}

// load makes a random ruleset and gives it to the kernel.
func (h *rig) load(t *testing.T, rnd *rand.Rand) (text string, err error) {
	h.nft = "flush ruleset\n"
	if h.backend == "nft" || rnd.Intn(5) == 0 {
		g := generator{rnd: rnd}
		h.nft += g.ruleset()
	}
	if _, err := h.w.host.try(h.nft, "nft", "-f", "-"); err != nil {
		return h.nft, err
	}
	if h.backend == "nft" {
		return h.nft, nil
	}
	text = h.nft
	for _, v4 := range []bool{true, false} {
		g := xtables{rnd: rnd, v4: v4, legacy: h.backend == "iptables-legacy"}
		save := g.ruleset()
		text += save
		program := strings.Replace(h.backend, "iptables", g.program(), 1) + "-restore"
		if _, err := h.w.host.try(save, program); err != nil {
			return text, err
		}
	}
	return text, nil
}

// observe reads the wire's host; where JSON and saves have it all, by these alone,
// because the whole script costs ten processes.
func (h *rig) observe(t *testing.T, s *System) *rules.State {
	t.Helper()
	if strings.Contains(h.nft, "dormant") || strings.Contains(h.nft, "netdev") {
		return h.w.host.observe(t, s)
	}
	ruleset, err := decodeNft([]byte(h.w.host.run(t, "", "nft", "-j", "-s", "-n", "list", "ruleset")))
	if err != nil {
		t.Fatal(err)
	}
	r := *h.plain.Native.(*Reading)
	r.Ruleset = ruleset
	if backend, ok := strings.CutPrefix(h.backend, "iptables-"); ok {
		for family, program := range map[string]string{"ip": "iptables", "ip6": "ip6tables"} {
			r.Saves = append(r.Saves, Save{Family: family, Backend: backend, Text: h.w.host.run(t, "", program+"-"+backend+"-save")})
			if backend == "legacy" {
				r.Legacy = append(r.Legacy, family+" filter", family+" mangle", family+" raw")
			}
		}
	}
	return &rules.State{Manager: "nftables", Native: &r}
}

// dump is the ruleset and what else the host holds of iptables.
func (h *rig) dump(st *rules.State, ruleset string) string {
	for _, s := range st.Native.(*Reading).Saves {
		ruleset += "\n" + s.Family + " " + s.Backend + "\n" + s.Text
	}
	return ruleset
}

func randomShot(rnd *rand.Rand) *shot {
	s := &shot{proto: []rules.Protocol{rules.TCP, rules.UDP}[rnd.Intn(2)], port: []uint16{53, 443, 20009, 20003}[rnd.Intn(4)], in: rnd.Intn(3) > 0}
	if rnd.Intn(12) == 0 {
		s.v6, s.in = rnd.Intn(2) == 0, true
	} else {
		s.remote = wirePeers[rnd.Intn(len(wirePeers))]
	}
	return s
}

// flow is the flow of the shot, and the host as it is seen by a connection to the
// address that the shot is about.
func (s *shot) flow(st *rules.State) (rules.Flow, *rules.State) {
	f := rules.Flow{Direction: rules.Out, Protocol: s.proto, Port: s.port}
	if s.in {
		f.Direction = rules.In
	}
	one := *st
	if !s.remote.IsValid() {
		f.Loopback = true
		f.Not = rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix(map[bool]string{true: "127.0.0.0/8", false: "::1/128"}[s.v6])})
		return f, &one
	}
	f.Remotes = rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(s.remote, s.remote.BitLen())})
	one.Local = netip.AddrPortFrom(wireHost(s.remote), 0)
	return f, &one
}

// wider compares the verdict for one address with the one for everybody: the part
// that a verdict names must fare as it says, and no address worse.
func wider(t *testing.T, s *System, st *rules.State, f rules.Flow, remote netip.Addr, one rules.Verdict, ruleset string) {
	t.Helper()
	f.Remotes = nil
	all := s.Judge(st, f)
	if all.Answer.Openness() > one.Answer.Openness() {
		t.Fatalf("everybody fares better (%s by %q) than %s (%s by %q):\n%s", all.Answer, all.By, remote, one.Answer, one.By, ruleset)
	}
	named := len(all.Part) == 0
	for _, p := range all.Part {
		named = named || p.Contains(remote)
	}
	if named != (all.Answer == one.Answer) {
		t.Fatalf("%s is named=%v in the part %v (%s by %q), and alone is %s by %q:\n%s",
			remote, named, all.Part, all.Answer, all.By, one.Answer, one.By, ruleset)
	}
}
