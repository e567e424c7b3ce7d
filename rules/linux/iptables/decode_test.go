package iptables

import (
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux"
)

const comment = ` -m comment --comment "farmwall:farm:x:00000000"`

func TestDecodeByMeaning(t *testing.T) {
	chains := []string{"FARMWALL-IN", "FARMWALL-S-0123456789ab"}
	list := []string{"-A FARMWALL-S-0123456789ab -s 10.0.0.0/24 -j ACCEPT", "-A FARMWALL-S-0123456789ab -s 192.0.2.1/32 -j ACCEPT"}
	web := rules.Rule{Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 80, Last: 81}, {First: 443, Last: 443}}}
	with := func(change func(*rules.Rule)) *rules.Rule {
		w := web
		change(&w)
		return &w
	}
	closed := with(func(w *rules.Rule) { w.Block = true })
	for text, want := range map[string]*rules.Rule{ // nil: opaque
		"-p tcp -m multiport --dports 443,81,80" + comment + " -j ACCEPT":                                     &web,
		"-p 6 -m multiport --dports 80:81,443 -j ACCEPT":                                                      &web,
		"-s 10.0.0.0/255.0.0.0 -p tcp -m multiport --dports 80,81,443 -j ACCEPT":                              with(func(w *rules.Rule) { w.Remotes = addresses("10.0.0.0/8") }),
		"-p tcp -m multiport --dports 80,81,443 -j FARMWALL-S-0123456789ab":                                   with(func(w *rules.Rule) { w.Remotes = addresses("10.0.0.0/24", "192.0.2.1/32") }),
		"-i lo -p tcp -m multiport --dports 80,81,443 -j ACCEPT":                                              with(func(w *rules.Rule) { w.Loopback = true }),
		"-p tcp -m tcp --dport 80:81 -j ACCEPT":                                                               with(func(w *rules.Rule) { w.Ports = web.Ports[:1] }),
		"-s 192.0.2.1 -p vrrp -j ACCEPT":                                                                      with(func(w *rules.Rule) { w.Protocol, w.Ports, w.Remotes = 112, nil, addresses("192.0.2.1/32") }),
		"! -i lo -p tcp -m multiport --dports 80,81,443 -m conntrack --ctstate NEW,INVALID,UNTRACKED -j DROP": closed,

		"-p tcp -m multiport --dports 80,81,443 -j FARMWALL-S-nosuch":               nil,
		"-p tcp -m multiport --dports 80,81,443 -g FARMWALL-S-0123456789ab":         nil,
		"-s 10.0.0.1/32 -p tcp -m multiport --dports 80 -j FARMWALL-S-0123456789ab": nil,
		"-p tcp -m multiport ! --dports 80,81,443 -j ACCEPT":                        nil,
		"! -s 10.0.0.1/32 -p tcp -m multiport --dports 80,81,443 -j ACCEPT":         nil,
		"-d 10.0.0.1/32 -p tcp -m multiport --dports 80,81,443 -j ACCEPT":           nil,
		"-p tcp -m multiport --sports 80 -j ACCEPT":                                 nil,
		"-p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT":        nil,
		"-i eth0 -p tcp -m tcp --dport 80 -j ACCEPT":                                nil,
		"! -i lo -p tcp -m tcp --dport 80 -j ACCEPT":                                nil,
		"-o lo -p tcp -m tcp --dport 80 -j ACCEPT":                                  nil,
		"-p tcp -m tcp --dport 80 -m limit --limit 5/sec -j ACCEPT":                 nil,
		"-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT":             nil,
		"-p tcp -m tcp --dport 80 -j DROP":                                          nil,
		"! -i lo -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j DROP":       nil,
		"-p tcp -m tcp --dport 80":                                                  nil,
		"-p tcp -m tcp --dport 80 -j RETURN":                                        nil,
		"-j ACCEPT":                                                                 nil,
		"-p nosuch -j ACCEPT":                                                       nil,
		"-p vrrp -m multiport --dports 80 -j ACCEPT":                                nil,
		"-p tcp -m tcp --dport 80 -j ACCEPT -m comment --comment x":                 nil,
	} {
		table := saveOf(t, chains, append([]string{"-A FARMWALL-IN " + text}, list...))
		got, ok := decode(table, rules.In, table.Chain(chainIn).Rules[0])
		switch {
		case ok != (want != nil):
			t.Errorf("%s: understood is %v: %+v", text, ok, got)
		case ok && !got.Same(want):
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// TestJoin joins what was cut into lists of 15 ports and nothing else.
func TestJoin(t *testing.T) {
	for name, c := range map[string]struct {
		body []string
		want int
	}{
		"two halves":         {[]string{"-p 6 -m multiport --dports 1,3" + comment, "-p 6 -m multiport --dports 5,7" + comment}, 1},
		"a twin of a half":   {[]string{"-p 6 -m multiport --dports 1,3" + comment, "-p 6 -m multiport --dports 5,7" + comment, "-p 6 -m multiport --dports 5,7" + comment}, 2},
		"another protocol":   {[]string{"-p 6 -m multiport --dports 1,3" + comment, "-p 17 -m multiport --dports 5,7" + comment}, 2},
		"another source":     {[]string{"-p 6 -m multiport --dports 1,3" + comment, "-s 10.0.0.1 -p 6 -m multiport --dports 5,7" + comment}, 2},
		"without mark":       {[]string{"-p 6 -m multiport --dports 1,3", "-p 6 -m multiport --dports 5,7"}, 2},
		"a rule between":     {[]string{"-p 6 -m multiport --dports 1,3" + comment, "-p 1", "-p 6 -m multiport --dports 5,7" + comment}, 3},
		"another mark":       {[]string{"-p 6 -m multiport --dports 1,3" + comment, "-p 6 -m multiport --dports 5,7" + strings.Replace(comment, ":x:", ":y:", 1)}, 2},
		"every port and one": {[]string{"-p 6" + comment, "-p 6 -m multiport --dports 5,7" + comment}, 2},
	} {
		var body []string
		for _, b := range c.body {
			body = append(body, "-A FARMWALL-IN "+b+" -j ACCEPT")
		}
		table := saveOf(t, []string{chainIn}, body)
		if got := owned(table, table.Chain(chainIn)); len(got) != c.want {
			t.Errorf("%s: %d rules: %+v", name, len(got), got)
		}
	}
}

// TestEndings says what becomes of a packet that nothing is true of.
func TestEndings(t *testing.T) {
	for want, bodies := range map[string][][]string{
		"ACCEPT": {{}, {"-A INPUT -p tcp -j DROP"}, {"-A INPUT -j mine"}, {"-A INPUT -j ACCEPT", "-A INPUT -j DROP"}, {"-A INPUT -j LOG --log-prefix x"},
			{"-A INPUT -j mine", "-A mine -j RETURN", "-A mine -j DROP"}, {"-A INPUT -g mine", "-A INPUT -j DROP"}, {"-A INPUT -j FARMWALL-IN", "-A FARMWALL-IN -j DROP"}},
		"DROP": {{"-A INPUT -j DROP"}, {"-A INPUT -m comment --comment x -j REJECT --reject-with icmp-host-prohibited"}, {"-A INPUT -j mine", "-A mine -j DROP"},
			{"-A INPUT -j LOG --log-prefix x --log-level 7", "-A INPUT -j DROP"}, {"-A INPUT -g mine", "-A mine -p tcp -j ACCEPT", "-A mine -j REJECT"}},
	} {
		for _, body := range bodies {
			if got := ending(saveOf(t, []string{"mine", chainIn}, body), input, 0); got != want {
				t.Errorf("%v ends in %s", body, got)
			}
		}
	}
}

// FuzzDecode holds that what is read as a rule of ours is one, and is read alike when it
// is written again.
func FuzzDecode(f *testing.F) {
	f.Add("-s 10.0.0.0/8 -p tcp -m multiport --dports 1,2:5 -m comment --comment farmwall:f:x:00000000 -j ACCEPT")
	f.Add("! -i lo -p 17 -m udp --dport 1 -m conntrack --ctstate INVALID,NEW,UNTRACKED -j DROP")
	f.Add("-s 0.0.0.0/0.0.0.0 -p vrrp -j ACCEPT")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := linux.ParseSave("*filter\n:FARMWALL-IN - [0:0]\n-A FARMWALL-IN " + text + "\nCOMMIT\n")
		if err != nil || len(s.Tables) == 0 || s.Table(filter) == nil {
			return
		}
		for _, n := range s.Table(filter).Chains[0].Rules {
			r, ok := decode(s.Table(filter), rules.In, n)
			if !ok {
				continue
			}
			if r.Protocol == 0 || r.Remotes.Empty() || len(r.Remotes.Prefixes()) > 1 {
				t.Fatalf("%s is %+v", text, r)
			}
			r.Farm, r.ID = "farm", "x"
			var again []string
			for _, l := range lines(&r) {
				again = append(again, "-A FARMWALL-IN "+l)
			}
			table := saveOf(t, []string{chainIn}, again)
			got := owned(table, table.Chain(chainIn))
			if len(got) != 1 || !got[0].Same(&r) {
				t.Fatalf("%s is %+v, and again %+v", text, r, got)
			}
		}
	})
}
