package windows

import (
	"strings"

	"farmwall/rules"
)

// fit says whether a condition is true of a flow.
type fit int

// The fits.
const (
	no fit = iota
	maybe
	yes
)

// listener is a program of Windows that alone listens on a port of its own.
type listener struct {
	protocol    rules.Protocol
	first, last uint16
	service     string // in lower case; empty: the kernel, which rules call System
	program     string // how its path ends, in lower case, where rules name it so
	shared      bool   // another program may have the port instead
}

// listeners are the ports whose listener is known. Remote desktop's may be a RAS Secure
// Gateway's instead, which listens there for RDP load balancing.
var listeners = []listener{
	{rules.TCP, 22, 22, "sshd", `\sshd.exe`, true},
	{rules.TCP, 135, 135, "rpcss", "", false},
	{rules.UDP, 137, 138, "", "", false},
	{rules.TCP, 139, 139, "", "", false},
	{rules.TCP, 445, 445, "", "", false},
	{rules.TCP, 5985, 5986, "", "", false},
	{rules.TCP, 47001, 47001, "", "", false},
	{rules.TCP, 3389, 3389, "termservice", "", true},
	{rules.UDP, 3389, 3389, "termservice", "", true},
}

// is says whether a rule is for the listener.
func (l *listener) is(b *binding) bool {
	if l.service == "" {
		return b.system
	}
	return b.service == l.service || b.service == "*" || l.program != "" && strings.HasSuffix(b.path, l.program)
}

// binding is which program a rule is for, as far as it matters.
type binding struct {
	bound    bool
	service  string // in lower case
	system   bool   // the kernel
	windows  bool   // a program of Windows itself
	personal bool   // a program in a user's own folders
	product  bool   // a program of the product that the farm is of
	path     string // in lower case
	words    string // for messages
}

// bindingOf reads App= and Svc=.
func bindingOf(r *rule) binding {
	if r.program == "" && r.service == "" {
		return binding{}
	}
	b := binding{bound: true, service: strings.ToLower(r.service)}
	path := strings.ToLower(strings.ReplaceAll(r.program, "/", `\`))
	b.system, b.path = path == "system", path
	b.product = strings.Contains(path, `\parallels\`) || strings.Contains(path, `\2x\`)
	for _, root := range []string{`%systemroot%\`, `%windir%\`, `c:\windows\`} {
		b.windows = b.windows || strings.HasPrefix(path, root)
	}
	b.windows = b.windows || b.system || path == "" && b.service != "*"
	for _, root := range []string{`%userprofile%\`, `%localappdata%\`, `%appdata%\`} {
		b.personal = b.personal || strings.HasPrefix(path, root)
	}
	if rest, ok := strings.CutPrefix(path, `c:\users\`); ok && !strings.HasPrefix(rest, `public\`) {
		b.personal = true
	}
	switch {
	case b.service == "*":
		b.words = "services alone"
	case r.service != "":
		b.words = "the service " + brief(r.service) + " alone"
	default:
		b.words = "the program " + brief(r.program) + " alone"
	}
	return b
}

// fits says whether the program that the flow is for may be the rule's. ported says that
// the rule names the flow's port.
func (b *binding) fits(f *rules.Flow, ported bool) fit {
	if !b.bound {
		return yes
	}
	if b.product && ported && f.Direction == rules.In {
		return yes // it names the port that it listens on
	}
	if f.Direction == rules.In {
		for i := range listeners {
			l := &listeners[i]
			if l.protocol != f.Protocol || f.Port < l.first || f.Port > l.last {
				continue
			}
			if l.is(b) {
				return yes
			}
			if l.shared && !b.windows && !b.personal {
				return maybe
			}
			return no
		}
	}
	switch {
	case b.personal:
		// Whatever serves a farm does not live in a user's own folders; session hosts
		// have such rules by the hundred.
		return no
	case b.windows && !ported && (f.Protocol == rules.TCP || f.Protocol == rules.UDP) && (f.Direction == rules.Out || f.Port < dynamic.First):
		// A program of Windows that names no port uses those that Windows gave it.
		return no
	}
	return maybe
}
