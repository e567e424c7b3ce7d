package windows

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"farmwall/rules"
)

var fingerprintForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Decode reads what observe answered.
func (s *System) Decode(out []byte) (*rules.State, error) {
	st, err := decode(out)
	if err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	return st, nil
}

func decode(out []byte) (*rules.State, error) {
	var w observation
	if err := decodeStrict(out, &w); err != nil {
		return nil, err
	}
	if w.Format != format {
		return nil, fmt.Errorf("the answer's format is %d, not %d", w.Format, format)
	}
	r := &Reading{Version: w.Version, PowerShell: w.PowerShell, User: w.User, Admin: w.Admin, Boot: w.Boot, Services: w.Services,
		registry: w.Registry, leftOut: w.LeftOut, folder: w.Folder, tasks: w.Switch, lease: w.Lease.Number, token: w.Token.State}
	st := &rules.State{Native: r, System: w.System, Manager: manager, Persistence: manager, Ours: w.Ours, Rest: w.Rest}
	if w.System == "" {
		st.System = "Windows " + w.Version
	}
	if err := services(w.Services); err != nil {
		return nil, err
	}
	var err error
	if r.policy, err = newPolicy(&w.Policy, &w.Registry); err != nil {
		return nil, err
	}
	if w.Registry.Error == "" && (!fingerprintForm.MatchString(w.Ours) || !fingerprintForm.MatchString(w.Rest) || w.Ours == w.Rest) {
		return nil, fmt.Errorf("the fingerprints are %s and %s", brief(w.Ours), brief(w.Rest))
	}
	if err := r.takeRules(&w); err != nil {
		return nil, err
	}
	if err := r.takeInterfaces(w.Interfaces); err != nil {
		return nil, err
	}
	if err := takeFrame(st, &w); err != nil {
		return nil, err
	}
	if st.Client, st.Local, err = connection(w.Connection); err != nil {
		return nil, err
	}
	if st.Clock, err = moment(w.Now); err != nil {
		return nil, err
	}
	for _, i := range r.interfaces {
		for _, p := range i.addresses {
			if !p.Addr().IsLoopback() {
				st.Addresses = append(st.Addresses, p.Addr())
			}
		}
	}
	st.BlocksOutbound = r.policy.blocksOutbound()
	st.About = r.about()
	own, farms := r.owned()
	st.Farms = farms
	st.Places = []rules.Place{{Name: place, Owned: rulesOf(own)}}
	st.Findings = r.findings(st)
	return st, nil
}

// manager is who rules a Windows host, and what keeps our rules over a reboot; place is
// where they stand.
const (
	manager = "windows firewall"
	place   = "Windows Firewall"
)

func services(w map[string]string) error {
	for _, name := range []string{"MpsSvc", "BFE", "Schedule"} {
		switch w[name] {
		case "Running", "Stopped", "Missing", "Unknown":
		default:
			return fmt.Errorf("the service %s is %q", name, brief(w[name]))
		}
	}
	if len(w) != 3 {
		return fmt.Errorf("there are %d services", len(w))
	}
	return nil
}

func (r *Reading) takeRules(w *observation) error {
	r.rules = make([]*rule, 0, len(w.Local)+len(w.GPO))
	for _, from := range []struct {
		store store
		list  [][2]string
	}{{local, w.Local}, {gpo, w.GPO}} {
		seen := make(map[string]bool, len(from.list))
		for _, pair := range from.list {
			id := strings.ToLower(pair[0])
			if seen[id] { // a key of the registry holds each name once
				return fmt.Errorf("the rule %s stands in the %s store twice", brief(pair[0]), from.store)
			}
			seen[id] = true
			x := parseRule(from.store, pair[0], pair[1])
			x.setVersion(w.Version)
			r.rules = append(r.rules, x)
		}
	}
	return nil
}

func (r *Reading) takeInterfaces(list []interfaceWire) error {
	for _, w := range list {
		i := netInterface{name: w.Name, guid: strings.ToLower(w.GUID), kind: strings.ToLower(w.Type), profile: w.Profile, up: w.Up, loopback: w.Loopback}
		switch w.Profile {
		case 0, domain, private, public:
		default:
			return fmt.Errorf("interface %s has profile %d", brief(w.Name), w.Profile)
		}
		for _, text := range w.Addresses {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return fmt.Errorf("interface %s has the address %s", brief(w.Name), brief(text))
			}
			i.addresses = append(i.addresses, netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()))
		}
		for _, l := range []struct {
			what  string
			texts []string
			to    *[]netip.Addr
		}{{"gateway", w.Gateways, &i.gateways}, {"DNS server", w.DNS, &i.dns}, {"DHCP server", w.DHCP, &i.dhcp}, {"WINS server", w.WINS, &i.wins}} {
			for _, text := range l.texts {
				a, err := netip.ParseAddr(text)
				if err != nil {
					return fmt.Errorf("interface %s has the %s %s", brief(w.Name), l.what, brief(text))
				}
				*l.to = append(*l.to, a.Unmap().WithZone(""))
			}
		}
		r.interfaces = append(r.interfaces, i)
	}
	return nil
}

// takeFrame reads lease, token and record.
func takeFrame(st *rules.State, w *observation) error {
	st.Lease = rules.Lease{Number: w.Lease.Number, Holder: w.Lease.Holder, Run: w.Lease.Run, Since: milliseconds(w.Lease.SinceMS)}
	switch w.Token.State {
	case "", "armed", "confirming", "undoing", "done":
		st.Token = rules.Token{State: w.Token.State}
	default:
		return fmt.Errorf("the token's state is %s", brief(w.Token.State))
	}
	if w.Token.State == "armed" {
		st.Token.Left = milliseconds(w.Token.LeftMS)
	}
	st.Record = rules.Record{Run: w.Record.Run, Controller: w.Record.Controller, Digest: w.Record.Digest}
	var err error
	st.Record.Time, err = moment(w.Record.Time)
	return err
}

// milliseconds is a time of the host; what cannot be true counts as none.
func milliseconds(n int64) time.Duration {
	const most = int64(100 * 365 * 24 * time.Hour / time.Millisecond)
	return time.Duration(min(max(n, 0), most)) * time.Millisecond
}

// moment reads RFC 3339; nothing is no time.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%s is no time", brief(s))
	}
	return t.UTC(), nil
}

func connection(w connectionWire) (client, here netip.AddrPort, err error) {
	ends := [2]netip.AddrPort{}
	for i, text := range []string{w.Client, w.Local} {
		if text == "" {
			continue
		}
		a, err := netip.ParseAddrPort(text)
		if err != nil {
			return client, here, fmt.Errorf("the connection is %s and %s", brief(w.Client), brief(w.Local))
		}
		ends[i] = netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
	}
	return ends[0], ends[1], nil
}

// about is what people want to know of the host besides its rules.
func (r *Reading) about() []rules.Fact {
	facts := []rules.Fact{{Name: "profile", Text: r.policy.activeNames()}, {Name: "privilege", Text: "administrator"},
		{Name: "PowerShell", Text: r.PowerShell}, {Name: "Windows", Text: r.Version}}
	if r.policy.err != "" {
		facts[0].Text = "not known: " + r.policy.err
	}
	if !r.Admin {
		facts[1].Text = "not an administrator (" + r.User + ")"
	}
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		if r.Services[name] != "Running" {
			facts = append(facts, rules.Fact{Name: name, Text: strings.ToLower(r.Services[name])})
		}
	}
	return facts
}
