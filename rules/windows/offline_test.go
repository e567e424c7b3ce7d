package windows

import (
	"encoding/base64"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"farmwall/rules"
)

func TestExportForNetsh(t *testing.T) {
	set, err := rules.NewSet(append(held(t), *long(farm(rand.New(rand.NewPCG(1, 5)), 2000)),
		rules.Rule{ID: "local", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 30004, Last: 30004}}, Loopback: true}))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Export(set, FormatNetsh)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost()
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\r\n"), "\r\n") {
		if len(line) > 8000 {
			t.Errorf("a line of %d characters", len(line))
		}
		if strings.Contains(line, " add rule ") {
			h.add(fromNetsh(t, line))
		}
	}
	if changes := diff(t, h, set); len(changes) > 0 {
		t.Errorf("a host that ran it differs: %s", words(changes))
	}
	if !strings.Contains(string(out), `name="farmwall:north:gateway.https:`) || strings.Contains(string(out), "30004") {
		t.Errorf("%s", out)
	}
}

var netshLine = regexp.MustCompile(`^netsh advfirewall firewall add rule name="([a-z0-9:.-]+)" dir=(in|out) action=allow profile=any protocol=(\d+)(?: (local|remote)port="([0-9,-]+)")? remoteip="([0-9a-f:./,-]+|any)" description="[A-Za-z0-9 ,.;-]+" \|\| exit /b 1$`)

// fromNetsh is what the line makes Windows store.
func fromNetsh(t *testing.T, line string) string {
	t.Helper()
	m := netshLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("%s", line)
	}
	name := nameForm.FindStringSubmatch(m[1])
	if name == nil {
		t.Fatalf("%s is no name of ours", m[1])
	}
	a := addition{Mark: name[1], Direction: 1, Description: "d", RemoteAddresses: strings.Replace(m[6], "any", "*", 1)}
	for _, c := range m[3] {
		a.Protocol = a.Protocol*10 + int(c-'0')
	}
	for _, c := range name[3] {
		a.Part = a.Part*10 + int(c-'0')
	}
	a.LocalPorts = m[5]
	if m[2] == "out" {
		a.Direction, a.LocalPorts, a.RemotePorts = 2, "", m[5]
	}
	return stored(a, 0)
}

func TestExportForPowerShell(t *testing.T) {
	set := held(t)
	out, err := Export(set, FormatPowerShell)
	if err != nil {
		t.Fatal(err)
	}
	w := exported(t, out)
	if w.Farm != "north" || len(w.Add) != 4 || w.Format != 1 {
		t.Errorf("%+v", w)
	}
	for i, a := range w.Add {
		if a.Mark != set[i].Mark() {
			t.Errorf("%s is not %s", a.Mark, set[i].Mark())
		}
	}
	if none, err := Export(nil, FormatPowerShell); err != nil || len(exported(t, none).Add) != 0 {
		t.Errorf("%v: the empty set takes off what is ours", err)
	}
}

func exported(t *testing.T, out []byte) exportWire {
	t.Helper()
	text := strings.ReplaceAll(string(out), "\r\n", "\n")
	_, rest, ok := strings.Cut(text, "@'\n")
	data, rest, ok2 := strings.Cut(rest, "\n'@)\n& {\n")
	b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(data, "\n", ""))
	if !ok || !ok2 || err != nil || !strings.HasPrefix(rest, body("export")) {
		t.Fatalf("%v: %.300s", err, out)
	}
	var w exportWire
	if err := decodeStrict(b, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestExportRefuses(t *testing.T) {
	bad := rules.Set{{ID: `x" & calc`, Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 1, Last: 1}}}}
	for _, format := range []string{FormatNetsh, FormatPowerShell} {
		if out, err := Export(bad, format); err == nil {
			t.Errorf("%s", out)
		}
	}
	if _, err := Export(held(t), "nft"); err == nil {
		t.Error("nft passes for a format of Windows")
	}
}

// FuzzExport: whatever a rule holds, it is refused or stands in the file as data.
func FuzzExport(f *testing.F) {
	f.Add("gateway.https", "north", uint16(443), []byte{10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, id, farm string, port uint16, address []byte) {
		a, ok := netip.AddrFromSlice(address)
		if !ok {
			return
		}
		set := rules.Set{{ID: id, Farm: farm, Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: port, Last: port}}, Remotes: from(a.Unmap().String())}}
		out, err := Export(set, FormatPowerShell)
		if err == nil && exported(t, out).Add[0].Mark != set[0].Mark() {
			t.Errorf("%s", out)
		}
		lines, err := Export(set, FormatNetsh)
		if err != nil {
			return
		}
		n := 0
		for _, line := range strings.Split(string(lines), "\r\n") {
			if strings.Contains(line, "add rule") {
				fromNetsh(t, line)
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d rules: %s", n, lines)
		}
	})
}

func FuzzQuoted(f *testing.F) {
	f.Add(`" & calc.exe %PATH% ^ ! | < > ( ) $(x) ` + "`\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		q := quoted(s)
		if len(q) < 2 || strings.ContainsAny(q[1:len(q)-1], "\"&|<>^%!()'`$@=~\r\n\\") {
			t.Errorf("%q is %s", s, q)
		}
	})
}
