package rules

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
)

func list(texts ...string) *Addresses {
	var ps []netip.Prefix
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return NewAddresses(ps)
}

func texts(a *Addresses) []string {
	if a == nil {
		return []string{"anywhere"}
	}
	out := []string{}
	for _, p := range a.Prefixes() {
		out = append(out, p.String())
	}
	return out
}

func TestNewAddressesIsCanonical(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want []string
	}{
		{"nobody", nil, []string{}},
		{"sorted, IPv4 first", []string{"fd00::1/128", "10.0.0.9/32", "10.0.0.1/32"}, []string{"10.0.0.1/32", "10.0.0.9/32", "fd00::1/128"}},
		{"masked", []string{"10.1.2.3/8", "fd00::1/16"}, []string{"10.0.0.0/8", "fd00::/16"}},
		{"twice", []string{"10.0.0.1/32", "10.0.0.1/32"}, []string{"10.0.0.1/32"}},
		{"inside another", []string{"10.0.0.5/32", "10.0.0.0/24"}, []string{"10.0.0.0/24"}},
		{"halves, again and again", []string{"10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/25"}, []string{"10.0.0.0/24"}},
		{"neighbours that are no halves", []string{"10.0.0.1/32", "10.0.0.2/32"}, []string{"10.0.0.1/32", "10.0.0.2/32"}},
		{"mapped IPv4", []string{"::ffff:10.0.0.1/128"}, []string{"10.0.0.1/32"}},
		{"all of IPv4", []string{"0.0.0.0/1", "128.0.0.0/1"}, []string{"0.0.0.0/0"}},
		{"families never join", []string{"0.0.0.0/0", "::/0"}, []string{"0.0.0.0/0", "::/0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := list(c.in...)
			if got := texts(a); !slices.Equal(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			slices.Reverse(c.in)
			if b := list(c.in...); !a.Equal(b) {
				t.Errorf("the order of the input shows: %v", texts(b))
			}
		})
	}
	if got := NewAddresses([]netip.Prefix{{}}); !got.Empty() {
		t.Errorf("an invalid prefix became %v", texts(got))
	}
}

func TestAddressesTellFamiliesApart(t *testing.T) {
	// The bytes of these two are the same but for the family.
	if list("0.0.0.0/0").Equal(list("::/0")) {
		t.Error("0.0.0.0/0 and ::/0 have one hash")
	}
	a := list("10.0.0.0/8", "fd00::/8")
	if got := texts(a.Family(true)); !slices.Equal(got, []string{"10.0.0.0/8"}) {
		t.Errorf("IPv4 part: %v", got)
	}
	if got := texts(a.Family(false)); !slices.Equal(got, []string{"fd00::/8"}) {
		t.Errorf("IPv6 part: %v", got)
	}
	if v4 := list("10.0.0.0/8"); !v4.Family(false).Empty() || v4.Family(true) != v4 {
		t.Error("a list of one family")
	}
	if (*Addresses)(nil).Family(true) != nil {
		t.Error("anywhere must stay anywhere")
	}
}

func TestAddressesContains(t *testing.T) {
	a := list("10.0.0.0/30", "fe80::/64")
	for ip, want := range map[string]bool{
		"10.0.0.3": true, "10.0.0.4": false, "9.255.255.255": false,
		"::ffff:10.0.0.1": true, "fe80::1%eth0": true, "fe80:0:0:1::": false,
	} {
		if got := a.Contains(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Contains(%s) = %v", ip, got)
		}
	}
	if a.Contains(netip.Addr{}) || (*Addresses)(nil).Contains(netip.Addr{}) {
		t.Error("no address is in a list")
	}
}

func TestAddressesJSON(t *testing.T) {
	type holder struct {
		Remotes *Addresses `json:"remotes,omitempty"`
	}
	for _, a := range []*Addresses{nil, NewAddresses(nil), list("10.0.0.0/8", "fd00::1/128")} {
		b, err := json.Marshal(holder{a})
		if err != nil {
			t.Fatal(err)
		}
		var got holder
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		// Nobody that comes back as anywhere would open a port to the world.
		if (got.Remotes == nil) != (a == nil) || !got.Remotes.Equal(a) {
			t.Errorf("%v came back as %v by way of %s", texts(a), texts(got.Remotes), b)
		}
	}
	for _, bad := range []string{`"10.0.0.0/8"`, `["10.0.0.0/33"]`, `[""]`, `[1]`, `["10.0.0.1"]`} {
		if err := json.Unmarshal([]byte(`{"remotes":`+bad+`}`), &holder{}); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
