package ssh

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"farmwall/inventory"
)

// jumps reads a ProxyJump list: [user@]host[:port] or ssh://, separated by
// commas. The first one may itself be behind jump hosts.
func (d *Dialer) jumps(list string, a inventory.Access, depth int) ([]*target, error) {
	var way []*target
	for i, spec := range strings.Split(list, ",") {
		spec = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(spec), "ssh://"), "/")
		userName, host := "", spec
		if at := strings.LastIndex(spec, "@"); at >= 0 {
			userName, host = spec[:at], spec[at+1:]
		}
		port := 0
		if h, p, err := net.SplitHostPort(host); err == nil {
			n, err := strconv.ParseUint(p, 10, 16)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%q is no port", p)
			}
			host, port = h, int(n)
		}
		host = strings.Trim(host, "[]")
		if host == "" || strings.ContainsAny(host, " \t") {
			return nil, fmt.Errorf("ProxyJump %q names no host", list)
		}
		j, err := d.resolve("jump host "+host, inventory.Access{Address: host, User: userName, Port: port, Timeout: a.Timeout, KnownHosts: a.KnownHosts}, depth+1)
		if errors.Is(err, errCircle) {
			return nil, errCircle
		}
		if err != nil {
			return nil, fmt.Errorf("jump host %s: %w", host, err)
		}
		if i == 0 {
			way = append(way, j.jumps...)
		}
		j.jumps = append([]*target(nil), way...)
		way = append(way, j)
	}
	if len(way) > maxJumps {
		return nil, errCircle
	}
	return way, nil
}
