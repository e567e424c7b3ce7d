//go:build linux

package iptables_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// members is a farm of so many hosts with rules as the catalogue makes them.
func members(t testing.TB, n int) rules.Set {
	var addresses []string
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("10.%d.%d.%d/32", i%7, i/250%250, 1+i%250), fmt.Sprintf("fd00:%x::%x/128", i%3, 2*i+1))
	}
	all := list(addresses...)
	var out []rules.Rule
	for i := range 20 {
		out = append(out, rules.Rule{ID: fmt.Sprintf("rule-%02d", i), Direction: rules.In, Protocol: rules.TCP, Ports: ports(uint16(20000+2*i), uint16(30000+2*i)), Remotes: all})
	}
	return newSet(t, out...)
}

// TestManyMembers writes 2,000 members into 20 rules: one transaction a family, read back
// and taken off again; in a soak also replaced and undone.
func TestManyMembers(t *testing.T) {
	soak := os.Getenv("FARMWALL_SOAK") == "1"
	for backend, n := range map[string]int{"nft": 500, "legacy": 2000} { // nft's JSON of 5,000 rules is slow to read here
		if soak {
			n = 2000
		}
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.restore(hosts["default drop"].with(backend))
			before := h.Ruleset()
			start := time.Now()
			h.Confirmed(members(t, n))
			t.Logf("%d members were written in %v", n, time.Since(start))
			h.NothingToDo(members(t, n))
			if most := 2*n + 1000; strings.Count(h.Ruleset(), "\n-A FARMWALL-") > most {
				t.Errorf("more than %d rules", most)
			}
			if soak {
				r := h.Apply(members(t, n-1))
				h.NothingToDo(members(t, n-1))
				if r := h.Revert(r.Lease); r.Result != rules.Undone {
					t.Errorf("revert: %+v", r)
				}
				h.NothingToDo(members(t, n))
			}
			h.Confirmed(nil)
			h.cleanAs(before)
		})
	}
}

// TestProcesses counts what the manager's own part of a load takes: each process costs a
// host about two milliseconds.
func TestProcesses(t *testing.T) {
	h := newHost(t, "sh")
	h.restore(hosts["default drop"].with("nft"))
	target, err := system.Target(h.State(), someSet(t))
	if err != nil {
		t.Fatal(err)
	}
	h.load(section(target), "full")
	seen := h.Sh(`mkdir /run/count; for p in sed mawk awk iptables-nft-save ip6tables-nft-save iptables-nft-restore ip6tables-nft-restore; do
	real=$(readlink -f "$(command -v $p)") name=$(command -v $p)
	printf '#!/bin/sh\necho %s >>/run/counted\nexec -a %s %s "$@"\n' $p $p $real >/run/count/$p
done; sed -i 's,/bin/sh,/bin/bash,' /run/count/*; chmod 755 /run/count/*; echo ok`)
	if seen != "ok\n" {
		t.Fatal(seen)
	}
	h.loadWith("PATH=/run/count:$PATH", section(target), "full")
	counted := strings.Fields(h.Sh("cat /run/counted"))
	// two saves, one awk, and for each family a sed and a restore
	if len(counted) > 7 {
		t.Errorf("%d processes: %v", len(counted), counted)
	}
}
