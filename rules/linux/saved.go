package linux

import "strings"

// What saves come to in the two fingerprints. saves.awk writes the same bytes.

// wallsOurs is the part of what is ours that nft does not tell.
func (r *Reading) wallsOurs() string {
	var b strings.Builder
	for i := range r.Saves {
		r.Saves[i].write(&b, true)
	}
	for _, name := range r.wallNames() {
		b.WriteString("wall " + name + "\n" + r.Walls[name].Ours + "\n")
	}
	return b.String()
}

// wallsRest is the part of the rest that nft does not tell.
func (r *Reading) wallsRest() string {
	var b strings.Builder
	for i := range r.Saves {
		r.Saves[i].write(&b, false)
	}
	for _, name := range r.wallNames() {
		b.WriteString("wall " + name + "\n" + r.Walls[name].Rest + "\n")
	}
	return b.String()
}

// wallNames are the managers with functions of their own, in the order of all walls.
func (r *Reading) wallNames() []string {
	var names []string
	for _, name := range order {
		if _, ok := r.Walls[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// write says the lines of the save that are ours, or the others, each with where it
// stands; comments, counters and COMMIT are no part of it.
func (s *Save) write(b *strings.Builder, ours bool) {
	table := ""
	for _, line := range strings.Split(strings.TrimSuffix(s.Text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "#"), line == "COMMIT", line == "":
			continue
		case strings.HasPrefix(line, "*"):
			table = line
		case strings.HasPrefix(line, ":"):
			if at := strings.LastIndex(line, " ["); at >= 0 {
				line = line[:at]
			}
		}
		if ownSaved(line) == ours {
			b.WriteString("save " + s.Family + " " + s.Backend + " " + table + " " + line + "\n")
		}
	}
}

// ownSaved says whether a line of a save is of a chain of ours, or leads to one.
func ownSaved(line string) bool {
	return strings.HasPrefix(line, ":FARMWALL-") || strings.HasPrefix(line, "-A FARMWALL-") ||
		strings.Contains(line, "-j FARMWALL-") || strings.Contains(line, "-g FARMWALL-")
}

// filters says whether the save filters what comes to or from this host. Docker's own
// chains do not: they are about what is forwarded. ufw's and firewalld's tables are
// theirs.
func (r *Reading) filters(s *Save) bool {
	if r.hasUfw() && (strings.Contains(s.Text, "\n:ufw-") || strings.Contains(s.Text, "\n:ufw6-")) {
		return false
	}
	if r.hasUfw() && s.ufwDropsAll() {
		return false
	}
	if r.FirewalldRuns && strings.Contains(s.Text, "\n:INPUT_ZONES ") {
		return false // firewalld's iptables back end
	}
	docker := strings.Contains(s.Text, "\n:DOCKER")
	table := ""
	for _, line := range strings.Split(s.Text, "\n") {
		if strings.HasPrefix(line, "*") {
			table = line[1:]
		}
		switch {
		case table == "nat":
		case strings.HasPrefix(line, ":INPUT DROP"), strings.HasPrefix(line, ":OUTPUT DROP"), strings.HasPrefix(line, ":PREROUTING DROP"):
			return true
		case strings.HasPrefix(line, "-A INPUT "), strings.HasPrefix(line, "-A OUTPUT "), strings.HasPrefix(line, "-A PREROUTING "):
			if strings.Contains(line, "-j DOCKER") || strings.Contains(line, " FARMWALL-") || docker && table == "raw" {
				continue
			}
			return true
		}
	}
	return false
}

// ufwDropsAll says whether the save is what ufw makes of IPv6 where IPV6=no: everything is
// dropped but what stays on the loopback interface, and that is how it is meant.
func (s *Save) ufwDropsAll() bool {
	if s.Family != "ip6" || !strings.Contains(s.Text, "\n:INPUT DROP") || !strings.Contains(s.Text, "\n:OUTPUT DROP") {
		return false
	}
	for _, line := range strings.Split(s.Text, "\n") {
		if strings.HasPrefix(line, "-A ") && line != "-A INPUT -i lo -j ACCEPT" && line != "-A OUTPUT -o lo -j ACCEPT" {
			return false
		}
	}
	return true
}
