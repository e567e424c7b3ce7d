package windows

import (
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

// real are strings as hosts write them: built-in rules of 2008 R2 (v2.10), 2016 (v2.26)
// and 2025 (v2.33), rules of group policy, and one of every field of [MS-GPFAS].
var real = []string{
	`v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=System|Name=@FirewallAPI.dll,-28753|Desc=@FirewallAPI.dll,-28756|EmbedCtxt=@FirewallAPI.dll,-28752|`,
	`v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5985|App=System|Name=@FirewallAPI.dll,-30253|Desc=@FirewallAPI.dll,-30256|EmbedCtxt=@FirewallAPI.dll,-30267|`,
	`v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=68|RPort=67|App=%SystemRoot%\system32\svchost.exe|Svc=dhcp|Name=@FirewallAPI.dll,-25301|Desc=@FirewallAPI.dll,-25303|EmbedCtxt=@FirewallAPI.dll,-25000|`,
	`v2.33|Action=Block|Active=TRUE|Dir=In|Profile=Public|App=%SystemRoot%\system32\spoolsv.exe|Svc=Spooler|Name=@FirewallAPI.dll,-36856|EmbedCtxt=@FirewallAPI.dll,-36851|TTK2_22=WFDPrint|`,
	`v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort2_20=Ply2Disc|RA42=Ply2Renders|RA62=Ply2Renders|App=%SystemRoot%\system32\svchost.exe|Svc=SSDPSRV|Name=@FirewallAPI.dll,-36104|`,
	`v2.33|Action=Allow|Active=FALSE|Dir=In|Protocol=58|ICMP6=134:*|RA6=fe80::/64|App=System|Name=@FirewallAPI.dll,-25012|`,
	`v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|LPort=443|LPort2_10=5000-5010|RA4=10.0.0.1|RA4=10.1.0.0/255.255.0.0|RA4=10.2.0.1-10.2.0.9|RA6=2001:db8::9-2001:db8::9|RA6=2001:db8:1::/48|Name=x|`,
	`v2.28|Action=ByPass|Active=TRUE|Dir=In|Security=Authenticate|RMauth=O:LSD:(A;;CC;;;S-1-5-21)|Name=by|`,
	`v2.31|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=443|RPort2_10=IPHTTPSOut|IF={A}|IF={B}|IFType=Lan|IFType=Wireless|LA4=10.0.0.5|LA6=fe80::5|Platform=2:6:1|Platform2=GTEQ|LSM=TRUE|LOM=FALSE|PCross=TRUE|Edge=TRUE|Defer=User|SkipVer=2.0|Name=many|`,
	`v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LUAuth2_24=TwA6AEwA|NNm=net|SecurityRealmId=1|TTK=Proximity|TTK2_27=UPnP|TTK2_28=WFDCDPSvc|Security2_9=An-NoEncap|Security2=AnE-Nego|AuthByPassOut=FALSE|RUAuth=O:LS|Name=rare|`,
	`v2.99|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|RADynKey={1}|Future=a=b=c|Name=new|`,
	`v2.26|Action=Allow|Active=TRUE|Dir=In|odd|Name=no equals sign|`,
	`v2.26|`, `v2.26||`, `v2.26|=|`,
}

func TestRuleStringsSurviveARoundTrip(t *testing.T) {
	for _, text := range real {
		if got := parseRule(local, "x", text).string(); got != text {
			t.Errorf("read  %s\nwrote %s", text, got)
		}
	}
}

func TestFieldsAreDecoded(t *testing.T) {
	r := parseRule(gpo, "ID", real[6])
	if r.action != allow || !r.active || r.direction != rules.In || r.protocol != 6 || r.profiles != allProfiles || r.name != "x" {
		t.Errorf("%+v", r)
	}
	if want := []rules.PortRange{{First: 80, Last: 80}, {First: 443, Last: 443}, {First: 5000, Last: 5010}}; !slices.Equal(r.localPorts.ranges, want) {
		t.Errorf("ports %v", r.localPorts.ranges)
	}
	want := from("10.0.0.1", "10.1.0.0/16", "10.2.0.1", "10.2.0.2/31", "10.2.0.4/30", "10.2.0.8/31", "2001:db8::9", "2001:db8:1::/48")
	if got := addresses(r.remoteAddress.spans); !got.Equal(want) {
		t.Errorf("addresses %s, want %s", got, want)
	}
	if len(r.doubts) > 0 || r.wrong != "" {
		t.Errorf("doubts %v, wrong %q", r.doubts, r.wrong)
	}
	if r := parseRule(local, "x", real[1]); r.profiles != domain|private {
		t.Errorf("profiles %d", r.profiles)
	}
	if r := parseRule(local, "x", real[8]); len(r.doubts) > 0 || len(r.interfaces) != 2 || len(r.ifTypes) != 2 || len(r.platform) != 1 || !r.platform[0].atLeast || r.skip != "2.0" {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsNotUnderstoodIsADoubt(t *testing.T) {
	const head = "v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"
	for text, want := range map[string]string{
		head + "New=1|":                                 "New=1",
		head + "LPort=0x50|":                            "LPort=0x50",
		head + "LPort=90-80|":                           "LPort=90-80",
		head + "LPort=70000|":                           "LPort=70000",
		head + "LPort=+80|":                             "LPort=+80",
		head + "LPort=Something|":                       "Something",
		head + "RA4=10.0.0.256|":                        "RA4=10.0.0.256",
		head + "RA4=2001:db8::1|":                       "RA4=2001:db8::1",
		head + "RA6=10.0.0.1|":                          "RA6=10.0.0.1",
		head + "RA4=10.0.0.9-10.0.0.1|":                 "RA4=10.0.0.9-10.0.0.1",
		head + "RA4=10.0.0.0/255.0.255.0|":              "RA4=10.0.0.0/255.0.255.0",
		head + "RA6=fe80::1%3|":                         "RA6=fe80::1%3",
		head + "RA4=Everybody|":                         "Everybody",
		head + "Active=TRUE|":                           "Active is there twice",
		head + "Profile=Work|":                          "Profile=Work",
		head + "Edge=YES|":                              "Edge=YES",
		head + "ICMP4=8:*|":                             "ICMP4=8:*",
		head + "Security=Perhaps|":                      "Security=Perhaps",
		head + "stray|":                                 "stray",
		head + "Name=cut":                               "end is missing",
		"v3.0|Action=Allow|Active=TRUE|Dir=In|":         "3.0",
		"v2.26|Action=allow|Active=TRUE|Dir=In|":        "Action=allow",
		"v2.26|Action=Allow|Active=true|Dir=In|":        "Active=true",
		"v2.26|Action=Allow|Active=TRUE|Dir=Both|":      "Dir=Both",
		"v2.26|Action=Allow|Dir=In|Protocol=1|LPort=1|": "ports in a protocol without ports",
		"v2.26|Action=Allow|Dir=In|Protocol=999|":       "Protocol=999",
		"v2.26|Action=Allow|Dir=In|Platform=2:6|":       "Platform=2:6",
	} {
		r := parseRule(local, "x", text)
		if !strings.Contains(strings.Join(r.doubts, "; "), want) {
			t.Errorf("%s: doubts %q", text, r.doubts)
		}
	}
	for _, text := range []string{"", "x", "2.26|Action=Allow|Dir=In|", "v2|Action=Allow|", "v2.26a|Action=Allow|", "v2.26|Dir=In|Active=TRUE|", "v2.26|Action=Allow|"} {
		if r := parseRule(local, "x", text); r.wrong == "" {
			t.Errorf("%q passes for a rule", text)
		}
	}
}

func FuzzRule(f *testing.F) {
	for _, text := range real {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := parseRule(local, "x", text)
		if r.wrong == "it does not begin with a version" {
			return
		}
		// What was read is written again, but for a missing end.
		if got := r.string(); got != text && !(strings.Contains(strings.Join(r.doubts, " "), "end is missing") && got == text+"|") && got != text+"|" {
			t.Errorf("read %q, wrote %q", text, got)
		}
		again := parseRule(local, "x", r.string())
		if again.action != r.action || again.active != r.active || again.protocol != r.protocol || again.profiles != r.profiles ||
			!again.remoteAddress.spans.Equal(r.remoteAddress.spans) || !slices.Equal(again.localPorts.ranges, r.localPorts.ranges) {
			t.Errorf("%q is read as another rule the second time", text)
		}
		// A rule that is certain must be one that its own fields explain.
		p := readPart(r)
		if p.trouble == "" && (r.action != allow || len(r.doubts) > 0) {
			t.Errorf("%q passes for a rule of ours", text)
		}
		cannotMake(r)
	})
}
