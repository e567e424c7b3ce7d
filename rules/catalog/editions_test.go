package catalog

import (
	"slices"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

func TestEditions(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, id := range Editions() {
		info, err := Describe(id)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := Edition(id)
		if err != nil {
			t.Fatal(err)
		}
		if count += len(rows); info.ID != id || info.Rows != len(rows) || info.Title == "" {
			t.Errorf("edition %s is described as %+v", id, info)
		}
		if info.Complete != (id == "16") || info.Complete == (len(info.Unseen) > 0) {
			t.Errorf("edition %s: complete %v, unseen %v", id, info.Complete, info.Unseen)
		}
		for _, r := range rows {
			if r.Edition != id || id != "16" && (r.Source == "" || r.MinVersion == "" || strings.Contains(r.ID, "_")) {
				t.Errorf("%s: %+v", r.ID, r)
			}
		}
	}
	if count != len(all) {
		t.Errorf("%d rows in the editions, %d in all", count, len(all))
	}
	if _, err := Edition("15"); err == nil || !strings.Contains(err.Error(), "16, 17, 18, 19, 20, 21") {
		t.Errorf("edition 15: %v", err)
	}
	if _, err := Describe("../catalog"); err == nil {
		t.Error("a path is no edition")
	}
}

// at is the IDs of the rules that a host of the role gets in a version.
func at(t *testing.T, major int, role inventory.Role) []string {
	t.Helper()
	f := whole()
	for _, h := range f.Members {
		set(&h.Version, inventory.Version{Major: major})
		set(&h.RDPLoadBalancing, true)
		set(&h.AgentPush, true)
		set(&h.Egress, inventory.EgressNever)
	}
	s, _ := desired(t, policy(t, f, nil), of(f, role))
	var ids []string
	for _, r := range s {
		ids = append(ids, r.ID)
	}
	return ids
}

// What newer versions add and take away, and nothing else.
func TestNewerRows(t *testing.T) {
	wants := map[inventory.Role]map[int][2][]string{ // role, version: gone, new
		inventory.Gateway: {
			17: {}, 18: {},
			19: {nil, {"19-client-gateway-forwarding-udp-3389", "19-gateway-in-tcp-30020"}},
			21: {nil, {"19-client-gateway-forwarding-udp-3389", "19-gateway-in-tcp-30020"}},
		},
		inventory.HALB:               {18: {}, 19: {nil, {"19-client-halb-udp-443", "19-client-halb-udp-80"}}},
		inventory.PublishingAgent:    {18: {}, 21: {}},
		inventory.RDSH:               {21: {}},
		inventory.RemotePC:           {21: {}},
		inventory.VDI:                {21: {}},
		inventory.Console:            {21: {}},
		inventory.Client:             {21: {}},
		inventory.Reporting:          {21: {}},
		inventory.Guest:              {20: {}, 21: {{"guest-in-tcp-30005"}, {"21-guest-localhost-tcp-30005"}}},
		inventory.PerformanceMonitor: {20: {}, 21: {{"perfmon-in-udp-8086"}, {"21-guest-perfmon-tcp-8086"}}},
	}
	for role, versions := range wants {
		before := slices.DeleteFunc(at(t, 17, role), func(id string) bool { return strings.HasPrefix(id, "17-") })
		for v, change := range versions {
			now := at(t, v, role)
			gone := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return slices.Contains(now, id) })
			added := slices.DeleteFunc(slices.Clone(now), func(id string) bool { return slices.Contains(before, id) })
			if !slices.Equal(gone, change[0]) || !slices.Equal(added, change[1]) {
				t.Errorf("%s at %d: gone %q, new %q; want %q", role, v, gone, added, change)
			}
		}
	}
}

func TestNewerRulesAreWhatTheirSourcesSay(t *testing.T) {
	f := whole()
	for _, h := range f.Members {
		set(&h.Version, inventory.Version{Major: 21})
		set(&h.Sources, inventory.SourcesPeers)
		set(&h.RDPUDP, h.Name != "halb")
	}
	p := policy(t, f, nil)
	s, _ := desired(t, p, of(f, inventory.Guest))
	if got := remotes(s, "21-guest-localhost-tcp-30005"); got != "loopback" {
		t.Errorf("30005 of a guest: %s", got)
	}
	s, _ = desired(t, p, of(f, inventory.HALB))
	if s.Find("19-client-halb-udp-80") != nil {
		t.Error("HALB has UDP 80 without RDP-UDP")
	}
	s, _ = desired(t, p, of(f, inventory.PerformanceMonitor))
	if got := remotes(s, "21-guest-perfmon-tcp-8086"); got != "10.0.1.1, 10.0.3.1, 10.0.5.1, 10.0.6.1, 10.0.7.1, 10.0.9.1" {
		t.Errorf("8086 from %s", got)
	}
	if r := s.Find("21-guest-perfmon-tcp-8086"); r.Protocol != rules.TCP {
		t.Errorf("8086 by %s", r.Protocol)
	}
	s, notes := desired(t, policy(t, whole(), nil), member("pm", "10.0.99.1", inventory.PerformanceMonitor))
	if s.Find("perfmon-in-udp-8086") == nil || !strings.Contains(noted(notes, rules.NoteAdvice, "perfmon-in-udp-8086"), "TCP 8086") {
		t.Errorf("16.5 says nothing of the doubt about 8086: %v", notes)
	}
	// Flows without an end of ours are shown and make no rule.
	rows, _ := Edition("20")
	for _, r := range rows {
		if len(r.Roles) != 0 || r.From != "broker" || r.To != "ad-ds" {
			t.Errorf("%+v", r)
		}
	}
}

func TestMalformedFiles(t *testing.T) {
	const head = "edition: '99'\ntitle: T\ncomplete: true\nsources: {S: a book}\nends: {gateway: [gateway], web: []}\n"
	row := func(s string) string {
		return head + "components:\n- name: C\n  roles: [gateway]\n  rows:\n  - {" + s + "}\n"
	}
	const good = "id: a, direction: in, scope: internal, protocol: tcp, port: 80"
	if _, err := parse([]byte(row(good) + "flows:\n- {from: web, to: gateway, scope: external, protocol: [tcp, 112], source: [S]}\n")); err == nil || !strings.Contains(err.Error(), "TCP and UDP have a port") {
		t.Errorf("a flow by TCP without ports: %v", err)
	}
	if _, err := parse([]byte(row(good))); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	with := func(from, to string) string { return row(strings.Replace(good, from, to, 1)) }
	for name, c := range map[string][2]string{
		"unknown field":       {row(good + ", colour: red"), "colour"},
		"repeated field":      {row(good + ", port: 81"), "port"},
		"port too large":      {with("80", "70000"), "70000"},
		"negative port":       {with("80", "-1"), "-1"},
		"port 0":              {with("80", "0"), "TCP and UDP have a port"},
		"no YAML":             {"edition: [", "line"},
		"nothing":             {"", "EOF"},
		"two documents":       {row(good) + "---\na: 1\n", "more than one document"},
		"unknown role":        {strings.Replace(row(good), "roles: [gateway]", "roles: [gatway]", 1), "gatway"},
		"unknown direction":   {with("in,", "sideways,"), "sideways"},
		"unknown scope":       {with("internal", "world"), "world"},
		"open to everybody":   {with("internal", "any"), "everybody"},
		"local from outside":  {with("in,", "local,"), "localhost"},
		"unknown protocol":    {with("tcp", "sctp"), "sctp"},
		"protocol by number":  {with("tcp", "6"), "protocol"},
		"port for protocol":   {with("tcp", "112"), "other protocols have none"},
		"id with blanks":      {with("id: a", "id: a b"), "1 to 64"},
		"id with quote":       {with("id: a", "id: 'a\"b'"), "1 to 64"},
		"long id":             {with("id: a", "id: "+strings.Repeat("a", 65)), "1 to 64"},
		"unknown condition":   {row(good + ", when: [moonlight]"), "moonlight"},
		"version":             {row(good + ", min_version: latest"), "latest"},
		"inbound with remote": {row(good + ", remote: example.com"), "outbound"},
		"unknown source":      {row(good + ", source: [X]"), "\"X\""},
		"clients":             {row(good + ", clients: some"), "clients"},
		"same id twice":       {strings.Replace(row(good), "  - {", "  - {"+good+"}\n  - {", 1), "twice"},
		"no completeness":     {strings.Replace(row(good), "complete: true\n", "", 1), "complete"},
		"unknown end":         {head + "flows: [{from: moon, to: gateway, scope: external, protocol: [tcp], ports: [80]}]\n", "moon"},
		"ports and protocols": {head + "flows: [{from: web, to: gateway, scope: external, protocol: [tcp, udp], ports: [80], replaces: a}]\n", "replace"},
	} {
		if _, err := parse([]byte(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	both, err := parse([]byte(strings.Replace(row(good+", when: [moonlight]"), "roles: [gateway]", "roles: [gatway]", 1)))
	if both != nil || err == nil {
		t.Error("two mistakes were read")
	}
	if err := checkAll([]rules.Row{{ID: "a", Edition: "16"}, {ID: "a", Edition: "17", Replaces: "b"}}); err == nil ||
		!strings.Contains(err.Error(), `"a" is in edition 16 and in edition 17`) || !strings.Contains(err.Error(), `replaces "b"`) {
		t.Errorf("between editions: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, id := range Editions() {
		b, err := files.ReadFile("edition-" + id + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parse(b)
		if err != nil {
			return
		}
		for _, r := range e.rows() {
			if errs := checkRow(r); len(errs) > 0 {
				t.Fatalf("%+v was read: %v", r, errs)
			}
		}
	})
}
