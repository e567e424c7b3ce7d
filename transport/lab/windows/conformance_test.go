package windows_test

import (
	"reflect"
	"strings"
	"testing"

	"farmwall/transport/lab/windows"
)

// The conformance catalogue: what peers' test suites, which run on real Windows, assert
// of the firewall's objects, or what Microsoft documents. Names begin with the row.

type row struct {
	name string
	o    windows.Options
	do   func(b *bench)
}

// conform tries the rows from Go and through PowerShell, where one host serves all rows
// that do not ask for another.
func conform(t *testing.T, rows []row) {
	t.Run("go", func(t *testing.T) {
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				r.o.Name = "W1"
				h, err := windows.New(r.o)
				if err != nil {
					t.Fatal(err)
				}
				defer h.Close()
				g := &fromGo{h: h, admin: true}
				r.do(&bench{com: g, t: t, h: h, null: func(o int, property string) error { return g.set(o, property, windows.Null{}) }})
			})
		}
	})
	t.Run("powershell", func(t *testing.T) {
		shared := engineBench(t, windows.Options{})
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				b := shared
				if !reflect.DeepEqual(r.o, windows.Options{}) {
					b = engineBench(t, r.o)
				}
				b.t = t
				b.com.(*fromPowerShell).t = t
				r.do(b)
			})
		}
	})
}

func engineBench(t *testing.T, o windows.Options) *bench {
	m := boot(t, windows.PowerShell, o)
	return &bench{com: openPowerShell(t, m.Host, true), t: t, h: m.Host}
}

func TestConformanceNewRule(t *testing.T) {
	conform(t, []row{
		{"01 a new rule", windows.Options{}, func(b *bench) {
			b.reads(b.make(), "Enabled", false, "Direction", 1, "Action", 1, "Protocol", 256, "Profiles", 2147483647, "InterfaceTypes", "All",
				"LocalAddresses", "*", "RemoteAddresses", "*", "EdgeTraversal", false, "EdgeTraversalOptions", 0, "SecureFlags", 0,
				"Interfaces", nil, "Name", nil, "Description", nil, "ApplicationName", nil, "serviceName", nil, "Grouping", nil, "LocalPorts", nil,
				"RemotePorts", nil, "IcmpTypesAndCodes", nil)
		}},
		{"34 profiles", windows.Options{}, func(b *bench) {
			for _, p := range []int{2147483647, 3, 2} {
				b.reads(b.rule("Profiles", p), "Profiles", p)
			}
			b.fails(b.set(b.make(), "Profiles", 8), windows.EInvalidArg)
		}},
		{"35 profiles 7", windows.Options{}, func(b *bench) { b.reads(b.rule("Profiles", 7), "Profiles", 7) }},
		{"35 profiles 7 as all", windows.Options{Variant: windows.Variant{SevenIsAll: true}}, func(b *bench) {
			b.reads(b.rule("Profiles", 7), "Profiles", 2147483647)
		}},
		{"36 profiles unsigned", windows.Options{}, func(b *bench) { b.fails(b.set(b.make(), "Profiles", uint32(3)), 0) }},
		{"37 a program that is not there", windows.Options{}, func(b *bench) {
			b.reads(b.rule("ApplicationName", `%windir%\system32\9999.exe`), "ApplicationName", `C:\Windows\system32\9999.exe`)
		}},
		{"38 a relative program", windows.Options{}, func(b *bench) {
			b.reads(b.rule("ApplicationName", "test.exe"), "ApplicationName", "test.exe")
		}},
		{"39 null from PowerShell", windows.Options{}, func(b *bench) {
			o := b.stored("r39", "ApplicationName", "test.exe")
			b.fails(b.set(o, "ApplicationName", nil), windows.EInvalidArg)
			b.reads(o, "ApplicationName", "test.exe")
		}},
		{"40 a true NULL", windows.Options{}, func(b *bench) {
			if b.null == nil {
				return // PowerShell cannot pass one
			}
			o := b.stored("r40", "ApplicationName", "test.exe", "serviceName", "svc")
			b.must(b.null(o, "ApplicationName"))
			b.must(b.null(o, "serviceName"))
			b.reads(o, "ApplicationName", nil, "serviceName", nil)
		}},
		{"52 grouping", windows.Options{}, func(b *bench) {
			o := b.stored("r52", "Grouping", "farmwall")
			b.reads(o, "Grouping", "farmwall")
			b.must(b.set(o, "Grouping", ""))
			b.reads(o, "Grouping", nil)
			o = b.stored("r52b")
			b.must(b.set(o, "Grouping", ""))
			b.reads(o, "Grouping", nil)
		}},
		{"52 grouping emptied", windows.Options{Variant: windows.Variant{EmptyGrouping: true}}, func(b *bench) {
			o := b.rule("Grouping", "farmwall")
			b.must(b.set(o, "Grouping", ""))
			b.reads(o, "Grouping", "")
		}},
		{"53 an empty description", windows.Options{}, func(b *bench) {
			o := b.stored("r53")
			b.reads(o, "Description", nil)
			b.must(b.set(o, "Description", ""))
			b.reads(o, "Description", "")
		}},
		{"62 edge traversal", windows.Options{}, func(b *bench) {
			b.reads(b.rule("EdgeTraversalOptions", 1), "EdgeTraversal", true)
			b.reads(b.rule("EdgeTraversal", true), "EdgeTraversalOptions", 1)
			b.reads(b.rule("EdgeTraversalOptions", 2), "EdgeTraversal", false)
		}},
		{"63 names in any case", windows.Options{}, func(b *bench) {
			b.reads(b.rule("ServiceName", "a"), "SERVICENAME", "a")
		}},
		{"numbers out of range", windows.Options{}, func(b *bench) {
			for property, wrong := range map[string]int{"Direction": 3, "Action": 2, "EdgeTraversalOptions": 4, "SecureFlags": 5, "Protocol": -1} {
				b.fails(b.set(b.make(), property, wrong), windows.EInvalidArg)
			}
		}},
	})
}

func TestConformancePorts(t *testing.T) {
	tcp := func(b *bench) int { return b.rule("Protocol", 6) }
	conform(t, []row{
		{"02 ports of TCP", windows.Options{}, func(b *bench) { b.reads(tcp(b), "LocalPorts", "*", "RemotePorts", "*") }},
		{"03 one port", windows.Options{}, func(b *bench) { b.reads(b.rule("Protocol", 6, "LocalPorts", "80"), "LocalPorts", "80") }},
		{"04 ports without a protocol", windows.Options{}, func(b *bench) {
			o := b.make()
			b.fails(b.set(o, "LocalPorts", "80"), windows.EInvalidArg)
			b.reads(o, "LocalPorts", nil)
		}},
		{"05 a list", windows.Options{}, func(b *bench) { b.reads(b.rule("Protocol", 6, "LocalPorts", "80,81"), "LocalPorts", "80,81") }},
		{"06 a range", windows.Options{}, func(b *bench) {
			b.reads(b.rule("Protocol", 6, "LocalPorts", "5000-5010"), "LocalPorts", "5000-5010")
		}},
		{"07 numbers that are no ports", windows.Options{}, func(b *bench) {
			o := b.rule("Protocol", 6, "LocalPorts", "80")
			for _, wrong := range []string{"0", "70000", "90-80"} {
				b.fails(b.set(o, "LocalPorts", wrong), 0)
			}
			b.reads(o, "LocalPorts", "80")
		}},
		{"08 garbage", windows.Options{}, func(b *bench) { b.fails(b.set(tcp(b), "LocalPorts", "abc"), windows.EInvalidData) }},
		{"09 a keyword of UDP", windows.Options{}, func(b *bench) {
			b.fails(b.set(tcp(b), "LocalPorts", "Ply2Disc"), windows.EInvalidArg)
			b.reads(b.rule("Protocol", 17, "LocalPorts", "Ply2Disc"), "LocalPorts", "Ply2Disc")
		}},
		{"10 keywords", windows.Options{}, func(b *bench) {
			b.reads(b.rule("Protocol", 6, "LocalPorts", "RPC"), "LocalPorts", "RPC")
			b.reads(b.rule("Protocol", 6, "LocalPorts", "RPC-EPMap"), "LocalPorts", "RPC-EPMap")
		}},
		{"10 keywords with a comma", windows.Options{Variant: windows.Variant{TrailingComma: true}}, func(b *bench) {
			o := b.rule("Protocol", 6, "LocalPorts", "RPC,")
			b.reads(o, "LocalPorts", "RPC,")
		}},
		{"11 another protocol while ports are set", windows.Options{}, func(b *bench) {
			o := b.rule("Protocol", 6, "LocalPorts", "80")
			b.fails(b.set(o, "Protocol", 256), windows.EInvalidArg)
			b.reads(o, "Protocol", 6, "LocalPorts", "80")
			b.must(b.set(o, "Protocol", 17))
			b.reads(o, "LocalPorts", "80")
		}},
		{"12 ports cleared first", windows.Options{}, func(b *bench) {
			if b.null == nil {
				return // PowerShell cannot pass one
			}
			o := b.rule("Protocol", 6, "LocalPorts", "80")
			b.must(b.null(o, "LocalPorts"))
			b.must(b.null(o, "RemotePorts"))
			b.must(b.set(o, "Protocol", 256))
			b.reads(o, "Protocol", 256, "LocalPorts", nil)
		}},
		{"13 a protocol without ports", windows.Options{}, func(b *bench) {
			b.reads(b.rule("Protocol", 134), "LocalPorts", nil, "RemotePorts", nil)
			b.stored("r13", "Protocol", 112)
			if want := "|Protocol=112|"; !strings.Contains(b.text("r13"), want) {
				b.t.Errorf("stored as %s", b.text("r13"))
			}
		}},
		{"14 no protocol", windows.Options{}, func(b *bench) { b.fails(b.set(b.make(), "Protocol", 300), 0) }},
		{"15 ICMP", windows.Options{}, func(b *bench) {
			b.reads(b.rule("Protocol", 1, "IcmpTypesAndCodes", "8:*"), "IcmpTypesAndCodes", "8:*")
			b.reads(b.rule("Protocol", 58, "IcmpTypesAndCodes", "128:*,1:4"), "IcmpTypesAndCodes", "128:*,1:4")
			b.fails(b.set(b.rule("Protocol", 1), "IcmpTypesAndCodes", "8"), 0)
		}},
		{"16 ICMP with TCP", windows.Options{}, func(b *bench) {
			o := tcp(b)
			b.fails(b.set(o, "IcmpTypesAndCodes", "8:*"), windows.EInvalidArg)
			b.reads(o, "IcmpTypesAndCodes", nil)
		}},
	})
}
