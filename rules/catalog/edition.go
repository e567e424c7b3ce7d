package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"farmwall/inventory"
	"farmwall/rules"
)

// edition is the shape of one file.
type edition struct {
	Edition    string                      `yaml:"edition"`
	Title      string                      `yaml:"title"`
	Complete   *bool                       `yaml:"complete"`
	MinVersion string                      `yaml:"min_version"` // of every row that has none
	Unseen     []string                    `yaml:"unseen"`
	Sources    map[string]string           `yaml:"sources"`
	Ends       map[string][]inventory.Role `yaml:"ends"` // what the ends of flows are here
	Components []component                 `yaml:"components"`
	Flows      []flow                      `yaml:"flows"`
}

// component is the rows of one listener, as the port reference groups them.
type component struct {
	Name  string           `yaml:"name"`
	Roles []inventory.Role `yaml:"roles"`
	Rows  []row            `yaml:"rows"`
}

type row struct {
	ID         string           `yaml:"id"`
	Direction  string           `yaml:"direction"`
	Scope      rules.Scope      `yaml:"scope"`
	Protocol   string           `yaml:"protocol"`
	Port       uint16           `yaml:"port"`
	Condition  string           `yaml:"condition"`
	When       []string         `yaml:"when"`
	Peers      []inventory.Role `yaml:"peers"`
	Clients    string           `yaml:"clients"`
	Remote     string           `yaml:"remote"`
	MinVersion string           `yaml:"min_version"`
	MaxVersion string           `yaml:"max_version"`
	Commentary string           `yaml:"commentary"`
	Lines      []int            `yaml:"lines"`
	Advice     string           `yaml:"advice"`
	Source     []string         `yaml:"source"`
	Replaces   string           `yaml:"replaces"`
}

// flow is one line of a source-to-destination table; it stands for a row per
// protocol and port.
type flow struct {
	From       string           `yaml:"from"`
	To         string           `yaml:"to"`
	Scope      rules.Scope      `yaml:"scope"`
	Protocol   []string         `yaml:"protocol"`
	Ports      []uint16         `yaml:"ports"`
	Condition  string           `yaml:"condition"`
	When       []string         `yaml:"when"`
	Peers      []inventory.Role `yaml:"peers"` // default: the roles of From
	Clients    string           `yaml:"clients"`
	MinVersion string           `yaml:"min_version"`
	Commentary string           `yaml:"commentary"`
	Source     []string         `yaml:"source"`
	Replaces   string           `yaml:"replaces"`
}

// parse reads one file strictly: unknown and repeated keys, a second document
// and impossible rows are errors, all of them reported.
func parse(b []byte) (*edition, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var e edition
	if err := d.Decode(&e); err != nil {
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return &e, nil
}

// rows returns what the file says, in its order; the edition must be checked.
func (e *edition) rows() []rules.Row {
	var out []rules.Row
	for _, c := range e.Components {
		for _, r := range c.Rows {
			number, _ := protocol(r.Protocol)
			out = append(out, rules.Row{
				ID: r.ID, Edition: e.Edition, Component: c.Name, Roles: c.Roles,
				Direction: r.Direction, Scope: r.Scope, Protocol: number, Port: r.Port,
				Condition: r.Condition, When: r.When, Peers: r.Peers, Clients: r.Clients,
				Remote: r.Remote, MinVersion: or(r.MinVersion, e.MinVersion), MaxVersion: r.MaxVersion,
				Commentary: r.Commentary, Lines: r.Lines, Source: strings.Join(r.Source, ", "), Advice: r.Advice, Replaces: r.Replaces,
			})
		}
	}
	for _, f := range e.Flows {
		out = append(out, e.expand(f)...)
	}
	return out
}

// expand makes a flow's rows. Its listener's hosts get the rule; a listener
// that is no role of ours makes it an outbound row of nobody, which is shown
// and makes no rule.
func (e *edition) expand(f flow) []rules.Row {
	r := rules.Row{
		Edition: e.Edition, Component: f.To, Roles: e.Ends[f.To], From: f.From, To: f.To,
		Direction: "in", Scope: f.Scope, Condition: f.Condition, When: f.When, Peers: f.Peers, Clients: f.Clients,
		MinVersion: or(f.MinVersion, e.MinVersion), Commentary: f.Commentary,
		Source: strings.Join(f.Source, ", "), Replaces: f.Replaces,
	}
	switch {
	case f.Scope == rules.Localhost:
		r.Direction = "local"
	case len(r.Roles) == 0:
		r.Direction, r.Remote = "out", f.To
	case f.Scope == rules.Internal && f.Peers == nil:
		r.Peers = e.Ends[f.From]
	}
	ports := f.Ports
	if len(ports) == 0 {
		ports = []uint16{0}
	}
	var out []rules.Row
	for _, p := range f.Protocol {
		for _, port := range ports {
			r.Protocol, _ = protocol(p)
			r.Port = port
			r.ID = fmt.Sprintf("%s-%s-%s-ip-%s", e.Edition, f.From, f.To, p)
			if port != 0 {
				r.ID = fmt.Sprintf("%s-%s-%s-%s-%d", e.Edition, f.From, f.To, p, port)
			}
			out = append(out, r)
		}
	}
	return out
}

// protocol reads "tcp", "udp" or the number of another IP protocol.
func protocol(s string) (rules.Protocol, error) {
	switch s {
	case "tcp":
		return rules.TCP, nil
	case "udp":
		return rules.UDP, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n == 0 || n == uint64(rules.TCP) || n == uint64(rules.UDP) {
		return 0, fmt.Errorf("protocol %q is not tcp, udp or another protocol's number", s)
	}
	return rules.Protocol(n), nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
