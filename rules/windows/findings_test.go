package windows

import (
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

func TestFindings(t *testing.T) {
	set := held(t)
	const ras = `App=C:\Program Files (x86)\Parallels\ApplicationServer\2XController.exe|`
	for name, c := range map[string]struct {
		change func(*host)
		kind   string
		want   string // empty: no finding of the kind
	}{
		"in order":                     {func(h *host) {}, "", ""},
		"merge off":                    {func(h *host) { h.group("DomainProfile", "AllowLocalPolicyMerge", 0) }, findGPO, "ignores local rules in the Domain profile"},
		"merge off elsewhere":          {func(h *host) { h.group("PublicProfile", "AllowLocalPolicyMerge", 0) }, findGPO, ""},
		"COM's hint":                   {func(h *host) { h.Policy.ModifyState = 1 }, findGPO, "LocalPolicyModifyState 1"},
		"firewall off":                 {func(h *host) { h.profile("1", func(p *profileWire) { p.Enabled = false }) }, findOff, "off in the Domain profile"},
		"firewall off elsewhere":       {func(h *host) { h.profile("4", func(p *profileWire) { p.Enabled = false }) }, findOff, ""},
		"lets in by default":           {func(h *host) { h.profile("1", func(p *profileWire) { p.Inbound = 1 }) }, findOff, "lets in what no rule blocks"},
		"an interface left alone":      {func(h *host) { h.profile("1", func(p *profileWire) { p.Excluded = []string{"Ethernet"} }) }, findOff, "Ethernet"},
		"block all":                    {func(h *host) { h.profile("1", func(p *profileWire) { p.BlockAll = true }) }, findBlockAll, "Domain"},
		"service stopped":              {func(h *host) { h.Services["MpsSvc"] = "Stopped" }, findService, "nobody enforces"},
		"scheduler stopped":            {func(h *host) { h.Services["Schedule"] = "Stopped" }, findService, "nothing can be changed"},
		"rules not read":               {func(h *host) { h.Registry.Error = "denied" }, findUnread, "denied"},
		"a block rule":                 {func(h *host) { h.add(blockTCP + "LPort=443|RA4=10.9.9.9|Name=b|") }, findBlock, "block rule b (local) closes some of what farmwall opens (gateway.https)"},
		"a block rule for nobody ours": {func(h *host) { h.add(blockTCP + "LPort=20001|RA4=10.9.9.9|Name=b|") }, findBlock, ""},
		"a disabled block rule":        {func(h *host) { h.add("v2.26|Action=Block|Active=FALSE|Dir=In|Protocol=6|LPort=443|Name=b|") }, findBlock, ""},
		"a wide rule":                  {func(h *host) { h.add(allowTCP + "LPort=20002|Name=w|") }, findExposed, "rule w (local) opens tcp 20002 to more"},
		"a wide rule for all":          {func(h *host) { h.add("v2.26|Action=Allow|Active=TRUE|Dir=In|Name=all|") }, findExposed, "tcp 20001, tcp 20030, vrrp"},
		"a wide rule of the product":   {func(h *host) { h.add(allowTCP + ras + "Name=ras|") }, findExposed, "2XController"},
		"a wide rule of a service":     {func(h *host) { h.add(allowTCP + `App=%SystemRoot%\system32\svchost.exe|Svc=winmgmt|Name=wmi|`) }, findExposed, ""},
		"what is open to all already":  {func(h *host) { h.add(allowTCP + "LPort=443|Name=w|") }, findExposed, ""},
		"the same again":               {func(h *host) { h.add(allowTCP + "LPort=443|Name=w|") }, findCovered, "gateway.https is covered"},
		"the product's own":            {func(h *host) { h.add(allowTCP + ras + "LPort=443|Name=ras|") }, findCovered, "gateway.https is covered"},
		"a part of the same":           {func(h *host) { h.add(allowTCP + "LPort=443|RA4=10.0.0.0/8|Name=w|") }, findCovered, ""},
		"leaked rules":                 {func(h *host) { h.LeftOut.Local, h.LeftOut.Restricted = 20_000, 3 }, findAppX, "20003 firewall rules of users' programs have gathered"},
		"leaked rules, cured":          {func(h *host) { h.LeftOut.Local, h.Registry.DeleteAppContainers = 20_000, true }, findAppX, "are left from before"},
		"rules of a few users":         {func(h *host) { h.LeftOut.Local = 900 }, findAppX, ""},
		"public":                       {func(h *host) { h.Policy.Active = public }, findProfile, "counts as Public"},
		"two profiles":                 {func(h *host) { h.Policy.Active = domain | public }, findProfile, "Domain, Public"},
		"a switch left over":           {func(h *host) { h.Switch = "farmwall-boot" }, findSwitch, "farmwall-boot"},
		"a switch at work":             {func(h *host) { h.Switch, h.Token.State = "farmwall-boot", "armed" }, findSwitch, ""},
		"a folder of somebody's":       {func(h *host) { h.Folder = "owned by u" }, findFolder, "owned by u"},
		"no rule at all":               {func(h *host) { h.add("v2.26|Active=TRUE|Dir=In|Name=n|") }, findGrammar, "no action"},
	} {
		t.Run(name, func(t *testing.T) {
			h := holding(set)
			c.change(h)
			var all []string
			for _, f := range h.state(t).Findings {
				if c.kind == "" || f.Kind == c.kind {
					all = append(all, f.Text)
				}
			}
			text := strings.Join(all, "\n")
			if c.want == "" && text != "" || !strings.Contains(text, c.want) {
				t.Errorf("%s: %q, want %q", c.kind, text, c.want)
			}
		})
	}
}

// TestGuardSeesWhatOnlyWeLetIn: the way in of the controller must not be closed, whoever
// opened it.
func TestGuardSeesWhatOnlyWeLetIn(t *testing.T) {
	winrm := rules.Rule{ID: "admin", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 5985, Last: 5985}}, Remotes: from("10.0.0.1")}
	h := newHost(mine(winrm, 1))
	guard := func() string {
		s := h.state(t)
		return rules.Guard(New(), s, nil, rules.Kept(s, &inventory.Host{})).Error()
	}
	if got := guard(); !strings.Contains(got, "farmwall:north:admin") {
		t.Errorf("%q", got)
	}
	h.add(allowTCP + "Profile=Domain|LPort=5985|App=System|Name=winrm|")
	if got := guard(); got != "" {
		t.Errorf("another rule lets it in, and yet: %s", got)
	}
	h.Policy.Active = domain | private
	if got := guard(); got != "" {
		// In the Private profile only ours does; whether that counts is not known, and what is
		// allowed in both is allowed in one of them by ours alone.
		if !strings.Contains(got, "farmwall:north:admin") {
			t.Error(got)
		}
	} else {
		t.Error("in one of the active profiles only our rule lets it in")
	}
}

func TestRemoteDesktopIsKeptForThoseWhoHaveIt(t *testing.T) {
	rdp := rules.Rule{ID: "rdp", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 3389, Last: 3389}}}
	if f := New().KeptFlows(newHost(mine(rdp, 1)).state(t)); len(f) > 0 {
		t.Errorf("what only we open is kept: %+v", f)
	}
	f := New().KeptFlows(newHost(allowTCP + "LPort=3389|Name=a|").state(t))
	if len(f) != 1 || f[0].Remotes != nil || f[0].Port != 3389 {
		t.Errorf("%+v", f)
	}
	s := newHost(mine(rdp, 1), allowTCP+"LPort=3389|RA4=10.7.0.0/16|Svc=TermService|Name=a|", blockTCP+"LPort=3389|RA4=10.7.7.0/24|Name=b|").state(t)
	f = New().KeptFlows(s)
	if len(f) != 1 || !f[0].Remotes.Equal(from("10.7.0.0/16").Minus(from("10.7.7.0/24"))) {
		t.Fatalf("%+v", f)
	}
	if v := New().Judge(s, f[0]); v.Answer != rules.Allowed {
		t.Errorf("%+v", v)
	}
	h := newHost()
	h.Services["MpsSvc"] = "Stopped"
	if f := New().KeptFlows(h.state(t)); f != nil {
		t.Errorf("%+v", f)
	}
}
