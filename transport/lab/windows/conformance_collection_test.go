package windows_test

import (
	"strings"
	"testing"

	"farmwall/transport/lab/windows"
)

func TestConformanceCollection(t *testing.T) {
	conform(t, []row{
		{"41 a bar in the description", windows.Options{}, func(b *bench) {
			o := b.rule("Name", "r41", "Description", "a|b")
			n, _ := b.count()
			b.fails(b.add(o), windows.EInvalidArg)
			if m, _ := b.count(); m != n {
				b.t.Error("it was stored")
			}
		}},
		{"42 names that are none", windows.Options{}, func(b *bench) {
			for _, name := range []string{"all", "ALL", "a|b"} {
				o := b.make()
				err := b.set(o, "Name", name)
				if err == nil {
					err = b.add(o)
				}
				b.fails(err, windows.EInvalidArg)
			}
			b.fails(b.add(b.make()), windows.EInvalidArg)
		}},
		{"42 refused at the assignment", windows.Options{Variant: windows.Variant{NameAtAssignment: true}}, func(b *bench) {
			b.fails(b.set(b.make(), "Name", "all"), windows.EInvalidArg)
		}},
		{"43 two rules of one name", windows.Options{}, func(b *bench) {
			n, err := b.count()
			b.must(err)
			b.stored("r43")
			b.stored("r43")
			if m, _ := b.count(); m != n+2 {
				b.t.Errorf("%d rules, then %d", n, m)
			}
		}},
		{"44 one object twice", windows.Options{}, func(b *bench) { b.fails(b.add(b.stored("r44")), windows.EUnexpected) }},
		{"45 item", windows.Options{}, func(b *bench) {
			b.stored("r45", "Protocol", 6, "LocalPorts", "45")
			o, err := b.item("R45")
			b.must(err)
			b.reads(o, "Name", "r45", "LocalPorts", "45")
			_, err = b.item("none such")
			b.fails(err, windows.ENotFound)
		}},
		{"46 remove what is not there", windows.Options{}, func(b *bench) { b.must(b.remove("none such")) }},
		{"47 remove nothing", windows.Options{}, func(b *bench) { b.fails(b.remove(""), 0) }},
		{"48 remove one of two", windows.Options{}, func(b *bench) {
			b.stored("r48")
			b.stored("r48")
			n, _ := b.count()
			b.must(b.remove("r48"))
			if m, _ := b.count(); m != n-1 {
				b.t.Errorf("%d rules, then %d", n, m)
			}
			_, err := b.item("r48")
			b.must(err)
		}},
		{"48 the newest goes first", windows.Options{Variant: windows.Variant{LastTwinFirst: true}}, func(b *bench) {
			b.stored("r48", "Grouping", "first")
			b.stored("r48", "Grouping", "second")
			b.must(b.remove("r48"))
			o, err := b.item("r48")
			b.must(err)
			b.reads(o, "Grouping", "first")
		}},
		{"49 rename and remove", windows.Options{}, func(b *bench) {
			b.stored("r49", "Grouping", "keep")
			o := b.stored("r49", "Grouping", "go")
			b.must(b.set(o, "Name", "r49 gone"))
			b.must(b.remove("r49 gone"))
			left, err := b.item("r49")
			b.must(err)
			b.reads(left, "Grouping", "keep")
		}},
		{"50 disable", windows.Options{}, func(b *bench) {
			o := b.stored("r50", "Protocol", 6, "LocalPorts", "50", "RemoteAddresses", "10.0.0.0/8", "Enabled", true)
			before := b.text("r50")
			b.must(b.set(o, "Enabled", false))
			if now := b.text("r50"); now != strings.Replace(before, "Active=TRUE", "Active=FALSE", 1) {
				b.t.Errorf("%s became %s", before, now)
			}
		}},
		{"50 disable a rule of others", windows.Options{Rules: windows.Foreign("", nil, 8)}, func(b *bench) {
			for _, e := range b.h.Local() {
				before := e.Text
				if !strings.Contains(before, "Active=TRUE") {
					continue
				}
				_, name, _ := strings.Cut(before, "|Name=")
				name, _, _ = strings.Cut(name, "|")
				o, err := b.item(name)
				b.must(err)
				b.must(b.set(o, "Enabled", false))
				if now := b.text(name); now != strings.Replace(before, "Active=TRUE", "Active=FALSE", 1) {
					b.t.Errorf("%s became %s", before, now)
				}
			}
		}},
		{"51 a write that fails among others", windows.Options{}, func(b *bench) {
			o := b.stored("r51", "Protocol", 6, "LocalPorts", "51")
			b.must(b.set(o, "Grouping", "new"))
			b.fails(b.set(o, "LocalPorts", "0"), 0)
			b.reads(o, "Grouping", "new", "LocalPorts", "51")
		}},
		{"54 the group of a built-in rule", windows.Options{Rules: windows.BuiltIn("")}, func(b *bench) {
			o, err := b.item("Remote Desktop - User Mode (TCP-In)")
			b.must(err)
			b.reads(o, "Grouping", "@FirewallAPI.dll,-28752", "ApplicationName", `C:\Windows\system32\svchost.exe`, "serviceName", "termservice", "LocalPorts", "3389", "Enabled", true)
		}},
		{"57 the collection twice", windows.Options{Rules: windows.BuiltIn("")}, func(b *bench) {
			n, err := b.count()
			b.must(err)
			m, err := b.all()
			b.must(err)
			if n != m || n != len(windows.BuiltIn("")) {
				b.t.Errorf("%d rules counted, %d enumerated", n, m)
			}
		}},
		{"rules of group policy", windows.Options{Rules: windows.BuiltIn(""), GPO: windows.Foreign("", nil, 3)}, func(b *bench) {
			if n, _ := b.all(); n != len(windows.BuiltIn("")) {
				b.t.Errorf("%d rules are enumerated", n)
			}
		}},
		{"rules of group policy, shown", windows.Options{Rules: windows.BuiltIn(""), GPO: windows.Foreign("", nil, 3), Variant: windows.Variant{RulesShowGPO: true}}, func(b *bench) {
			if n, _ := b.all(); n != len(windows.BuiltIn(""))+3 {
				b.t.Errorf("%d rules are enumerated", n)
			}
		}},
	})
}

func TestConformanceRights(t *testing.T) {
	conform(t, []row{
		{"55 not an administrator", windows.Options{Faults: windows.Faults{NotAdmin: true}, Rules: windows.BuiltIn("")}, func(b *bench) {
			if _, plain := b.com.(*fromGo); plain {
				b.com.(*fromGo).admin = false
			}
			b.fails(b.add(b.rule("Name", "r55")), windows.EAccessDenied)
			b.fails(b.remove("r55"), windows.EAccessDenied)
			o, err := b.item("Remote Desktop - User Mode (TCP-In)")
			b.must(err)
			b.reads(o, "LocalPorts", "3389")
			b.fails(b.set(o, "Enabled", false), windows.EAccessDenied)
		}},
		{"56 the service is stopped", windows.Options{Services: map[string]string{"MpsSvc": "Stopped"}}, func(b *bench) {
			_, err := b.all()
			b.fails(err, windows.ENoEndpoint)
			b.fails(b.add(b.rule("Name", "r56")), windows.ENoEndpoint)
			_, err = b.policy("FirewallEnabled", 1)
			b.fails(err, windows.ENoEndpoint)
		}},
		{"56 the filtering engine is stopped", windows.Options{Services: map[string]string{"BFE": "Stopped"}}, func(b *bench) {
			b.fails(b.add(b.rule("Name", "r56")), windows.ENoEndpoint)
		}},
	})
}

func TestConformancePolicy(t *testing.T) {
	is := func(b *bench, property string, profile int, want any) {
		b.t.Helper()
		if got, err := b.policy(property, profile); err != nil || got != want {
			b.t.Errorf("%s(%d) is %#v, %v; want %#v", property, profile, got, err, want)
		}
	}
	type policy = map[string]map[string]uint32
	conform(t, []row{
		{"58 one profile a call", windows.Options{}, func(b *bench) {
			is(b, "FirewallEnabled", 1, true)
			is(b, "DefaultInboundAction", 2, 0)
			is(b, "DefaultOutboundAction", 4, 1)
			is(b, "BlockAllInboundTraffic", 1, false)
			b.must(b.h.SetPolicy("FirewallEnabled", 2, false, true))
			is(b, "FirewallEnabled", 2, false)
			is(b, "FirewallEnabled", 1, true)
			b.must(b.h.SetPolicy("DefaultInboundAction", 2, 1, true))
			is(b, "DefaultInboundAction", 2, 1)
			_, err := b.policy("FirewallEnabled", 3)
			b.fails(err, windows.EInvalidArg)
		}},
		{"59 several active profiles", windows.Options{Active: 5}, func(b *bench) { is(b, "CurrentProfileTypes", 0, 5) }},
		{"60 may be modified", windows.Options{}, func(b *bench) { is(b, "LocalPolicyModifyState", 0, 0) }},
		{"60 group policy", windows.Options{GroupPolicy: policy{"DomainProfile": {"AllowLocalPolicyMerge": 0}}}, func(b *bench) {
			is(b, "LocalPolicyModifyState", 0, 1)
		}},
		{"60 of another profile", windows.Options{GroupPolicy: policy{"PublicProfile": {"AllowLocalPolicyMerge": 0}}}, func(b *bench) {
			is(b, "LocalPolicyModifyState", 0, 0)
		}},
		{"60 all blocked", windows.Options{Policy: policy{"DomainProfile": {"DoNotAllowExceptions": 1}}}, func(b *bench) {
			is(b, "LocalPolicyModifyState", 0, 2)
			is(b, "BlockAllInboundTraffic", 1, true)
		}},
		{"60 registry and COM differ", windows.Options{GroupPolicy: policy{"DomainProfile": {"AllowLocalPolicyMerge": 0}}, Faults: windows.Faults{ModifyStateOK: true}}, func(b *bench) {
			is(b, "LocalPolicyModifyState", 0, 0)
		}},
		{"60 overridden", windows.Options{Faults: windows.Faults{GPOverride: true}}, func(b *bench) { is(b, "LocalPolicyModifyState", 0, 1) }},
		{"group policy wins", windows.Options{GroupPolicy: policy{"DomainProfile": {"EnableFirewall": 0}}, Policy: policy{"DomainProfile": {"EnableFirewall": 1}}}, func(b *bench) {
			is(b, "FirewallEnabled", 1, false)
		}},
	})
}

// What is stored is what Windows writes, and reads back as the same rule.
func TestStoredRules(t *testing.T) {
	conform(t, []row{{"registry string", windows.Options{System: windows.Server2016}, func(b *bench) {
		o := b.stored("farmwall:farm:gw.1:0123abcd:1", "Description", "d", "Grouping", "farmwall", "ApplicationName", `%ProgramFiles%\x.exe`, "Protocol", 6,
			"LocalPorts", "80,443,8000-8010", "RemotePorts", "1024-65535", "LocalAddresses", "10.0.0.5", "RemoteAddresses", "DHCP,192.0.2.0/24,192.0.2.7,10.0.0.1-10.0.0.9,2001:db8::/64,2001:db8:1::1",
			"Profiles", 3, "InterfaceTypes", "Lan", "EdgeTraversalOptions", 2, "Enabled", true)
		want := `v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=80|LPort=443|LPort2_10=8000-8010|RPort2_10=1024-65535|` +
			`LA4=10.0.0.5|RA4=DHCP|RA4=192.0.2.0/255.255.255.0|RA4=192.0.2.7|RA4=10.0.0.1-10.0.0.9|RA6=DHCP|RA6=2001:db8::/64|RA6=2001:db8:1::1|` +
			`IFType=Lan|App=%ProgramFiles%\x.exe|Name=farmwall:farm:gw.1:0123abcd:1|Desc=d|EmbedCtxt=farmwall|Defer=App|`
		if got := b.text("farmwall:farm:gw.1:0123abcd:1"); got != want {
			b.t.Errorf("stored as\n%s, want\n%s", got, want)
		}
		b.reads(o, "LocalPorts", "80,443,8000-8010", "RemotePorts", "1024-65535", "Profiles", 3, "EdgeTraversalOptions", 2, "InterfaceTypes", "Lan",
			"RemoteAddresses", "DHCP,192.0.2.0/255.255.255.0,192.0.2.7/255.255.255.255,10.0.0.1-10.0.0.9,2001:db8::/64,2001:db8:1::1-2001:db8:1::1")
	}}})
}
