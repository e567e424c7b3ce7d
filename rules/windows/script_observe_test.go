package windows_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
	"time"

	lab "farmwall/transport/lab/windows"
)

func TestObserveReadsASessionHostWithoutItsLogOns(t *testing.T) {
	store := lab.AppX(lab.Server2019, lab.Foreign(lab.Server2019, lab.BuiltIn(lab.Server2019), 600), 20000)
	hostile := []string{
		"$(Get-Date); `whoami` \"quoted\" 'single' \\back\\slash", "line\tbreak\x01\x7f", "Ünïcödé 日本語 \U0001F512", "-EncodedCommand AAAA", "</script>{\"format\":2}",
		"farmwall", "FARMWALL:FARM:RDP:89ABABCD:1", "x AppPkgId= LUOwn= y",
	}
	for i, name := range hostile {
		store = append(store, lab.Entry{ID: "{H" + itoa(i) + "}", Text: "v2.29|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=9|Name=" + name + "|Desc=" + name + "|"})
	}
	m := boot(t, lab.Options{Rules: store, GPO: lab.BuiltIn(lab.Server2019)[:3], Restricted: 7,
		GroupPolicy: map[string]map[string]uint32{"DomainProfile": {"AllowLocalPolicyMerge": 0, "Odd": 4294967295}}})
	begun := time.Now()
	s := m.observe()
	t.Logf("20,600 rules took %v", time.Since(begun))
	look := m.look()
	if s.Ours != look.Ours || s.Rest != look.Rest {
		t.Errorf("the fingerprints are %s %s, not %s %s", s.Ours, s.Rest, look.Ours, look.Rest)
	}
	if s.LeftOut.Local != 20000 || s.LeftOut.GPO != 0 || s.LeftOut.Restricted != 7 || len(s.GPO) != 3 || len(s.Local) != 600+len(hostile) {
		t.Fatalf("%d and %d rules, left out %+v", len(s.Local), len(s.GPO), s.LeftOut)
	}
	for _, e := range store[:600] {
		if !slices.Contains(s.Local, [2]string{e.ID, e.Text}) {
			t.Fatalf("%v is missing", e)
		}
	}
	for _, e := range store[len(store)-len(hostile):] {
		if !slices.Contains(s.Local, [2]string{e.ID, e.Text}) {
			t.Errorf("%q is missing", e)
		}
	}
	if s.Connection.Client != "10.0.0.1:50123" || s.Connection.Local != "10.0.0.5:5985" || !s.Admin || s.Policy.Error != "" {
		t.Fatalf("seen: %+v", s.Connection)
	}
}

func TestObserveSaysWhatItCan(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.SetService("MpsSvc", "Stopped")
	m.SetService("Schedule", "Stopped")
	m.SetFaults(func(f *lab.Faults) { f.NotAdmin = true })
	// Behind NAT the host sees other addresses than those that were dialled.
	nat := func(c *lab.Command) {
		c.Client, c.Local = netip.MustParseAddrPort("10.0.0.1:61000"), netip.MustParseAddrPort("192.168.7.5:5985")
	}
	out, err := m.run(t.Context(), "observe", []byte(`{"format":1}`), nat)
	if err != nil {
		t.Fatal(err)
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	if s.Admin || s.Folder != "" || s.Services["MpsSvc"] != "Stopped" || s.Services["BFE"] != "Running" || s.Registry.Error != "" || len(s.Local) == 0 || s.Ours == "" {
		t.Fatalf("seen: %+v", s)
	}
	if s.Connection.Client != "10.0.0.1:61000" || s.Connection.Local != "192.168.7.5:5985" {
		t.Fatalf("the connection is %+v", s.Connection)
	}
}
