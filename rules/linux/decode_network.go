package linux

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var (
	linkLine = regexp.MustCompile(`^([0-9]+): ([^ ]+): <([^>]*)>(.*)$`)
	ruleLine = regexp.MustCompile(`^[0-9]+:\s+(.*\S)\s*$`)
)

// usualRules are the routing rules that every host has.
var usualRules = map[string]bool{
	"from all lookup local": true, "from all lookup main": true, "from all lookup default": true,
}

// decodeNetwork reads the output of ip (iproute2's or busybox's): routes, IPv4
// routing rules, interfaces with addresses; and IPv6 routing rules.
func (r *Reading) decodeNetwork(text, rules6 string) error {
	seen := map[Route]bool{}
	var last Route // whose ways the next lines may go on
	for _, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case linkLine.MatchString(line):
			if err := r.addInterface(line); err != nil {
				return err
			}
		case ruleLine.MatchString(line):
			r.addRoutingRule(line)
		case line[0] != ' ' && line[0] != '\t':
			route, ok, err := parseRoute(words)
			if err != nil {
				return err
			}
			if ok && !seen[route] {
				seen[route] = true
				r.Routes = append(r.Routes, route)
			}
			last = route
		case words[0] == "nexthop":
			r.addWay(last, words)
		case words[0] == "inet" || words[0] == "inet6":
			if err := r.addAddress(words); err != nil {
				return err
			}
		}
	}
	for _, line := range strings.Split(rules6, "\n") {
		if ruleLine.MatchString(line) {
			r.addRoutingRule(line)
		}
	}
	return nil
}

func (r *Reading) addInterface(line string) error {
	m := linkLine.FindStringSubmatch(line)
	index, err := strconv.Atoi(m[1])
	if err != nil {
		return fmt.Errorf("ip: an interface is %s", brief([]byte(line)))
	}
	name, parent, _ := strings.Cut(m[2], "@")
	i := Interface{Name: name, Parent: parent, Index: index}
	if parent == "NONE" {
		i.Parent = ""
	}
	for _, flag := range strings.Split(m[3], ",") {
		i.Up = i.Up || flag == "UP"
		i.Loopback = i.Loopback || flag == "LOOPBACK"
	}
	rest := strings.Fields(m[4])
	i.Master = after(rest, "master")
	switch group := after(rest, "group"); group {
	case "": // busybox's ip does not say
	case "default":
		i.GroupKnown = true
	default:
		n, err := strconv.ParseUint(group, 0, 32)
		i.Group, i.GroupKnown = uint32(n), err == nil
	}
	r.Interfaces = append(r.Interfaces, i)
	return nil
}

// addAddress reads "inet 10.0.0.1/24 ..." or "inet 10.0.0.1 peer 10.0.0.2/32 ...".
func (r *Reading) addAddress(words []string) error {
	if len(words) < 2 || len(r.Interfaces) == 0 {
		return fmt.Errorf("ip: an address is %s", brief([]byte(strings.Join(words, " "))))
	}
	p, err := parsePrefix(words[1])
	if err != nil {
		return fmt.Errorf("ip: an address is %s", brief([]byte(words[1])))
	}
	i := &r.Interfaces[len(r.Interfaces)-1]
	i.Addresses = append(i.Addresses, p)
	return nil
}

func (r *Reading) addRoutingRule(line string) {
	text := strings.Join(strings.Fields(ruleLine.FindStringSubmatch(line)[1]), " ")
	if !usualRules[text] {
		r.PolicyRoutes = append(r.PolicyRoutes, text)
	}
}

// addWay adds one way of a route with several; busybox prints the route alone.
func (r *Reading) addWay(route Route, words []string) {
	route.Dev = after(words, "dev")
	if n := len(r.Routes); n > 0 && r.Routes[n-1].To == route.To && r.Routes[n-1].Dev == "" {
		r.Routes[n-1] = route
		return
	}
	r.Routes = append(r.Routes, route)
}

// parseRoute reads a line of ip route; ok is false for routes that say nothing about
// where a source is.
func parseRoute(words []string) (route Route, ok bool, err error) {
	route = Route{Type: "unicast", Table: "main"}
	switch words[0] {
	case "unicast", "local", "broadcast", "multicast", "anycast", "blackhole", "unreachable", "prohibit", "throw", "nat":
		route.Type = words[0]
		words = words[1:]
	}
	if len(words) == 0 {
		return route, false, fmt.Errorf("ip: a route of type %s leads nowhere", route.Type)
	}
	route.Dev = after(words, "dev")
	if t := after(words, "table"); t != "" {
		route.Table = t
	}
	if m := after(words, "metric"); m != "" {
		if route.Metric, err = strconv.Atoi(m); err != nil {
			return route, false, fmt.Errorf("ip: a route has the metric %s", brief([]byte(m)))
		}
	}
	if words[0] == "default" {
		ipv6 := strings.Contains(after(words, "via"), ":") || after(words, "pref") != ""
		route.To = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if ipv6 {
			route.To = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		return route, true, nil
	}
	p, err := parsePrefix(words[0])
	if err != nil {
		return route, false, fmt.Errorf("ip: a route goes to %s", brief([]byte(words[0])))
	}
	route.To = p.Masked()
	return route, route.Type != "throw" && route.Type != "nat" && !contains(words, "dead"), nil
}

// parsePrefix reads an address with or without a length.
func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.WithZone(""), a.BitLen()), nil
}

// after is the word that follows the key, empty where there is none.
func after(words []string, key string) string {
	for i := 0; i+1 < len(words); i++ {
		if words[i] == key {
			return words[i+1]
		}
	}
	return ""
}
