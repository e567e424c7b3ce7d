package linux

import (
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"farmwall/rules"
)

// Decode reads what observe printed.
func (s *System) Decode(out []byte) (*rules.State, error) {
	st, err := s.decode(out)
	if err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	return st, nil
}

func (s *System) decode(out []byte) (*rules.State, error) {
	sec, err := splitSections(out)
	if err != nil {
		return nil, err
	}
	r := &Reading{Nft: sec["nft"], Iptables: sec["iptables"], Kernel: sec["kernel"], Boot: sec["boot"], Init: sec["init"]}
	st := &rules.State{Native: r, System: systemName(sec["os"]), Persistence: r.Init}
	if r.UID, err = strconv.Atoi(sec["uid"]); err != nil {
		return nil, fmt.Errorf("the user number is %s", brief([]byte(sec["uid"])))
	}
	if r.Uptime, err = seconds(sec["uptime"]); err != nil {
		return nil, fmt.Errorf("the uptime is %s", brief([]byte(sec["uptime"])))
	}
	switch r.Init {
	case "", "systemd", "openrc", "sysvinit":
	default:
		return nil, fmt.Errorf("the init system is %s", brief([]byte(r.Init)))
	}
	r.KeptEnabled = sec["unit"] == "enabled"
	if kept, ok := sec["kept"]; ok {
		r.Kept = []byte(kept)
	}
	if sec["legacy"] != "" {
		r.Legacy = strings.Split(sec["legacy"], ",")
	}
	r.UfwEnabled = shellValue(sec["ufw"], "ENABLED") == "yes"
	r.FirewalldRuns = sec["firewalld"] == "running"
	if err := r.decodeNetwork(sec["network"], sec["rules6"]); err != nil {
		return nil, err
	}
	if err := r.decodeFolders(sec["folders"]); err != nil {
		return nil, err
	}
	if err := decodeOwnState(st, r, sec); err != nil {
		return nil, err
	}
	if st.Client, st.Local, err = connection(sec["connection"]); err != nil {
		return nil, err
	}
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			if !a.Addr().IsLoopback() {
				st.Addresses = append(st.Addresses, a.Addr())
			}
		}
	}
	if err := r.decodeRuleset(st, sec); err != nil {
		return nil, err
	}
	if r.Ruleset != nil {
		for _, m := range s.Managers {
			st.Places = append(st.Places, m.Places(r)...)
		}
	}
	st.Manager = strings.Join(s.walls(r), "+")
	st.BlocksOutbound = r.blocksOutbound()
	st.Farms = r.farms(st.Places)
	st.Findings = r.findings()
	return st, nil
}

// decodeRuleset reads the ruleset and the fingerprints, where observe could read them.
func (r *Reading) decodeRuleset(st *rules.State, sec sections) error {
	if r.UID != 0 || r.Nft == "" {
		return nil
	}
	if sec["missing"] != "" {
		return fmt.Errorf("the host lacks %s; install it", brief([]byte(sec["missing"])))
	}
	if message, ok := sec["failed"]; ok {
		hint := ""
		if strings.Contains(message, "JSON support") {
			hint = "; this nft was built without JSON, and farmwall needs it"
		}
		what, said, _ := strings.Cut(message, ": ")
		if said == "" || strings.Trim(what, "abcdefghijklmnopqrstuvwxyz0123456789-_ ") != "" {
			return fmt.Errorf("the host cannot list its rules: %s", brief([]byte(message)))
		}
		return fmt.Errorf("%s: %s%s", what, brief([]byte(said)), hint)
	}
	for _, n := range []string{"text", "ruleset"} {
		if _, ok := sec[n]; !ok {
			return fmt.Errorf("the answer lacks section %s", n)
		}
	}
	ruleset, err := decodeNft([]byte(sec["ruleset"]))
	if err != nil {
		return err
	}
	r.Ruleset = ruleset
	r.decodeWalls(sec)
	t := readText(sec["text"], r.covered())
	st.Ours, st.Rest = fingerprint(t.ours(sec["unit"], r.Kept)+r.wallsOurs()), fingerprint(t.rest(sec["legacy"])+r.wallsRest())
	return r.decodeOwn(t)
}

// farms are those whose marks stand in any rule of the host.
func (r *Reading) farms(places []rules.Place) []string {
	if r.Ruleset == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, p := range places {
		for i := range p.Owned {
			if p.Owned[i].Farm != "" {
				seen[p.Owned[i].Farm] = true
			}
		}
	}
	for _, t := range r.Ruleset.Tables {
		for _, c := range t.Chains {
			for _, rule := range c.Rules {
				if farm, _, _, ok := rules.ParseMark(rule.Comment); ok {
					seen[farm] = true
				}
			}
		}
	}
	names := make([]string, 0, len(seen))
	for f := range seen {
		names = append(names, f)
	}
	sort.Strings(names)
	return names
}

// systemName is PRETTY_NAME of os-release, else "Linux".
func systemName(release string) string {
	if name := shellValue(release, "PRETTY_NAME"); name != "" {
		return name
	}
	return "Linux"
}

// shellValue is a variable of a file of shell assignments, without its quotes.
func shellValue(text, name string) string {
	value := ""
	for _, line := range strings.Split(text, "\n") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			value = strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return value
}

// seconds reads a clock of the host, "2257.07".
func seconds(s string) (time.Duration, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(f >= 0 && f < 1e9) {
		return 0, fmt.Errorf("not a number of seconds: %s", brief([]byte(s)))
	}
	return time.Duration(f * float64(time.Second)), nil
}

// connection reads the two ends of the connection; nothing is known where it is empty.
func connection(s string) (client, local netip.AddrPort, err error) {
	f := strings.Fields(s)
	if len(f) == 0 {
		return client, local, nil
	}
	if len(f) != 4 {
		return client, local, fmt.Errorf("the connection is %s", brief([]byte(s)))
	}
	var ends [2]netip.AddrPort
	for i := range ends {
		a, e1 := netip.ParseAddr(f[2*i])
		p, e2 := strconv.ParseUint(f[2*i+1], 10, 16)
		if e1 != nil || e2 != nil {
			return client, local, fmt.Errorf("the connection is %s", brief([]byte(s)))
		}
		ends[i] = netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(p))
	}
	return ends[0], ends[1], nil
}
