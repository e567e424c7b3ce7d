package windows

import (
	"fmt"
	"strings"
)

// Built-in rules that a RAS farm meets (facts: section 7) and some of Core
// Networking, as 2016 and later write them, without the version.
var builtIn = []Entry{
	{"RemoteDesktop-UserMode-In-TCP", `Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\system32\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|Desc=@FirewallAPI.dll,-28756|EmbedCtxt=@FirewallAPI.dll,-28752|`},
	{"RemoteDesktop-UserMode-In-UDP", `Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=3389|App=%SystemRoot%\system32\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28776|Desc=@FirewallAPI.dll,-28777|EmbedCtxt=@FirewallAPI.dll,-28752|`},
	{"RemoteDesktop-Shadow-In-TCP", `Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=%SystemRoot%\system32\RdpSa.exe|Name=@FirewallAPI.dll,-28778|Desc=@FirewallAPI.dll,-28779|EmbedCtxt=@FirewallAPI.dll,-28752|Edge=TRUE|Defer=App|`},
	{"FPS-SMB-In-TCP", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=445|App=System|Name=@FirewallAPI.dll,-28511|Desc=@FirewallAPI.dll,-28512|EmbedCtxt=@FirewallAPI.dll,-28502|`},
	{"FPS-NB_Session-In-TCP", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=139|App=System|Name=@FirewallAPI.dll,-28503|Desc=@FirewallAPI.dll,-28506|EmbedCtxt=@FirewallAPI.dll,-28502|`},
	{"FPS-NB_Name-In-UDP", `Action=Allow|Active=FALSE|Dir=In|Protocol=17|LPort=137|App=System|Name=@FirewallAPI.dll,-28519|Desc=@FirewallAPI.dll,-28522|EmbedCtxt=@FirewallAPI.dll,-28502|`},
	{"FPS-NB_Datagram-In-UDP", `Action=Allow|Active=FALSE|Dir=In|Protocol=17|LPort=138|App=System|Name=@FirewallAPI.dll,-28527|Desc=@FirewallAPI.dll,-28530|EmbedCtxt=@FirewallAPI.dll,-28502|`},
	{"FPS-ICMP4-ERQ-In", `Action=Allow|Active=FALSE|Dir=In|Protocol=1|ICMP4=8:*|Name=@FirewallAPI.dll,-28543|Desc=@FirewallAPI.dll,-28547|EmbedCtxt=@FirewallAPI.dll,-28502|`},
	{"FPS-ICMP6-ERQ-In", `Action=Allow|Active=FALSE|Dir=In|Protocol=58|ICMP6=128:*|Name=@FirewallAPI.dll,-28545|Desc=@FirewallAPI.dll,-28547|EmbedCtxt=@FirewallAPI.dll,-28502|`},
	{"WMI-RPCSS-In-TCP", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=135|App=%SystemRoot%\system32\svchost.exe|Svc=rpcss|Name=@FirewallAPI.dll,-34252|Desc=@FirewallAPI.dll,-34253|EmbedCtxt=@FirewallAPI.dll,-34251|`},
	{"WMI-WINMGMT-In-TCP", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|App=%SystemRoot%\system32\svchost.exe|Svc=winmgmt|Name=@FirewallAPI.dll,-34254|Desc=@FirewallAPI.dll,-34255|EmbedCtxt=@FirewallAPI.dll,-34251|`},
	{"RemoteEventLogSvc-In-TCP", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=RPC|App=%SystemRoot%\system32\svchost.exe|Svc=Eventlog|Name=@FirewallAPI.dll,-29253|Desc=@FirewallAPI.dll,-29256|EmbedCtxt=@FirewallAPI.dll,-29252|`},
	{"RemoteEventLogSvc-RPCSS-In-TCP", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=RPC-EPMap|App=%SystemRoot%\system32\svchost.exe|Svc=RPCSS|Name=@FirewallAPI.dll,-29265|Desc=@FirewallAPI.dll,-29268|EmbedCtxt=@FirewallAPI.dll,-29252|`},
	{"vm-monitoring-dcom", `Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=135|App=%SystemRoot%\system32\svchost.exe|Svc=RpcSs|Name=@%systemroot%\system32\icsvc.dll,-709|Desc=@%systemroot%\system32\icsvc.dll,-710|EmbedCtxt=@%systemroot%\system32\icsvc.dll,-700|`},
	{"WINRM-HTTP-In-TCP", `Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5985|App=System|Name=@FirewallAPI.dll,-30253|Desc=@FirewallAPI.dll,-30256|EmbedCtxt=@FirewallAPI.dll,-30267|`},
	{"WINRM-HTTP-In-TCP-PUBLIC", `Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=5985|RA4=LocalSubnet|RA6=LocalSubnet|App=System|Name=@FirewallAPI.dll,-30253|Desc=@FirewallAPI.dll,-30256|EmbedCtxt=@FirewallAPI.dll,-30267|`},
	{"CoreNet-ICMP6-DU-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=58|ICMP6=1:*|App=System|Name=@FirewallAPI.dll,-25110|Desc=@FirewallAPI.dll,-25112|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-ICMP6-NDS-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=58|ICMP6=135:*|App=System|Name=@FirewallAPI.dll,-25019|Desc=@FirewallAPI.dll,-25025|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-ICMP4-DUFRAG-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=1|ICMP4=3:4|App=System|Name=@FirewallAPI.dll,-25251|Desc=@FirewallAPI.dll,-25257|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-DHCP-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=68|RPort=67|App=%SystemRoot%\system32\svchost.exe|Svc=dhcp|Name=@FirewallAPI.dll,-25301|Desc=@FirewallAPI.dll,-25303|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-DHCPV6-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=546|RPort=547|App=%SystemRoot%\system32\svchost.exe|Svc=dhcp|Name=@FirewallAPI.dll,-25304|Desc=@FirewallAPI.dll,-25306|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-Teredo-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=Teredo|App=%SystemRoot%\system32\svchost.exe|Svc=iphlpsvc|Name=@FirewallAPI.dll,-25326|Desc=@FirewallAPI.dll,-25332|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-IPHTTPS-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort2_10=IPTLSIn|LPort2_10=IPHTTPSIn|App=System|Name=@FirewallAPI.dll,-25426|Desc=@FirewallAPI.dll,-25428|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-DNS-Out-UDP", `Action=Allow|Active=TRUE|Dir=Out|Protocol=17|RPort=53|App=%SystemRoot%\system32\svchost.exe|Svc=dnscache|Name=@FirewallAPI.dll,-25405|Desc=@FirewallAPI.dll,-25406|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-IGMP-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=2|App=System|Name=@FirewallAPI.dll,-25376|Desc=@FirewallAPI.dll,-25382|EmbedCtxt=@FirewallAPI.dll,-25000|`},
	{"CoreNet-IPv6-In", `Action=Allow|Active=TRUE|Dir=In|Protocol=41|App=System|Name=@FirewallAPI.dll,-25351|Desc=@FirewallAPI.dll,-25357|EmbedCtxt=@FirewallAPI.dll,-25000|`},
}

// BuiltIn is the rule store of a plain server: the groups that Windows brings.
func BuiltIn(s System) []Entry {
	v := versionOf(s)
	out := make([]Entry, len(builtIn))
	for i, e := range builtIn {
		out[i] = Entry{e.ID, v + "|" + e.Text}
	}
	return out
}

func versionOf(s System) string {
	r, err := releaseOf(s)
	if err != nil {
		return "v2.26"
	}
	return r.rules
}

// Foreign adds rules that other software made until there are n in the store: of all
// shapes, for ports that no RAS component has.
func Foreign(s System, store []Entry, n int) []Entry {
	v := versionOf(s)
	out := append([]Entry(nil), store...)
	for i := 0; len(out) < n; i++ {
		port := 20100 + i%900
		var f string
		switch i % 8 {
		case 0:
			f = fmt.Sprintf(`Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=%d|App=C:\Program Files\Vendor %d\agent.exe|Name=Vendor agent %d|`, port, i%40, i)
		case 1:
			f = fmt.Sprintf(`Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort2_10=%d-%d|RA4=10.%d.0.0/255.255.0.0|Name=Vendor media %d|Desc=Media of the vendor|EmbedCtxt=Vendor|`, port, port+20, i%200, i)
		case 2:
			f = fmt.Sprintf(`Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC|App=%%SystemRoot%%\system32\svchost.exe|Svc=svc%d|Name=@FirewallAPI.dll,-%d|Desc=@FirewallAPI.dll,-%d|EmbedCtxt=@FirewallAPI.dll,-31500|`, i, 40000+i, 50000+i)
		case 3:
			f = fmt.Sprintf(`Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=443|App=%%ProgramFiles%%\Vendor\update%d.exe|Name=Vendor update %d|`, i%7, i)
		case 4:
			f = fmt.Sprintf(`Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=%d|RA4=LocalSubnet|RA6=LocalSubnet|App=System|Name=Local service %d|`, port, i)
		case 5:
			f = fmt.Sprintf(`Action=Block|Active=%s|Dir=In|Protocol=6|LPort=%d|RA4=192.0.2.%d|Name=Blocked by hand %d|`, map[bool]string{true: "TRUE", false: "FALSE"}[i%16 == 5], port, i%250+1, i)
		case 6:
			f = fmt.Sprintf(`Action=Allow|Active=TRUE|Dir=In|Protocol=17|RA6=fe80::/64|LPort=%d|Name=Neighbour %d|Desc=|TTK2_28=Future|`, port, i)
		default:
			f = fmt.Sprintf(`Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=%d|LPort=%d|RA4=10.0.0.1-10.0.0.9|App=C:\Apps\app%d.exe|Name=App %d|Edge=TRUE|`, port, port+1, i%60, i)
		}
		out = append(out, Entry{fmt.Sprintf("{%08X-0000-4000-8000-00000000F0E1}", i), v + "|" + f})
	}
	return out
}

// AppX adds n rules that log-ons of users left behind on a session host.
func AppX(s System, store []Entry, n int) []Entry {
	v := versionOf(s)
	out := make([]Entry, len(store), len(store)+n)
	copy(out, store)
	for i := range n {
		out = append(out, Entry{appxID(i), appxText(v, i)})
	}
	return out
}

func appxID(i int) string { return fmt.Sprintf("{%08X-1111-4A00-9000-0000000A44B0}", i) }

func appxText(version string, i int) string {
	sid := fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 1100+i/8)
	app := []string{"Microsoft.AAD.BrokerPlugin", "Microsoft.AccountsControl", "Microsoft.Windows.Cortana", "Microsoft.Windows.ShellExperienceHost"}[i%4]
	dir := []string{"In", "Out"}[i/4%2]
	return strings.Join([]string{version, "Action=Allow", "Active=TRUE", "Dir=" + dir, "Profile=Domain", "Profile=Private", "Profile=Public",
		"Name=@{" + app + "_1000_neutral_neutral_cw5n1h2txyewy?ms-resource://" + app + "/Resources/PackageDisplayName}", "Desc=" + app, "LUOwn=" + sid,
		"AppPkgId=S-1-15-2-1910091885-1573563583-1104941280-2418270861-3411158377-2822700936-2990310272", "EmbedCtxt=" + app, "Platform=2:6:2", "Platform2=GTEQ", ""}, "|")
}
