//go:build linux

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// explain shows the way to a verdict, on a host with nft's tables and legacy ones, and
// plan names the foreign rule that defeats a wanted one.
func TestExplainShowsWhoDecides(t *testing.T) {
	s := newStory(t, 2, handWritten)
	s.run(0, "apply", "-y")
	host := s.farm.Hosts()[0].Name
	other := s.farm.Hosts()[1].Name
	s.says(s.run(0, "explain", host, "tcp/22", "--from", "198.51.100.7"), "tcp 22 from 198.51.100.7: allowed", "admins", "the inventory does not ask for it", "decided by table inet filter chain input")
	s.says(s.run(0, "explain", host, "tcp/9", "--from", other), "denied", "policy drop", "needed: a rule in table inet filter chain input")
	s.says(s.run(0, "explain", host, "tcp/1-65535", "--from", "loopback"), "-65535 from this host itself (loopback): allowed", `iif "lo" accept`)
	s.says(s.run(0, "explain", host, "tcp/443", "--outbound", "--to", "198.51.100.7"), "allowed", "the answer")
	s.says(s.run(3, "explain", host, "tcp/443", "--to", "192.0.2.200"), "no address of this host")

	// A legacy rule closes what nft's tables let in.
	s.on("iptables-legacy", "-A", "INPUT", "-p", "tcp", "-m", "multiport", "--dports", "80,443", "-m", "comment", "--comment", "no web here", "-j", "DROP")
	const said = `legacy iptables table ip filter chain INPUT rule 1: -A INPUT -p tcp -m multiport --dports 80,443 -m comment --comment "no web here" -j DROP`
	out := s.run(0, "explain", host, "tcp/443", "--from", "anywhere")
	s.says(out, "tcp 443 from anywhere: denied", "decided by "+said)
	s.says(s.run(8, "verify", "-l", host), "is closed by "+said)

	var doc struct {
		Host    string
		Exit    int
		Answers []struct {
			Answer      string
			Wanted      []string
			WantedWhole bool `json:"wanted_whole"`
			Shares      []struct {
				By    string
				Steps []struct{ Place, Said string }
			}
		}
	}
	out = s.run(0, "explain", host, "tcp/443", "udp/9", "--output", "json")
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):strings.LastIndex(out, "}")+1]), &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if doc.Host != host || len(doc.Answers) != 2 || doc.Answers[0].Answer != "denied" || len(doc.Answers[0].Wanted) == 0 || !doc.Answers[0].WantedWhole ||
		doc.Answers[0].Shares[0].By != said || len(doc.Answers[0].Shares[0].Steps) < 2 || len(doc.Answers[1].Wanted) != 0 {
		t.Errorf("%+v", doc)
	}
}

// A foreign rule where ours cannot stand before it defeats a wanted flow; plan says so,
// in that rule's own words.
func TestPlanNamesTheLegacyRuleThatDefeatsAFlow(t *testing.T) {
	s := newStory(t, 1, handWritten)
	s.on("iptables-legacy", "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "-m", "tcp", "--dport", "443", "-m", "comment", "--comment", "no web here", "-j", "DROP")
	const said = `is closed by legacy iptables table ip raw chain PREROUTING rule 1: -A PREROUTING -p tcp -m tcp --dport 443 -m comment --comment "no web here" -j DROP`
	s.says(s.run(8, "apply", "-y"), said)
	s.says(s.run(0, "plan"), "in place, but", said)
}

// Mistakes are told together, before any host is asked.
func TestExplainTellsAllMistakes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"nobody", "tcp/0", "foo/3", "vrrp/5", "udp"}, []string{`"nobody"`, `"0" is no port`, `no protocol "foo"`, "vrrp has no ports", `"udp" needs a port`}},
		{[]string{"a", "tcp/5-3", "--from", "1.2.3,zz"}, []string{`"5-3"`, `"1.2.3"`, `"zz"`}},
		{[]string{"a", "tcp/5", "--from", "anywhere,10.0.0.1"}, []string{"stands alone"}},
		{[]string{"a", "tcp/5", "--from", "10.0.0.1", "--outbound"}, []string{"--from goes without --outbound"}},
		{[]string{"a", "tcp/5", "--to", "zz"}, []string{"--to zz"}},
		{[]string{"a"}, []string{"needs a host and what to ask"}},
		{[]string{"a", "tcp/5", "-l", "b"}, []string{"no --limit"}},
	} {
		out, code := farmwall(t, append([]string{"explain", "-i", "a,b,", "-e", "ras_roles=halb", "--state", t.TempDir()}, c.args...)...)
		if code != 1 {
			t.Errorf("%v: exit %d\n%s", c.args, code, out)
		}
		for _, w := range c.want {
			if !strings.Contains(out, w) {
				t.Errorf("%v: does not say %q:\n%s", c.args, w, out)
			}
		}
	}
}
