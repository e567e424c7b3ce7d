package lab

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

// A guest's addresses and names lead to the controller's place, and who speaks to it
// from there speaks from the controller's own address.
func TestGuests(t *testing.T) {
	needLab(t)
	ctx := testContext(t)
	guest := HostSpec{Name: "win1", Names: []string{"win1.example.com"}, Addresses: addrs("10.77.0.200", "fd77::200")}
	f, err := Up(ctx, Options{Hosts: numbered(1), Guests: []HostSpec{guest}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Listen(ctx, 6, 5985); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"10.77.0.200:5985", "[fd77::200]:5985", "win1:5985", "win1.example.com:5985"} {
		c, err := f.Dial(ctx, "tcp", to)
		if err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		from := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if !slices.Contains(f.Controller(), from) {
			t.Errorf("%s is spoken to from %s, not from %v", to, from, f.Controller())
		}
		c.Close()
	}
	h, err := f.Host("h1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Probe(ctx, Probe{Protocol: 6, To: netip.MustParseAddr("10.77.0.200"), Port: 5985}); err != nil || got[0].Reach != Connected {
		t.Errorf("a host does not reach it: %+v %v", got, err)
	}
	if _, err := f.Host("win1"); err == nil {
		t.Error("a guest passes for one of the lab's own hosts")
	}
	if len(f.Hosts()) != 1 {
		t.Errorf("%d hosts", len(f.Hosts()))
	}
}

func TestOnlyGuests(t *testing.T) {
	needLab(t)
	f, err := Up(testContext(t), Options{Guests: []HostSpec{{Name: "w", Addresses: addrs("10.77.0.200")}}})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := check(numbered(1), []HostSpec{{Name: "h1", Addresses: addrs("10.77.0.10")}}, nil); err == nil {
		t.Error("a guest may have the name of a host")
	}
}
