package rules

import (
	"testing"

	"farmwall/inventory"
)

func TestWhyNamesThePlaceThatDecided(t *testing.T) {
	at := inventory.Position{File: "group_vars/all (old)/a.yml", Line: 12}
	set := inventory.Setting[bool]{Name: "ras_ssl", Value: true, Set: true, At: at}
	for _, c := range []struct {
		deciders []string
		want     inventory.Position
	}{
		{[]string{decider(inventory.Setting[bool]{Name: "ras_ssl"}, "on"), decider(set, "on") + ": members with gateway (all)"}, at},
		{[]string{`farmwall_rules (C:\farm\site.ini:7)`}, inventory.Position{File: `C:\farm\site.ini`, Line: 7}},
		{[]string{"farmwall_sources is farm (default): every member", "a name (x:y)"}, inventory.Position{}},
		{nil, inventory.Position{}},
	} {
		got, ok := (&Why{Deciders: c.deciders}).At()
		if got != c.want || ok != (c.want != inventory.Position{}) {
			t.Errorf("%q: %v, %v", c.deciders, got, ok)
		}
	}
}
