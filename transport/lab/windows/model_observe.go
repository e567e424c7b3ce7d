package windows

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ourPrefix begins the names of farmwall's rules.
const ourPrefix = "farmwall:"

// leaseNumber is the part of a rule's name that fingerprints leave out.
var leaseNumber = regexp.MustCompile(`(\|Name=farmwall:[a-z0-9-]{1,32}:[a-z0-9.-]{1,64}:[0-9a-f]{8}):[0-9]{1,19}`)

// fingerprint is SHA-256 over sorted lines.
func fingerprint(lines ...[]string) string {
	sum := sha256.New()
	for _, part := range lines {
		slices.Sort(part)
		for _, l := range part {
			sum.Write([]byte(l))
			sum.Write([]byte{'\n'})
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func isOurs(text string) bool { return strings.Contains(text, "|Name="+ourPrefix) }

// ours and rest are the two fingerprints; h.mu is held.
func (h *Host) fingerprints() (ours, rest string) {
	var own, blocks, numbers []string
	for i, entries := range [][]Entry{h.local.entries, h.gpo.entries} {
		for _, e := range entries {
			switch {
			case perUser(e.Text):
			case i == 0 && isOurs(e.Text):
				own = append(own, leaseNumber.ReplaceAllString(e.Text, "$1"))
			case strings.Contains(e.Text, "|Action=Block|") && strings.Contains(e.Text, "|Active=TRUE|"):
				blocks = append(blocks, e.Text)
			}
		}
	}
	for store, profiles := range map[string]map[string]map[string]uint32{"gpo": h.group, "local": h.policy} {
		for profile, values := range profiles {
			for name, n := range values {
				numbers = append(numbers, fmt.Sprintf("%s %s %s=%d", store, profile, name, n))
			}
		}
	}
	return fingerprint(own), fingerprint(blocks, numbers)
}

// sendable are the rules of a store that observe sends, and how many it leaves out.
func sendable(of []Entry) (rules [][2]string, left int) {
	rules = [][2]string{}
	for _, e := range of {
		if perUser(e.Text) {
			left++
		} else {
			rules = append(rules, [2]string{e.ID, e.Text})
		}
	}
	slices.SortFunc(rules, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return rules, left
}

func (r *modelRun) observe() error {
	h := r.h
	policy := r.policyState()
	connection := r.connection()
	h.mu.Lock()
	defer h.mu.Unlock()
	services := map[string]string{}
	for _, name := range []string{"MpsSvc", "BFE", "Schedule"} {
		services[name] = cmp.Or(h.services[name], "Missing")
	}
	ours, rest := h.fingerprints()
	local, leftLocal := sendable(h.local.entries)
	gpo, leftGPO := sendable(h.gpo.entries)
	seen := map[string]any{
		"format": 1, "system": "Microsoft " + h.release.product, "version": h.release.version,
		"powershell": cmp.Or(h.faults.PSVersion, h.release.powershell), "admin": r.who.admin, "user": r.who.account,
		"boot": h.boot, "uptime_ms": h.uptime().Milliseconds(), "now": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"services": services, "policy": policy,
		"registry": map[string]any{"error": "", "gpo": h.group, "local": h.policy, "delete_app_containers_on_logoff": h.options.CleanAppX},
		"left_out": map[string]int{"local": leftLocal, "gpo": leftGPO, "restricted": h.options.Restricted},
		"local":    local, "gpo": gpo,
		"interfaces": h.adapters(), "connection": connection,
		"ours": ours, "rest": rest, "switch": "", "folder": "",
	}
	r.own(seen)
	text, err := json.Marshal(seen)
	r.out = text
	return err
}

// own is the part of observe that is about farmwall's own state; h.mu is held.
func (r *modelRun) own(seen map[string]any) {
	h, m := r.h, r.m
	seen["lease"] = map[string]any{"number": 0, "holder": "", "run": "", "since_ms": 0}
	seen["token"] = map[string]any{"state": "", "left_ms": 0}
	seen["record"] = modelRecord{}
	if h.faults.FolderOwner != "" {
		if r.who.admin {
			seen["folder"] = h.folderProblem()
		}
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := h.uptime().Milliseconds()
	since := int64(0)
	if m.lease.boot == h.boot {
		since = now - m.lease.taken
	}
	seen["lease"] = map[string]any{"number": m.lease.number, "holder": m.lease.holder(), "run": m.lease.run, "since_ms": since}
	seen["token"] = map[string]any{"state": m.token.state, "left_ms": m.token.left(h.boot, now)}
	seen["record"] = m.record
	if r.who.admin && h.services["Schedule"] == "Running" {
		var there []string
		for _, name := range []string{switchTask, bootTask} {
			if h.tasks[name] != nil {
				there = append(there, name)
			}
		}
		seen["switch"] = strings.Join(there, " ")
	}
}

func (h *Host) folderProblem() string {
	return fmt.Sprintf(`C:\Program Files\farmwall belongs to %s, not to Administrators; look at it and remove it`, h.faults.FolderOwner)
}

func (t modelToken) left(boot string, now int64) int64 {
	if t.state != "armed" || t.boot != boot {
		return 0
	}
	return max(0, t.deadline-now)
}

// policyState is what the policy object says.
func (r *modelRun) policyState() map[string]any {
	profiles := map[string]any{}
	state := map[string]any{"error": "", "active": 0, "modify_state": 0, "profiles": profiles}
	fail := func(err error) map[string]any {
		return map[string]any{"error": err.Error(), "active": 0, "modify_state": 0, "profiles": map[string]any{}}
	}
	get := func(property string, profile int) any {
		v, err := r.h.Policy(property, profile)
		if err != nil && state["error"] == "" {
			state["error"] = err.Error()
		}
		return v
	}
	state["active"], state["modify_state"] = get("CurrentProfileTypes", 0), get("LocalPolicyModifyState", 0)
	for _, p := range []int{1, 2, 4} {
		excluded, _ := get("ExcludedInterfaces", p).([]string)
		profiles[fmt.Sprint(p)] = map[string]any{
			"enabled": get("FirewallEnabled", p), "block_all": get("BlockAllInboundTraffic", p),
			"inbound": get("DefaultInboundAction", p), "outbound": get("DefaultOutboundAction", p),
			"excluded": append([]string{}, excluded...),
		}
	}
	if text, _ := state["error"].(string); text != "" {
		return fail(fmt.Errorf("%s", text))
	}
	return state
}

// connection is both ends of the line that asks, as the host's socket table has it.
func (r *modelRun) connection() map[string]string {
	none := map[string]string{"client": "", "local": ""}
	f := strings.Fields(r.call.connection)
	if len(f) != 4 {
		return none
	}
	client, err1 := netip.ParseAddrPort(netJoin(f[0], f[1]))
	local, err2 := netip.ParseAddrPort(netJoin(f[2], f[3]))
	if err1 != nil {
		return none
	}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	for _, s := range r.h.sockets {
		if s.client.Addr().Unmap() == client.Addr().Unmap() && s.client.Port() == client.Port() {
			return map[string]string{"client": plain(s.client), "local": plain(s.local)}
		}
	}
	if err2 != nil {
		return map[string]string{"client": plain(client), "local": ""}
	}
	return map[string]string{"client": plain(client), "local": plain(local)}
}

func netJoin(host, port string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]:" + port
	}
	return host + ":" + port
}

func plain(a netip.AddrPort) string { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String() }
