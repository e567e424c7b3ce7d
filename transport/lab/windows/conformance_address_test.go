package windows_test

import (
	"testing"

	"farmwall/transport/lab/windows"
)

func TestConformanceAddresses(t *testing.T) {
	// is is a row that assigns RemoteAddresses and LocalAddresses and reads them back.
	is := func(name, set, read string) row {
		return row{name, windows.Options{}, func(b *bench) {
			b.reads(b.rule("RemoteAddresses", set), "RemoteAddresses", read)
			b.reads(b.stored("rule "+name, "LocalAddresses", set), "LocalAddresses", read)
		}}
	}
	refused := func(name string, want windows.HRESULT, sets ...string) row {
		return row{name, windows.Options{}, func(b *bench) {
			for _, set := range sets {
				o := b.rule("RemoteAddresses", "10.0.0.0/8")
				b.fails(b.set(o, "RemoteAddresses", set), want)
				b.reads(o, "RemoteAddresses", "10.0.0.0/255.0.0.0")
			}
		}}
	}
	conform(t, []row{
		is("17 one address", "192.168.1.1", "192.168.1.1/255.255.255.255"),
		is("18 a prefix", "192.168.0.0/24", "192.168.0.0/255.255.255.0"),
		is("18 a mask", "192.168.2.0/255.255.255.0", "192.168.2.0/255.255.255.0"),
		is("19 host bits", "10.0.240.1/8", "10.0.0.0/255.0.0.0"),
		is("20 a range", "192.168.0.1-192.168.0.5", "192.168.0.1-192.168.0.5"),
		is("21 two addresses", "127.0.0.1,192.168.1.1", "127.0.0.1/255.255.255.255,192.168.1.1/255.255.255.255"),
		is("22 one IPv6 address", "2001:db8::9", "2001:db8::9-2001:db8::9"),
		is("23 IPv6 prefixes", "2001:db8::9/128,fe80::/118", "2001:db8::9/128,fe80::/118"),
		refused("24 IPv6 addresses that nobody has", windows.EBadAddress, "::", "::1", "ff02::1"),
		refused("25 IPv6 host bits", 0, "2001:db8::6f/127"),
		is("26 dns", "dns", "DNS"),
		is("26 dhcp", "dhcp", "DHCP"),
		is("26 wins", "wins", "WINS"),
		is("26 the others", "localsubnet,defaultgateway", "LocalSubnet,DefaultGateway"),
		is("27 the order of keywords", "DHCP,LocalSubnet", "LocalSubnet,DHCP"),
		refused("28 any with others", windows.EInvalidArg, "*,10.0.0.1", "10.0.0.1,*"),
		is("29 empty", "", "*"),
		is("30 mixed", "2001:db8::/64,10.0.0.1-10.0.0.2,192.168.1.1,DNS", "DNS,192.168.1.1/255.255.255.255,10.0.0.1-10.0.0.2,2001:db8::/64"),
		{"30 mixed, another order", windows.Options{Variant: windows.Variant{ReverseAddresses: true}}, func(b *bench) {
			b.reads(b.rule("RemoteAddresses", "2001:db8::/64,10.0.0.1-10.0.0.2,192.168.1.1,DNS"), "RemoteAddresses", "DNS,2001:db8::/64,10.0.0.1-10.0.0.2,192.168.1.1/255.255.255.255")
		}},
		refused("malformed", windows.EInvalidArg, "10.0.0", "10.0.0.1/33", "10.0.0.9-10.0.0.1", "10.0.0.1-fe80::1", "10.0.0.1/255.0.255.0", "fe80::1%3", "nonsense", "10.0.0.1,,10.0.0.2"),
	})
}

func TestConformanceInterfaces(t *testing.T) {
	conform(t, []row{
		{"31 the order of interface types", windows.Options{}, func(b *bench) {
			b.reads(b.rule("InterfaceTypes", "RemoteAccess,Lan,Wireless"), "InterfaceTypes", "Lan,Wireless,RemoteAccess")
			b.reads(b.rule("InterfaceTypes", "all"), "InterfaceTypes", "All")
			b.reads(b.rule("InterfaceTypes", "RemoteAccess,Lan"), "InterfaceTypes", "Lan,RemoteAccess")
			b.fails(b.set(b.make(), "InterfaceTypes", "Ethernet"), 0)
		}},
		{"32 empty interface types", windows.Options{}, func(b *bench) {
			o := b.stored("r32", "InterfaceTypes", "Wireless")
			b.must(b.set(o, "InterfaceTypes", ""))
			b.reads(o, "InterfaceTypes", "All")
		}},
		{"33 interfaces", windows.Options{}, func(b *bench) {
			o := b.stored("r33", "Interfaces", []string{"Ethernet"})
			b.reads(o, "Interfaces", []string{"Ethernet"})
			b.fails(b.set(o, "Interfaces", []string{"None such"}), 0)
			b.reads(b.make(), "Interfaces", nil)
		}},
		{"61 local addresses with interfaces", windows.Options{}, func(b *bench) {
			b.stored("r61", "LocalAddresses", "10.0.0.5", "Interfaces", []string{"Ethernet"}, "InterfaceTypes", "Lan")
		}},
	})
}
