package windows

import (
	"net/netip"
	"testing"
)

func TestAdmits(t *testing.T) {
	near, far := netip.MustParseAddrPort("10.0.0.9:50000"), netip.MustParseAddrPort("192.0.2.1:50000")
	winrm := netip.MustParseAddrPort("10.0.0.5:5985")
	const allow = `v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5985|`
	block := func(more string) Entry {
		return Entry{"b", `v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|` + more + "Name=b|"}
	}
	for name, c := range map[string]struct {
		client netip.AddrPort
		o      Options
		want   bool
	}{
		"built-in":                {far, Options{Rules: BuiltIn("")}, true},
		"built-in, public, far":   {far, Options{Rules: BuiltIn(""), Active: 4}, false},
		"built-in, public, near":  {near, Options{Rules: BuiltIn(""), Active: 4}, true},
		"nothing":                 {near, Options{}, false},
		"itself":                  {netip.MustParseAddrPort("10.0.0.5:50000"), Options{}, true},
		"disabled":                {near, Options{Rules: []Entry{{"a", `v2.26|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=5985|`}}}, false},
		"outbound":                {near, Options{Rules: []Entry{{"a", `v2.26|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|LPort=5985|`}}}, false},
		"other port":              {near, Options{Rules: []Entry{{"a", `v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5986|`}}}, false},
		"range":                   {near, Options{Rules: []Entry{{"a", `v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort2_10=5980-5990|`}}}, true},
		"udp":                     {near, Options{Rules: []Entry{{"a", `v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=5985|`}}}, false},
		"any protocol":            {near, Options{Rules: []Entry{{"a", `v2.26|Action=Allow|Active=TRUE|Dir=In|`}}}, true},
		"other program":           {near, Options{Rules: []Entry{{"a", allow + `App=C:\x.exe|`}}}, false},
		"service":                 {near, Options{Rules: []Entry{{"a", allow + `Svc=x|`}}}, false},
		"condition not known":     {near, Options{Rules: []Entry{{"a", allow + `Platform=2:6:2|`}}}, false},
		"authenticated only":      {near, Options{Rules: []Entry{{"a", allow + `Security=Authenticate|`}}}, false},
		"remote address, in":      {near, Options{Rules: []Entry{{"a", allow + `RA4=10.0.0.0/255.255.255.0|`}}}, true},
		"remote address, out":     {far, Options{Rules: []Entry{{"a", allow + `RA4=10.0.0.0/255.255.255.0|`}}}, false},
		"remote range":            {near, Options{Rules: []Entry{{"a", allow + `RA4=10.0.0.8-10.0.0.9|`}}}, true},
		"block beats allow":       {near, Options{Rules: []Entry{block("LPort=5985|"), {"a", allow}}}, false},
		"block of others":         {near, Options{Rules: []Entry{block("RA4=192.0.2.0/255.255.255.0|"), {"a", allow}}}, true},
		"block by group policy":   {near, Options{Rules: []Entry{{"a", allow}}, GPO: []Entry{block("LPort=5985|")}}, false},
		"no merge":                {near, Options{Rules: []Entry{{"a", allow}}, GroupPolicy: map[string]map[string]uint32{"DomainProfile": {"AllowLocalPolicyMerge": 0}}}, false},
		"no merge, group's rule":  {near, Options{GPO: []Entry{{"a", allow}}, GroupPolicy: map[string]map[string]uint32{"DomainProfile": {"AllowLocalPolicyMerge": 0}}}, true},
		"switched off":            {near, Options{Policy: map[string]map[string]uint32{"DomainProfile": {"EnableFirewall": 0}}}, true},
		"off in another profile":  {near, Options{Policy: map[string]map[string]uint32{"PublicProfile": {"EnableFirewall": 0}}}, false},
		"default allow":           {near, Options{Policy: map[string]map[string]uint32{"DomainProfile": {"DefaultInboundAction": 0}}}, true},
		"no exceptions":           {near, Options{Rules: []Entry{{"a", allow}}, Policy: map[string]map[string]uint32{"DomainProfile": {"DoNotAllowExceptions": 1}}}, false},
		"service stopped":         {near, Options{Services: map[string]string{"MpsSvc": "Stopped"}}, true},
		"rule of another profile": {near, Options{Rules: []Entry{{"a", allow + `Profile=Public|`}}}, false},
	} {
		c.o.Name, c.o.Addresses = "W", []netip.Addr{winrm.Addr()}
		h, err := New(c.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Admits(c.client, winrm, "System"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		h.Close()
	}
}
