package linux

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// crowdedNft is a host with a hand-written ruleset of 2,000 rules in three chains; the last
// rules let in what the flows are about.
func crowdedNft() *Reading {
	var b strings.Builder
	b.WriteString("ip input 0 drop\n")
	for i := range 1000 {
		source := fmt.Sprintf(`{"prefix":{"addr":"10.%d.%d.0","len":24}}`, 64+i/250, i%250)
		b.WriteString(matching("ip", "saddr", "==", source) + "," + matching("tcp", "dport", "==", fmt.Sprint(1+i*13%65000)) + `,{"counter":null},{"accept":null}` + "\n")
	}
	b.WriteString("inet prerouting -150 accept\n")
	for i := range 500 {
		b.WriteString(matching("udp", "dport", "==", fmt.Sprintf(`{"set":[%d,%d]}`, 1+i*7%60000, 60001+i)) + `,{"drop":null}` + "\n")
	}
	b.WriteString("inet input 10 accept\n")
	for i := range 500 {
		b.WriteString(matching("ip", "saddr", "==", fmt.Sprintf(`"192.0.%d.%d"`, i/250, i%250)) + `,{"drop":null}` + "\n")
	}
	return twoCards(b.String())
}

// crowdedSave is a host with 2,000 legacy rules, as a provisioning script makes them.
func crowdedSave() *Reading {
	var b strings.Builder
	b.WriteString("*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:blocked - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j blocked\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "-A INPUT -s 10.%d.%d.0/24 -p tcp -m multiport --dports %d,%d -m comment --comment \"rule %d\" -j ACCEPT\n", 64+i/250, i%250, 1+i*13%65000, 65001+i%500, i)
	}
	for i := range 500 {
		fmt.Fprintf(&b, "-A INPUT -p udp -m udp --dport %d -m conntrack --ctstate NEW -j ACCEPT\n", 1+i*7%65000)
	}
	for i := range 497 {
		fmt.Fprintf(&b, "-A blocked -s 192.0.%d.%d/32 -j DROP\n", i/250, i%250)
	}
	b.WriteString("COMMIT\n")
	r := twoCards("")
	r.Legacy = []string{"ip filter"}
	r.Saves = []Save{{Family: "ip", Backend: "legacy", Text: b.String()}}
	return r
}

func judgeMany(r *Reading, n int) map[rules.Answer]int {
	st := &rules.State{Native: r}
	d := New()
	members := addresses("10.64.0.0/28", "10.65.1.7/32", "10.66.9.0/24", "10.1.0.9/32")
	single := make([]*rules.Addresses, 500)
	for i := range single {
		single[i] = rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(64 + i/250), byte(i % 250), 9}), 32)})
	}
	tally := map[rules.Answer]int{}
	for i := range n {
		f := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: uint16(1 + i*13%65000)}
		if i%5 == 0 {
			f.Protocol = rules.UDP
		}
		switch i % 3 {
		case 0:
			f.Remotes = members
		case 1:
			f.Not = members
		default:
			f.Remotes = single[i%len(single)]
		}
		tally[d.Judge(st, f).Answer]++
	}
	return tally
}

// TestManyFlowsAgainstManyRules holds the promise of 10,000 flows against 2,000 rules in
// a second: the best of some tries, because the machine may be busy.
func TestManyFlowsAgainstManyRules(t *testing.T) {
	for name, make := range map[string]func() *Reading{"nft": crowdedNft, "iptables-save": crowdedSave} {
		r := make()
		some := 1000
		if slowed {
			some = 60
		}
		if tally := judgeMany(r, some); tally[rules.Allowed] == 0 || tally[rules.Denied] == 0 {
			t.Errorf("%s: %v", name, tally)
		}
		if slowed { // then the time says nothing
			continue
		}
		best := time.Hour
		for try := 0; try < 5 && best > time.Second; try++ {
			begun := time.Now()
			judgeMany(r, 10_000)
			best = min(best, time.Since(begun))
		}
		if best > 4*time.Second {
			t.Errorf("%s: 10,000 flows against 2,000 rules took %s at best", name, best)
		}
	}
}

func BenchmarkJudgeNft(b *testing.B) { benchJudge(b, crowdedNft()) }

func BenchmarkJudgeSave(b *testing.B) { benchJudge(b, crowdedSave()) }

func benchJudge(b *testing.B, r *Reading) {
	for b.Loop() {
		judgeMany(r, 10_000)
	}
}

func BenchmarkParseSave(b *testing.B) {
	text := crowdedSave().Saves[0].Text
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseSave(text); err != nil {
			b.Fatal(err)
		}
	}
}
