package windows

import (
	"strings"
	"testing"

	"farmwall/rules"
)

const (
	allowTCP = "v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"
	blockTCP = "v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|"
	allowUDP = "v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=17|"
)

// verdicts says for combinations of rules and settings what a flow meets, each with the
// part of facts/windows-firewall.md (section, number) or the document that says so.
var verdicts = []struct {
	source string
	host   *host
	flow   rules.Flow
	want   rules.Answer
	by     string // a part of By, Reason and Part together
}{
	// 3.6.1: services.
	{"3.6.1, 3.3 stopped", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.Services["MpsSvc"] = "Stopped" }), tcp(443), rules.Unknown, "MpsSvc"},
	{"3.6.1 BFE", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.Services["BFE"] = "Stopped" }), tcp(443), rules.Unknown, "BFE"},
	{"3.3 unknown state", with(newHost(), func(h *host) { h.Services["MpsSvc"] = "Unknown" }), tcp(443), rules.Unknown, "MpsSvc"},
	// 3.6.2, 3.2: the profile.
	{"3.2 firewall off", with(newHost(), func(h *host) { h.profile("1", func(p *profileWire) { p.Enabled = false }) }), tcp(1), rules.Allowed, "off in the Domain profile"},
	{"3.2 GPO switches it off", with(newHost(), func(h *host) { h.group("DomainProfile", "EnableFirewall", 0) }), tcp(1), rules.Allowed, "off"},
	{"3.2 GPO switches it on (FASP 2.2.38)", with(newHost(), func(h *host) {
		h.profile("1", func(p *profileWire) { p.Enabled = false })
		h.group("DomainProfile", "EnableFirewall", 1)
	}), tcp(1), rules.Denied, "default of the Domain profile"},
	{"3.2 off elsewhere", with(newHost(), func(h *host) { h.profile("4", func(p *profileWire) { p.Enabled = false }) }), tcp(1), rules.Denied, "Domain"},
	{"3.2 block all", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.profile("1", func(p *profileWire) { p.BlockAll = true }) }), tcp(443), rules.Denied, "all inbound traffic"},
	{"3.2 block all by GPO", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.group("DomainProfile", "DoNotAllowExceptions", 1) }), tcp(443), rules.Denied, "all inbound traffic"},
	{"3.2 block all leaves outbound", with(newHost(), func(h *host) { h.profile("1", func(p *profileWire) { p.BlockAll = true }) }), outbound(rules.TCP, 443), rules.Allowed, "default"},
	{"3.2 default allow", with(newHost(), func(h *host) { h.profile("1", func(p *profileWire) { p.Inbound = 1 }) }), tcp(443), rules.Allowed, "default"},
	{"3.2 default allow and a block rule", with(newHost(blockTCP+"LPort=443|Name=b|"), func(h *host) { h.profile("1", func(p *profileWire) { p.Inbound = 1 }) }), tcp(443), rules.Denied, "block rule b"},
	{"GPFAS 2.2.3.17: 1 blocks", with(newHost(), func(h *host) {
		h.profile("1", func(p *profileWire) { p.Inbound = 1 })
		h.group("DomainProfile", "DefaultInboundAction", 1)
	}), tcp(443), rules.Denied, "default"},
	{"GPFAS 2.2.3.17: 0 allows", with(newHost(), func(h *host) { h.group("DomainProfile", "DefaultInboundAction", 0) }), tcp(443), rules.Allowed, "default"},
	{"GPFAS 2.2.3: StandardProfile", with(newHost(), func(h *host) { h.Policy.Active = private; h.group("StandardProfile", "EnableFirewall", 0) }), tcp(1), rules.Allowed, "off in the Private"},
	{"GPFAS 2.2.3: not beside PublicProfile", with(newHost(), func(h *host) {
		h.Policy.Active = private
		h.group("StandardProfile", "EnableFirewall", 0)
		h.Registry.GPO["PublicProfile"] = map[string]int64{}
	}), tcp(1), rules.Denied, "Private"},
	{"3.2 excluded interface", with(newHost(), func(h *host) { h.profile("1", func(p *profileWire) { p.Excluded = []string{"Ethernet"} }) }), tcp(1), rules.Allowed, "leaves the interface Ethernet alone"},
	// 3.6.3: protocol, ports, addresses.
	{"3.6.3 port", newHost(allowTCP + "LPort=443|Name=a|"), tcp(443), rules.Allowed, "rule a (local)"},
	{"3.6.3 other port", newHost(allowTCP + "LPort=443|Name=a|"), tcp(444), rules.Denied, "default"},
	{"2.4 port range", newHost(allowTCP + "LPort=80|LPort2_10=5000-5010|Name=a|"), tcp(5010), rules.Allowed, "rule a"},
	{"2.4 beyond the range", newHost(allowTCP + "LPort2_10=5000-5010|Name=a|"), tcp(5011), rules.Denied, "default"},
	{"3.6.3 other protocol", newHost(allowTCP + "LPort=443|Name=a|"), udp(443), rules.Denied, "default"},
	{"3.6.3 protocol 256", newHost("v2.26|Action=Allow|Active=TRUE|Dir=In|Name=a|"), inbound(rules.VRRP, 0, nil), rules.Allowed, "rule a"},
	{"2.2 protocol 112", newHost("v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=112|RA4=10.0.0.9|Name=v|"), inbound(rules.VRRP, 0, []string{"10.0.0.9"}), rules.Allowed, "rule v"},
	{"2.4 RPC-EPMap is 135", newHost(allowTCP + "LPort=RPC-EPMap|Name=a|"), tcp(135), rules.Allowed, "rule a"},
	{"7 RPC is not 49152", newHost(allowTCP + "LPort=RPC|Name=a|"), tcp(50000), rules.Unknown, "RPC"},
	{"7 RPC is no low port", newHost(allowTCP + "LPort=RPC|Name=a|"), tcp(445), rules.Denied, "default"},
	{"2.4 IPHTTPSIn", newHost(allowTCP + "LPort2_10=IPHTTPSIn|Name=a|"), tcp(443), rules.Unknown, "IPHTTPSIn"},
	{"GPFAS 2.2.2.3 mDNS", newHost(allowUDP + "LPort2_25=mDNS|Name=a|"), udp(5353), rules.Allowed, "rule a"},
	{"2.5 scope covers", newHost(allowTCP + "LPort=443|RA4=10.0.0.0/255.255.255.0|Name=a|"), tcp(443, "10.0.0.7"), rules.Allowed, "rule a"},
	{"3.6.3 scope too small", newHost(allowTCP + "LPort=443|RA4=10.0.0.0/24|Name=a|"), tcp(443), rules.Denied, "11.0.0.0/8"},
	{"2.5 range", newHost(allowTCP + "LPort=443|RA4=10.0.0.5-10.0.0.77|Name=a|"), tcp(443, "10.0.0.77", "10.0.0.78"), rules.Denied, "10.0.0.78/32"},
	{"2.5 IPv6", newHost(allowTCP + "LPort=443|RA6=2001:db8::/32|Name=a|"), tcp(443, "2001:db8::9"), rules.Allowed, "rule a"},
	{"2.5 IPv4 scope is no IPv6", newHost(allowTCP + "LPort=443|RA4=0.0.0.0-255.255.255.255|Name=a|"), tcp(443, "2001:db8::9"), rules.Denied, "default"},
	{"2.5 LocalSubnet", newHost(allowTCP + "LPort=443|RA4=LocalSubnet|RA6=LocalSubnet|Name=a|"), tcp(443, "10.0.0.99"), rules.Allowed, "rule a"},
	{"7 LocalSubnet is not everybody", newHost(allowTCP + "LPort=443|RA4=LocalSubnet|RA6=LocalSubnet|Name=a|"), tcp(443, "10.0.0.99", "10.0.1.1"), rules.Denied, "10.0.1.1/32"},
	{"2.5 DefaultGateway", newHost(allowTCP + "LPort=443|RA4=DefaultGateway|Name=a|"), tcp(443, "10.0.0.1"), rules.Allowed, "rule a"},
	{"CIMRULE 7: DNS resolves to nothing", newHost(allowTCP + "LPort=443|RA4=DNS|Name=a|"), tcp(443, "10.0.0.2"), rules.Denied, "default"},
	{"2.5 DNS", with(newHost(allowTCP+"LPort=443|RA4=DNS|Name=a|"), func(h *host) { h.Interfaces[0].DNS = []string{"10.0.0.2"} }), tcp(443, "10.0.0.2"), rules.Allowed, "rule a"},
	{"2.5 IntrAnet needs isolation", newHost(allowTCP + "LPort=443|RA42=IntrAnet|Name=a|"), tcp(443), rules.Unknown, "IntrAnet"},
	{"3.6.3 local address", newHost(allowTCP + "LPort=443|LA4=10.0.0.5|Name=a|"), tcp(443, "10.0.0.7"), rules.Allowed, "rule a"},
	{"3.6.3 another local address", newHost(allowTCP + "LPort=443|LA4=10.0.0.6|Name=a|"), tcp(443, "10.0.0.7"), rules.Denied, "default"},
	{"3.6.3 one of two local addresses", with(newHost(allowTCP+"LPort=443|LA4=10.0.0.6|Name=a|"), func(h *host) { h.Interfaces[0].Addresses = []string{"10.0.0.5/24", "10.0.0.6/24"} }), tcp(443, "10.0.0.7"), rules.Denied, "default"},
	{"3.6.3 IF", newHost(allowTCP + "LPort=443|IF={ETHERNET}|Name=a|"), tcp(443), rules.Allowed, "rule a"},
	{"3.6.3 another IF", newHost(allowTCP + "LPort=443|IF={11111111-2222-3333-4444-555555555555}|Name=a|"), tcp(443), rules.Denied, "default"},
	{"3.6.3 IFType, type not known", newHost(allowTCP + "LPort=443|IFType=Wireless|Name=a|"), tcp(443), rules.Unknown, "interfaces"},
	{"2.2 IFType", with(newHost(allowTCP+"LPort=443|IFType=Lan|Name=a|"), func(h *host) { h.Interfaces[0].Type = "lan" }), tcp(443), rules.Allowed, "rule a"},
	{"GPFAS 2.2.2.16 ICMP type", newHost("v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=1|ICMP4=8:*|Name=a|"), inbound(1, 0, nil), rules.Unknown, "ICMP"},
	// 3.6.4, 3.2: profiles.
	{"3.6.4 profile", newHost(allowTCP + "Profile=Domain|LPort=443|Name=a|"), tcp(443), rules.Allowed, "rule a"},
	{"3.6.4 other profile", newHost(allowTCP + "Profile=Private|Profile=Public|LPort=443|Name=a|"), tcp(443), rules.Denied, "it is not for the Domain profile"},
	{"3.6.4 two active, one meant", with(newHost(allowTCP+"Profile=Domain|LPort=443|Name=a|"), func(h *host) { h.Policy.Active = domain | public }), tcp(443), rules.Unknown, "Domain"},
	{"3.6.4 two active, both meant", with(newHost(allowTCP+"Profile=Domain|Profile=Public|LPort=443|Name=a|"), func(h *host) { h.Policy.Active = domain | public }), tcp(443), rules.Allowed, "rule a"},
	{"3.2 one profile per interface", twoInterfaces(allowTCP + "Profile=Domain|LPort=443|Name=a|"), tcp(443, "10.0.0.7"), rules.Allowed, "rule a"},
	{"3.2 the other interface", twoInterfaces(allowTCP + "Profile=Domain|LPort=443|Name=a|"), tcp(443, "192.168.7.7"), rules.Denied, "Public profile on Storage"},
	{"3.2 by the gateway's interface", twoInterfaces(allowTCP + "Profile=Domain|LPort=443|Name=a|"), tcp(443, "203.0.113.9"), rules.Allowed, "rule a"},
	// 3.6.5, 7: programs and services.
	{"7 termservice on 3389", newHost(allowTCP + `LPort=3389|App=%SystemRoot%\system32\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|`), tcp(3389), rules.Allowed, "28775"},
	{"7 a program on 3389", newHost(allowTCP + `LPort=3389|App=C:\Program Files\x\y.exe|Name=a|`), tcp(3389), rules.Unknown, "y.exe"},
	{"7 System on 445", newHost(allowTCP + "LPort=445|App=System|Name=smb|"), tcp(445), rules.Allowed, "smb"},
	{"7 System on 5985", newHost(allowTCP + "LPort=5985|App=System|Name=winrm|"), tcp(5985), rules.Allowed, "winrm"},
	{"7 rpcss on 135", newHost(allowTCP + `LPort=135|App=%SystemRoot%\system32\svchost.exe|Svc=RpcSs|Name=dcom|`), tcp(135), rules.Allowed, "dcom"},
	{"7 rpcss by RPC-EPMap", newHost(allowTCP + `LPort=RPC-EPMap|App=%SystemRoot%\system32\svchost.exe|Svc=Rpcss|Name=dcom|`), tcp(135), rules.Allowed, "dcom"},
	{"7 another service on 135", newHost(allowTCP + `LPort=135|App=%SystemRoot%\system32\svchost.exe|Svc=winmgmt|Name=a|`), tcp(135), rules.Denied, "service winmgmt alone"},
	{"7 winmgmt, no port", newHost(allowTCP + `App=%SystemRoot%\system32\svchost.exe|Svc=winmgmt|Name=wmi|`), tcp(20002), rules.Denied, "default"},
	{"7 winmgmt, dynamic port", newHost(allowTCP + `App=%SystemRoot%\system32\svchost.exe|Svc=winmgmt|Name=wmi|`), tcp(50000), rules.Unknown, "winmgmt"},
	{"7 RdpSa, no port", newHost(allowTCP + `App=%SystemRoot%\system32\RdpSa.exe|Edge=TRUE|Defer=App|Name=shadow|`), tcp(20002), rules.Denied, "default"},
	{"7 a RAS program, no port", newHost(allowTCP + `App=C:\Program Files (x86)\Parallels\ApplicationServer\2XController.exe|Name=ras|`), tcp(20002), rules.Unknown, "2XController"},
	{"7 a RAS program that names the port", newHost(allowTCP + `LPort=443|App=C:\Program Files (x86)\Parallels\ApplicationServer\2XGateway.exe|Name=ras|`), tcp(443), rules.Allowed, "rule ras"},
	{"7 sshd on 22", newHost(allowTCP + `LPort=22|App=%SystemRoot%\system32\OpenSSH\sshd.exe|Name=ssh|`), tcp(22), rules.Allowed, "rule ssh"},
	{"7 another program on 22", newHost(allowTCP + `LPort=22|App=C:\x\y.exe|Name=y|`), tcp(22), rules.Unknown, "y.exe"},
	{"3.6.5 any service", newHost(allowTCP + `LPort=20002|Svc=*|Name=a|`), tcp(20002), rules.Unknown, "services alone"},
	{"3.6.5 a user's program", newHost(allowTCP + `App=C:\Users\u\AppData\Local\Teams\Teams.exe|Name=t|`), tcp(20002), rules.Denied, "default"},
	{"3.1 a program's block rule", newHost(allowTCP+"LPort=20002|Name=a|", blockTCP+`App=C:\Program Files (x86)\Parallels\ApplicationServer\2XController.exe|Name=no|`), tcp(20002), rules.Unknown, "may close it"},
	{"3.1 a user's program's block rule", newHost(allowTCP+"LPort=20002|Name=a|", blockTCP+`App=C:\Users\u\AppData\Local\Teams\Teams.exe|Name=no|`), tcp(20002), rules.Allowed, "rule a"},
	{"3.1 a block rule for another service", newHost(allowTCP+"LPort=445|Name=a|", blockTCP+`App=%SystemRoot%\system32\svchost.exe|Svc=x|Name=no|`), tcp(445), rules.Allowed, "rule a"},
	{"3.6.6 a package", newHost(allowTCP + "LPort=443|AppPkgId=S-1-15-2-1|Name=a|"), tcp(443), rules.Denied, "default"},
	{"3.6.6 users of this host", newHost(allowTCP + "LPort=443|LUAuth=D:(A;;CC;;;S-1-5-21)|Name=a|"), tcp(443), rules.Unknown, "LUAuth"},
	// 3.6.6: authenticated traffic.
	{"3.6.6 Security", newHost(allowTCP + "LPort=443|Security=Authenticate|Name=a|"), tcp(443), rules.Denied, "authenticated traffic only"},
	{"3.6.6 Security2_9", newHost(allowTCP + "LPort=443|Security2_9=An-NoEncap|Name=a|"), tcp(443), rules.Denied, "authenticated"},
	{"3.6.6 bypass opens nothing plain", newHost("v2.26|Action=ByPass|Active=TRUE|Dir=In|Protocol=6|LPort=443|Security=Authenticate|RMauth=D:(A;;CC;;;S-1-5-21)|Name=a|"), tcp(443), rules.Denied, "default"},
	// 3.6.7, 3.1: block beats allow.
	{"3.1 block beats allow", newHost(allowTCP+"LPort=443|Name=a|", blockTCP+"LPort=443|Name=b|"), tcp(443), rules.Denied, "block rule b"},
	{"3.1 whatever the specificity", newHost(allowTCP+"LPort=443|RA4=10.0.0.7|Name=a|", blockTCP+"Name=b|"), tcp(443, "10.0.0.7"), rules.Denied, "block rule b"},
	{"3.6.7 a block rule for some", newHost(allowTCP+"LPort=443|Name=a|", blockTCP+"LPort=443|RA4=10.0.1.0/24|Name=b|"), tcp(443), rules.Denied, "10.0.1.0/24"},
	{"3.6.7 disabled", newHost(allowTCP+"LPort=443|Name=a|", "v2.26|Action=Block|Active=FALSE|Dir=In|Protocol=6|LPort=443|Name=b|"), tcp(443), rules.Allowed, "rule a"},
	{"3.6.7 GPO's block rule", newHost(allowTCP + "LPort=443|Name=a|").gpo(blockTCP + "LPort=443|Name=g|"), tcp(443), rules.Denied, "block rule g (Group Policy)"},
	{"3.6.7 a block rule of other profiles", newHost(allowTCP+"LPort=443|Name=a|", blockTCP+"Profile=Public|LPort=443|Name=b|"), tcp(443), rules.Allowed, "rule a"},
	{"3.6.7 outbound block", newHost("v2.26|Action=Block|Active=TRUE|Dir=Out|Protocol=6|RPort=443|Name=b|"), outbound(rules.TCP, 443), rules.Denied, "block rule b"},
	// 3.6.8, 3.4: group policy.
	{"3.4 merge off", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.group("DomainProfile", "AllowLocalPolicyMerge", 0) }), tcp(443), rules.Denied, "AllowLocalPolicyMerge=0"},
	{"3.4 merge off elsewhere", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.group("PublicProfile", "AllowLocalPolicyMerge", 0) }), tcp(443), rules.Allowed, "rule a"},
	{"3.4 merge off, local block rules go too", with(newHost(blockTCP+"LPort=443|Name=b|").gpo(allowTCP+"LPort=443|Name=g|"), func(h *host) { h.group("DomainProfile", "AllowLocalPolicyMerge", 0) }), tcp(443), rules.Allowed, "rule g (Group Policy)"},
	{"3.4 setting it locally does nothing", with(newHost(allowTCP+"LPort=443|Name=a|"), func(h *host) { h.Registry.Local["DomainProfile"]["AllowLocalPolicyMerge"] = 0 }), tcp(443), rules.Allowed, "rule a"},
	{"3.6.8 GPO's rule", newHost().gpo(allowTCP + "LPort=443|Name=g|"), tcp(443), rules.Allowed, "Group Policy"},
	// 3.6.9: the same ID.
	{"3.6.9 replaced", newHost("ID=X " + allowTCP + "LPort=443|Name=a|").gpo("ID=x " + allowTCP + "LPort=444|Name=g|"), tcp(443), rules.Denied, "same ID replaces it"},
	// 3.6.10: the other end's port.
	{"3.6.10 RPort", newHost(allowTCP + "LPort=443|RPort=67|Name=a|"), tcp(443), rules.Denied, "ports of the other end"},
	{"3.6.10 a part of them", newHost(allowTCP + "LPort=443|RPort2_10=50000-50010|Name=a|"), tcp(443), rules.Unknown, "other end"},
	// 3.5: loopback.
	{"3.5 loopback", newHost(blockTCP + "Name=b|"), rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 30004, Loopback: true}, rules.Allowed, "loopback"},
	{"3.5 its own address", newHost(), tcp(443, "10.0.0.5"), rules.Allowed, "loopback"},
	{"3.5 its own address and another", newHost(), tcp(443, "10.0.0.5", "10.0.0.6"), rules.Denied, "10.0.0.6/32"},
	// Outbound.
	{"3.1 outbound passes by default", newHost(), outbound(rules.TCP, 443), rules.Allowed, "default"},
	{"3.1 outbound blocked", with(newHost(), func(h *host) { h.profile("1", func(p *profileWire) { p.Outbound = 0 }) }), outbound(rules.TCP, 443), rules.Denied, "default"},
	{"3.1 outbound allowed by a rule", with(newHost("v2.26|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=443|Name=o|"), func(h *host) { h.profile("1", func(p *profileWire) { p.Outbound = 0 }) }), outbound(rules.TCP, 443), rules.Allowed, "rule o"},
	{"7 built-in block of a service, no port", newHost(`v2.33|Action=Block|Active=TRUE|Dir=Out|Protocol=17|App=%SystemRoot%\system32\svchost.exe|Svc=CDPSvc|Name=c|`), outbound(rules.UDP, 53), rules.Allowed, "default"},
	{"GPFAS 2.2.3.18: 1 blocks outbound", with(newHost(), func(h *host) { h.group("DomainProfile", "DefaultOutboundAction", 1) }), outbound(rules.TCP, 443), rules.Denied, "default"},
	{"GPFAS 2.2.3.18: 0 allows outbound", with(newHost(), func(h *host) {
		h.profile("1", func(p *profileWire) { p.Outbound = 0 })
		h.group("DomainProfile", "DefaultOutboundAction", 0)
	}), outbound(rules.TCP, 443), rules.Allowed, "default"},
	{"3.5 loopback while everything is blocked", with(newHost(), func(h *host) { h.profile("1", func(p *profileWire) { p.BlockAll = true }) }), rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 30004, Loopback: true}, rules.Allowed, "loopback"},
	{"3.4 merge off beside a local allow and a GPO's block rule", with(newHost(allowTCP+"LPort=443|Name=a|").gpo(blockTCP+"LPort=443|Name=g|"), func(h *host) { h.group("DomainProfile", "AllowLocalPolicyMerge", 0) }), tcp(443), rules.Denied, "block rule g (Group Policy)"},
	// The grammar: what is not understood is never passed over.
	{"issue: unknown field", newHost(allowTCP + "LPort=443|NewThing=1|Name=a|"), tcp(443), rules.Unknown, "NewThing"},
	{"issue: unknown field on a block rule", newHost(allowTCP+"LPort=443|Name=a|", blockTCP+"LPort=443|NewThing=1|Name=b|"), tcp(443), rules.Unknown, "NewThing"},
	{"issue: unknown field elsewhere", newHost(allowTCP + "LPort=444|NewThing=1|Name=a|"), tcp(443), rules.Denied, "default"},
	{"GPFAS: trust tuples", newHost(blockTCP+"LPort=443|TTK2_22=WFDPrint|Name=b|", allowTCP+"LPort=443|Name=a|"), tcp(443), rules.Unknown, "TTK2_22"},
	{"GPFAS: Platform fits", newHost(allowTCP + "LPort=443|Platform=2:6:1|Platform2=GTEQ|Name=a|"), tcp(443), rules.Allowed, "rule a"},
	{"GPFAS: Platform of another", newHost(allowTCP + "LPort=443|Platform=2:6:1|Name=a|"), tcp(443), rules.Denied, "other versions"},
	{"GPFAS: SkipVer of old systems", newHost(allowTCP + "LPort=443|SkipVer=2.0|Name=a|"), tcp(443), rules.Allowed, "rule a"},
	{"GPFAS: Active is FALSE where it is missing", newHost("v2.26|Action=Allow|Dir=In|Protocol=6|LPort=443|Name=a|"), tcp(443), rules.Denied, "it is disabled"},
	{"GPFAS: no action", newHost("v2.26|Active=TRUE|Dir=In|Protocol=6|LPort=443|Name=a|"), tcp(443), rules.Denied, "default"},
	{"GPFAS: Edge is about Teredo", newHost(allowTCP + "LPort=443|Edge=TRUE|Name=a|"), tcp(443), rules.Allowed, "rule a"},
}

func TestVerdicts(t *testing.T) {
	if len(verdicts) < 60 {
		t.Errorf("only %d combinations", len(verdicts))
	}
	seen := map[string]bool{}
	for _, c := range verdicts {
		if c.source == "" {
			t.Errorf("a row without its source: %s", c.flow)
		}
		if seen[c.source] {
			t.Errorf("%s is there twice", c.source)
		}
		seen[c.source] = true
		t.Run(c.source, func(t *testing.T) {
			v := New().Judge(c.host.state(t), c.flow)
			text := v.By + " | " + v.Reason
			for _, p := range v.Part {
				text += " " + p.String()
			}
			if v.Answer != c.want || !strings.Contains(text, c.by) {
				t.Errorf("%s from %s: %s (%s), want %s by %q", c.flow, c.flow.Remotes, v.Answer, text, c.want, c.by)
			}
		})
	}
}

func with(h *host, change func(*host)) *host {
	change(h)
	return h
}

func (h *host) profile(bit string, change func(*profileWire)) {
	p := h.Policy.Profiles[bit]
	change(&p)
	h.Policy.Profiles[bit] = p
}

func (h *host) group(profile, value string, n int64) {
	if h.Registry.GPO[profile] == nil {
		h.Registry.GPO[profile] = map[string]int64{}
	}
	h.Registry.GPO[profile][value] = n
}

// twoInterfaces is a host with a network for storage that counts as Public.
func twoInterfaces(local ...string) *host {
	h := newHost(local...)
	h.Policy.Active = domain | public
	h.Interfaces[0].Profile = domain
	storage := nic("Storage", "192.168.7.5/24")
	storage.Profile = public
	h.Interfaces = append(h.Interfaces, storage)
	return h
}
