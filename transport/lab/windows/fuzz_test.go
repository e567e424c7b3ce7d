package windows

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func FuzzReadCall(f *testing.F) {
	packed := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(s))
		z.Close()
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	f.Add("m\n" + packed("# farmwall observe 1\nparam()") + "\n" + packed("{}") + "\nssh\nm")
	f.Add("m\n" + packed("Get-Process") + "\n\n\nm")
	f.Add("m\n!\n!\n!\nm")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readCall(strings.Split(text, "\n"))
		if err == nil && (c.marker == "" || c.script == "" || strings.Trim(c.script, "abcdefghijklmnopqrstuvwxyz") != "") {
			t.Fatalf("%q was read as %+v", text, c)
		}
	})
}

// What is taken reads back as something that is taken and means the same, and survives
// the registry.
func FuzzPorts(f *testing.F) {
	for _, s := range []string{"*", "80", "80,443", "5000-5010", "RPC,", "Ply2Disc", "0", "70000", "90-80", ",", "80,,81", " 80 , 81", "RPC,80"} {
		f.Add(s, 6, false)
		f.Add(s, 17, true)
	}
	f.Fuzz(func(t *testing.T, text string, protocol int, remote bool) {
		p, err := parsePorts(text, protocol, remote)
		if err != nil {
			return
		}
		if !p.fits(protocol) {
			t.Fatalf("%q does not fit %d", text, protocol)
		}
		again, err := parsePorts(p.text(true), protocol, remote)
		if err != nil || again.text(false) != p.text(false) {
			t.Fatalf("%q reads %q, which reads %q, %v", text, p.text(true), again.text(false), err)
		}
		var stored portList
		for _, f := range p.fields(map[bool]string{false: "LPort", true: "RPort"}[remote]) {
			if strings.ContainsAny(f.value, "|=") || !stored.addField(f.value, remote) {
				t.Fatalf("%q is stored as %v", text, f)
			}
		}
		if stored.text(false) != p.text(false) {
			t.Fatalf("%q is stored as %q", text, stored.text(false))
		}
	})
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"", "*", "10.0.0.1", "10.0.240.1/8", "10.0.0.0/255.0.0.0", "10.0.0.1-10.0.0.9", "2001:db8::9", "fe80::/118", "::1", "dns,LocalSubnet", "*,10.0.0.1", "::ffff:10.0.0.1", "1.2.3.4/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddresses(text)
		if err != nil {
			return
		}
		again, err := parseAddresses(a.text(false))
		if err != nil || again.text(false) != a.text(false) {
			t.Fatalf("%q reads %q, which reads %q, %v", text, a.text(false), again.text(false), err)
		}
		var stored addressList
		for _, f := range a.fields("RA") {
			if strings.ContainsAny(f.value, "|=") || !stored.addField(f.value) {
				t.Fatalf("%q is stored as %v", text, f)
			}
		}
		// The family of a stored keyword adds nothing.
		if stored.keywords != a.keywords || !slices.Equal(stored.subnets4, a.subnets4) || !slices.Equal(stored.ranges6, a.ranges6) {
			t.Fatalf("%q is stored as %q", text, stored.text(false))
		}
	})
}

// A rule of any text can be read, and what is written of it says the same.
func FuzzReadRule(f *testing.F) {
	for _, e := range Foreign("", BuiltIn(""), 60) {
		f.Add(e.Text)
	}
	f.Add("")
	f.Add("v2.10|Protocol=x|LPort=y|Defer=User|IF={1}|IFType=Lan|=|")
	f.Fuzz(func(t *testing.T, text string) {
		c := readRule(text)
		once := c.registry()
		again := readRule(once)
		if twice := again.registry(); twice != once {
			t.Fatalf("%q is written\n%q, then\n%q", text, once, twice)
		}
	})
}
