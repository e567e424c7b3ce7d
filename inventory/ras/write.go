package ras

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"farmwall/inventory"
)

// Result says what an import made.
type Result struct {
	Hosts int
	// LeftOut are the hosts of types that farmwall has no rules for, each with its
	// type, and the hosts whose version could not be read.
	LeftOut []string
}

// Write writes a YAML inventory of the agents: one group for each role, and one for
// each site where there are several. The farm's name may be empty; source says in a
// comment where it all came from.
func Write(w io.Writer, agents []Agent, farm, source string) (Result, error) {
	b := &builder{hosts: map[string]*host{}}
	for i := range agents {
		b.add(&agents[i])
	}
	if len(b.order) == 0 {
		return Result{}, fmt.Errorf("%s names no host with a role", source)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Made by farmwall inventory import from %s. Read it before you use it.\n", strings.Map(printable, source))
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(b.document(farm)); err != nil {
		return Result{}, err
	}
	if err := e.Close(); err != nil {
		return Result{}, err
	}
	_, err := w.Write(out.Bytes())
	return Result{Hosts: len(b.order), LeftOut: b.left}, err
}

func printable(c rune) rune {
	if c < ' ' || c == 0x7f {
		return ' '
	}
	return c
}

type host struct {
	name      string
	roles     []inventory.Role
	addresses []netip.Addr
	version   string
	site      string
}

type builder struct {
	hosts map[string]*host // by name in lower case
	order []*host
	left  []string
}

// add puts an agent to its host; one host may have several agents.
func (b *builder) add(a *Agent) {
	role, kind := a.role()
	switch kind {
	case noHostKind, unknownKind:
		return
	case otherKind:
		b.left = append(b.left, fmt.Sprintf("%s (%s)", a.Server, a.Type))
		return
	}
	key := strings.ToLower(a.Server)
	h := b.hosts[key]
	if h == nil {
		h = &host{name: a.Server}
		b.hosts[key] = h
		b.order = append(b.order, h)
	}
	if !slices.Contains(h.roles, role) {
		h.roles = append(h.roles, role)
	}
	for _, ip := range a.Addresses {
		if !slices.Contains(h.addresses, ip) {
			h.addresses = append(h.addresses, ip)
		}
	}
	if v := a.version(); v != "" {
		h.version = v
	}
	if a.Site != "" {
		h.site = a.Site
	}
}

// document is the inventory as YAML nodes, in a fixed order.
func (b *builder) document(farm string) *yaml.Node {
	most := b.commonVersion()
	all := mapping("ansible_connection", text("winrm"))
	if most != "" {
		put(all, "ras_version", text(most))
	}
	if farm != "" {
		put(all, "ras_farm", text(farm))
	}
	root := mapping("all", mapping("vars", all))
	written := map[*host]bool{}
	for _, role := range inventory.Roles() {
		hosts := mapping()
		for _, h := range b.order {
			if !slices.Contains(h.roles, role) {
				continue
			}
			vars := mapping()
			if !written[h] {
				vars = h.vars(most)
			}
			written[h] = true
			put(hosts, h.name, vars)
		}
		if len(hosts.Content) == 0 {
			continue
		}
		group := mapping("hosts", hosts)
		if role == inventory.HALB { // a Linux appliance
			put(group, "vars", mapping("ansible_connection", text("ssh")))
		}
		put(root, string(role), group)
	}
	b.sites(root)
	return root
}

func (h *host) vars(most string) *yaml.Node {
	vars := mapping()
	if len(h.addresses) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, ip := range h.addresses {
			list.Content = append(list.Content, text(ip.String()))
		}
		put(vars, "ras_addresses", list)
	}
	if h.version != "" && h.version != most {
		put(vars, "ras_version", text(h.version))
	}
	return vars
}

// commonVersion is the version that most hosts have.
func (b *builder) commonVersion() string {
	count := map[string]int{}
	best := ""
	for _, h := range b.order {
		if h.version == "" {
			continue
		}
		if count[h.version]++; count[h.version] > count[best] {
			best = h.version
		}
	}
	return best
}

// sites adds a group for each site, where there are several.
func (b *builder) sites(root *yaml.Node) {
	var names []string
	for _, h := range b.order {
		if h.site != "" && !slices.Contains(names, h.site) {
			names = append(names, h.site)
		}
	}
	if len(names) < 2 {
		return
	}
	for _, name := range names {
		hosts := mapping()
		for _, h := range b.order {
			if h.site == name {
				put(hosts, h.name, mapping())
			}
		}
		put(root, "site_"+strings.Map(groupLetter, strings.ToLower(name)), mapping("hosts", hosts))
	}
}

func groupLetter(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
		return c
	}
	return '_'
}

func mapping(pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		put(m, pairs[i].(string), pairs[i+1].(*yaml.Node))
	}
	return m
}

func put(m *yaml.Node, key string, value *yaml.Node) {
	if value.Kind == yaml.MappingNode && len(value.Content) == 0 {
		value.Style = yaml.FlowStyle
	}
	m.Content = append(m.Content, text(key), value)
}

// text is a text that YAML 1.1 cannot take for anything else.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: s}
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" || s == "no" || s == "on" || s == "yes" || s == "off" || s == "true" || s == "false" || s == "null" || s == "" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
