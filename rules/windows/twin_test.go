package windows

import (
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
)

func TestTwinsThatDifferAllGo(t *testing.T) {
	want := rules.Set{{Farm: "farm", ID: "gateway", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 443, Last: 443}}}}
	mark := want[0].Mark()
	good := "v2.29|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|Name=" + mark + ":3|EmbedCtxt=farmwall|"
	twin := "ID={T} " + good
	edited := strings.Replace(twin, "LPort=443", "LPort=444", 1)
	for _, c := range []struct {
		name      string
		rules     []string
		keep, off int
		add       int
	}{
		{"alone", []string{good}, 1, 0, 0},
		{"alike", []string{good, twin}, 1, 1, 0},
		{"unlike", []string{good, edited}, 0, 2, 1},
		{"unlike the other way round", []string{edited, good}, 0, 2, 1},
	} {
		s := newHost(c.rules...).state(t)
		if c.name == "alone" && len(New().Diff(s, want)) != 0 {
			t.Fatal("the wanted rule is not what the test takes for it")
		}
		target := reading(s).target(want)
		if len(target.Keep) != c.keep || len(target.Off) != c.off || len(target.Add) != c.add || slices.ContainsFunc(target.Keep, func(n string) bool { return c.off > 1 }) {
			t.Errorf("%s: keep %v, off %v, add %v", c.name, target.Keep, target.Off, target.Add)
		}
	}
}
