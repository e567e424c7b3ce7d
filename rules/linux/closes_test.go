package linux

import (
	"net/netip"
	"testing"

	"farmwall/rules"
)

// A host's own address is in most lists of the farm, and "iif lo accept" lets it
// in; and a hand-written rule may let in one member. Neither makes the chain open
// to the rest.
func TestAChainThatLetsInSomeStillClosesByDefault(t *testing.T) {
	table := func(policy string, rules string) string {
		return `{"nftables":[{"metainfo":{"version":"1.0.6","release_name":"Lester Gooch #5","json_schema_version":1}},{"table":{"family":"inet","name":"site","handle":1}},
{"chain":{"family":"inet","table":"site","name":"input","handle":1,"type":"filter","hook":"input","prio":0,"policy":"` + policy + `"}}` + rules + `]}`
	}
	const loopback = `,{"rule":{"family":"inet","table":"site","chain":"input","handle":2,"expr":[{"match":{"op":"==","left":{"meta":{"key":"iif"}},"right":"lo"}},{"accept":null}]}}`
	const member = `,{"rule":{"family":"inet","table":"site","chain":"input","handle":3,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"10.99.0.11"}},{"accept":null}]}}`
	const blocked = `,{"rule":{"family":"inet","table":"site","chain":"input","handle":3,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"10.99.0.11"}},{"drop":null}]}}`
	const last = `,{"rule":{"family":"inet","table":"site","chain":"input","handle":4,"expr":[{"counter":{"packets":0,"bytes":0}},{"drop":null}]}}`
	flow := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 20001, Remotes: rules.NewAddresses([]netip.Prefix{
		netip.MustParsePrefix("10.99.0.11/32"), netip.MustParsePrefix("10.99.0.12/32"), netip.MustParsePrefix("10.99.0.21/32")})}
	for _, c := range []struct {
		name, policy, rules string
		want                bool
	}{
		{"policy drop, loopback let in", "drop", loopback, true},
		{"policy drop, a member let in", "drop", loopback + member, true},
		{"a last rule drops", "accept", loopback + last, true},
		{"policy accept", "accept", loopback, false},
		{"only a blocked member", "accept", loopback + blocked, false},
	} {
		ruleset, err := decodeNft([]byte(table(c.policy, c.rules)))
		if err != nil {
			t.Fatal(err)
		}
		r := &Reading{Ruleset: ruleset, Interfaces: []Interface{
			{Name: "lo", Index: 1, Up: true, Loopback: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
			{Name: "eth0", Index: 2, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("10.99.0.21/24")}},
		}, Routes: []Route{{To: netip.MustParsePrefix("10.99.0.0/24"), Dev: "eth0"}}}
		if got := ClosesByDefault(r, ruleset.Tables[0], ruleset.Tables[0].Chains[0], flow); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
