package linux

import (
	"strings"

	"farmwall/rules"
)

// WallText is what a manager's own functions say on the host, the same bytes on every
// reading: what is ours with it, and what else of it decides.
type WallText struct{ Ours, Rest string }

// The managers that farmwall knows of.
const (
	firewalldWall = "firewalld"
	ufwWall       = "ufw"
	iptablesWall  = "iptables"
	nftablesWall  = "nftables"
)

// Walls lists who can drop what comes to or from this host, in the order in which a
// change writes them. Each has to be told: an accept in one of them opens nothing that
// another one closes. Where nobody can drop anything it is nftables, whose table is
// ours alone. It is empty where the ruleset could not be read.
func Walls(r *Reading) []string {
	if r.Ruleset == nil && len(r.Saves) == 0 && !r.FirewalldRuns {
		return nil
	}
	var walls []string
	if r.hasFirewalld() {
		walls = append(walls, firewalldWall)
	}
	if r.hasUfw() {
		walls = append(walls, ufwWall)
	}
	if r.hasIptables() {
		walls = append(walls, iptablesWall)
	}
	if len(walls) == 0 || r.hasNftables() {
		walls = append(walls, nftablesWall)
	}
	return walls
}

// Owner is the manager that a table of nft's listing belongs to: who else writes into
// it breaks it, or is undone by its next reload.
func (r *Reading) Owner(t *Table) string {
	switch {
	case t.Name == "firewalld":
		return firewalldWall
	case !r.iptablesTable(t):
		return nftablesWall
	case r.hasUfw() && t.hasChains("ufw-", "ufw6-"):
		return ufwWall
	default:
		return iptablesWall
	}
}

func (r *Reading) hasFirewalld() bool {
	if r.FirewalldRuns {
		return true
	}
	return r.Ruleset != nil && (r.Ruleset.Find("inet", "firewalld") != nil || r.Ruleset.Find("ip", "firewalld") != nil)
}

// hasUfw says whether ufw is enabled and its chains are there.
func (r *Reading) hasUfw() bool {
	if !r.UfwEnabled {
		return false
	}
	for i := range r.Saves {
		if strings.Contains(r.Saves[i].Text, "\n:ufw-") || strings.Contains(r.Saves[i].Text, "\n:ufw6-") {
			return true
		}
	}
	if r.Ruleset != nil {
		for _, t := range r.Ruleset.Tables {
			if t.hasChains("ufw-", "ufw6-") {
				return true
			}
		}
	}
	return false
}

// hasIptables says whether iptables, of either back end, filters what comes to or from
// this host, and nobody else rules its tables.
func (r *Reading) hasIptables() bool {
	for i := range r.Saves {
		if r.filters(&r.Saves[i]) {
			return true
		}
	}
	if r.Ruleset == nil {
		return false
	}
	covered := r.covered()
	for _, t := range r.Ruleset.Tables {
		if r.Owner(t) == iptablesWall && !covered[t.Family+" "+t.Name] && r.filtersTable(t) {
			return true
		}
	}
	return false
}

// hasNftables says whether a table that somebody wrote for nft can drop.
func (r *Reading) hasNftables() bool {
	if r.Ruleset == nil {
		return false
	}
	for _, t := range r.Ruleset.Tables {
		if t.Own() || t.Dormant || r.Owner(t) != nftablesWall || t.Family == "bridge" || t.Family == "arp" {
			continue
		}
		for _, c := range t.Chains {
			switch c.Hook {
			case "ingress", "prerouting", "input", "output":
				if c.Policy == "drop" || len(c.Rules) > 0 && c.Type == "filter" {
					return true
				}
			}
		}
	}
	return false
}

// hasChains says whether any chain's name begins with one of these.
func (t *Table) hasChains(prefixes ...string) bool {
	for _, c := range t.Chains {
		for _, p := range prefixes {
			if strings.HasPrefix(c.Name, p) {
				return true
			}
		}
	}
	return false
}

// covered are the tables of nft's listing that a save of iptables shows, and better.
func (r *Reading) covered() map[string]bool {
	covered := map[string]bool{}
	for i := range r.Saves {
		s := &r.Saves[i]
		if s.Backend != "nft" {
			continue
		}
		for _, name := range []string{"filter", "nat", "mangle", "raw", "security"} {
			// Of a table that nft made, or a part of it, iptables does not show that.
			if strings.Contains("\n"+s.Text, "\n*"+name+"\n") && !strings.Contains(s.Text, "# Table `"+name+"'") {
				covered[s.Family+" "+name] = true
			}
		}
	}
	return covered
}

// decodeWalls keeps the saves and what the managers' own functions said.
func (r *Reading) decodeWalls(sec sections) {
	for _, family := range []string{"ip", "ip6"} {
		for _, backend := range []string{"legacy", "nft"} {
			if text, ok := sec["save."+family+"."+backend]; ok {
				r.Saves = append(r.Saves, Save{Family: family, Backend: backend, Text: text + "\n"})
			}
		}
	}
	for name, text := range sec {
		manager, ok := strings.CutPrefix(name, "ours.")
		if !ok {
			continue
		}
		if r.Walls == nil {
			r.Walls = map[string]WallText{}
		}
		r.Walls[manager] = WallText{Ours: text, Rest: sec["rest."+manager]}
	}
}

// walls is what rules the host by the ruleset, or by the user's word.
func (s *System) walls(r *Reading) []string {
	found := Walls(r)
	if len(s.Wall) == 0 || found == nil {
		return found
	}
	return s.Wall
}

// refuseWalls refuses what the user set and the host does not have.
func (s *System) refuseWalls(r *Reading) rules.Refusals {
	var out rules.Refusals
	for _, wall := range s.Wall {
		there := true
		switch wall {
		case firewalldWall:
			there = r.hasFirewalld()
		case ufwWall:
			there = r.hasUfw()
		case iptablesWall:
			there = r.Iptables != ""
		}
		if !there {
			out = append(out, rules.Refusal{
				Text: "farmwall_wall says " + strings.Join(s.Wall, ", ") + ", and " + wall + " does not rule this host",
				Hint: "found here: " + strings.Join(Walls(r), ", ") + "; correct farmwall_wall, or leave it out",
			})
		}
	}
	return out
}
