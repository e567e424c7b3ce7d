package inventory

import "slices"

// wallNames are the managers that farmwall_wall may name.
var wallNames = [...]string{"firewalld", "ufw", "iptables", "nftables"}

const wallHint = "write one of firewalld, ufw, iptables, nftables, or a list of them; without it farmwall finds out by itself"

// readWall reads farmwall_wall: one manager, or a list of them.
func readWall(p part, bad complaint) []string {
	items := []part{p}
	if list, ok := p.items(); ok {
		items = list
	}
	var walls []string
	for _, item := range items {
		text, _ := item.text()
		switch {
		case !slices.Contains(wallNames[:], text):
			bad(item.at, suggestOr(wallHint, text, wallNames[:]...), "%s is no firewall manager that farmwall writes", show(item.any))
		case slices.Contains(walls, text):
			bad(item.at, "", "%s is there twice", text)
		default:
			walls = append(walls, text)
		}
	}
	return walls
}
