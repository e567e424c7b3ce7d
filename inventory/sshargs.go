package inventory

import (
	"regexp"
	"strings"
	"time"
)

// sshArgs are the options for ssh in an inventory. Ansible puts ansible_ssh_args
// before what the variables say and the other two behind it, and ssh takes the
// first value that it meets.
type sshArgs struct{ strong, weak sshOptions }

// sshOptions are the options that farmwall knows; empty fields were not given.
type sshOptions struct {
	port       int
	user       string
	keyFile    string
	keysOnly   bool
	jump       string
	knownHosts []string
	timeout    time.Duration
}

// fill sets what is still open.
func (o *sshOptions) fill(a *Access) {
	if a.Port == 0 {
		a.Port = o.port
	}
	if a.User == "" {
		a.User = o.user
	}
	if a.KeyFile == "" {
		a.KeyFile = o.keyFile
	}
	if a.ProxyJump == "" {
		a.ProxyJump = o.jump
	}
	if a.KnownHosts == nil {
		a.KnownHosts = o.knownHosts
	}
	if a.Timeout == 0 {
		a.Timeout = o.timeout
	}
	a.IdentitiesOnly = a.IdentitiesOnly || o.keysOnly
}

// sshArgs reads the three variables with options for ssh. What farmwall cannot
// honour is refused by name: the options may switch checks off or run programs
// on this machine.
func (r *variables) sshArgs(connection string) sshArgs {
	var args sshArgs
	if connection != "ssh" {
		return args
	}
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		text, v, ok := r.text(name)
		if !ok || text == "" {
			continue
		}
		into := &args.weak
		if name == "ansible_ssh_args" {
			into = &args.strong
		}
		words, err := shellWords(text, false)
		if err != nil {
			r.tell(name, v, v.At, "", "%s: %s", name, err)
			continue
		}
		p := &sshArgParser{into: into, words: words, refuse: func(hint, format string, args ...any) {
			r.tell(name, v, v.At, hint, name+": "+format, args...)
		}}
		p.all()
	}
	return args
}

type sshArgParser struct {
	into   *sshOptions
	words  []string
	refuse func(hint, format string, args ...any)
	failed bool
}

// all reads every word; of several mistakes the first is told, since they stand
// in one value.
func (p *sshArgParser) all() {
	for len(p.words) > 0 && !p.failed {
		word := p.words[0]
		p.words = p.words[1:]
		if len(word) < 2 || word[0] != '-' {
			p.no("", "%s is no option", show(word))
			return
		}
		flag, rest := word[1], word[2:]
		switch {
		case strings.IndexByte("CqTx46v", flag) >= 0 && rest != "":
			p.words = append([]string{"-" + rest}, p.words...) // -Cq is -C -q
			fallthrough
		case strings.IndexByte("CqTxv", flag) >= 0: // nothing that farmwall's own client has
		case strings.IndexByte("Jpilo", flag) >= 0:
			if rest == "" {
				if len(p.words) == 0 {
					p.no("", "nothing follows -%c", flag)
					return
				}
				rest, p.words = p.words[0], p.words[1:]
			}
			p.option(flag, rest)
		default:
			p.no("farmwall knows -J, -p, -i, -l and -o", "option -%c is not supported", flag)
		}
	}
}

func (p *sshArgParser) no(hint, format string, args ...any) {
	p.failed = true
	p.refuse(hint, format, args...)
}

func (p *sshArgParser) option(flag byte, value string) {
	switch flag {
	case 'J':
		p.keyword("ProxyJump", value)
	case 'p':
		p.keyword("Port", value)
	case 'i':
		p.keyword("IdentityFile", value)
	case 'l':
		p.keyword("User", value)
	case 'o':
		name, text, ok := strings.Cut(value, "=")
		if !ok {
			name, text, _ = strings.Cut(strings.TrimSpace(value), " ")
		}
		p.keyword(strings.TrimSpace(name), strings.TrimSpace(text))
	}
}

// keyword reads one option of ssh_config; names do not care about case, and the
// first value counts.
func (p *sshArgParser) keyword(name, value string) {
	o := p.into
	switch strings.ToLower(name) {
	case "port":
		n, ok := wholeOf(value)
		if !ok || n < 1 || n > 65535 {
			p.no("ports are 1 to 65535", "%s is no port", show(value))
		} else if o.port == 0 {
			o.port = n
		}
	case "user":
		first(&o.user, value)
	case "identityfile":
		first(&o.keyFile, value)
	case "identitiesonly":
		o.keysOnly = o.keysOnly || value == "yes"
	case "connecttimeout":
		n, ok := wholeOf(value)
		if !ok || n < 1 || n > 3600 {
			p.no("seconds, 1 to 3600", "ConnectTimeout %s is no time", show(value))
		} else if o.timeout == 0 {
			o.timeout = time.Duration(n) * time.Second
		}
	case "proxyjump":
		p.jump(value)
	case "proxycommand":
		p.proxyCommand(value)
	case "stricthostkeychecking":
		if value != "yes" && value != "ask" {
			p.no("learn the hosts' keys with farmwall ping --learn", "farmwall always checks host keys, so StrictHostKeyChecking=%s is refused", value)
		}
	case "userknownhostsfile":
		if strings.Contains(value, "/dev/null") || value == "none" {
			p.no("learn the hosts' keys with farmwall ping --learn", "farmwall always checks host keys, so UserKnownHostsFile=%s is refused", value)
		} else if o.knownHosts == nil {
			o.knownHosts = strings.Fields(value)
		}
	case "controlmaster", "controlpersist", "controlpath", "compression", "loglevel", "tcpkeepalive", "serveraliveinterval", "serveralivecountmax",
		"batchmode", "gssapiauthentication":
		// They tune OpenSSH's own client; farmwall's has no such thing to tune.
	default:
		p.no("farmwall knows Port, User, IdentityFile, IdentitiesOnly, ConnectTimeout, ProxyJump, StrictHostKeyChecking=yes and UserKnownHostsFile", "ssh option %s is not supported", show(name))
	}
}

// first keeps a value that is there.
func first(into *string, value string) {
	if *into == "" {
		*into = value
	}
}

var jumpForm = regexp.MustCompile(`^(?:[^-@\s,:/][^@\s,:/]*@)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?$`)

func (p *sshArgParser) jump(value string) {
	for _, hop := range strings.Split(value, ",") {
		if !jumpForm.MatchString(hop) {
			p.no("[user@]host[:port], with commas between several", "%s is no host to jump through", show(value))
			return
		}
	}
	if value != "none" {
		first(&p.into.jump, value)
	}
}

// proxyCommand reads the old way to write a jump, "ssh -W %h:%p HOST"; any other
// command would run on this machine.
func (p *sshArgParser) proxyCommand(value string) {
	const hint = "write -o ProxyJump=[user@]host[:port]"
	words, err := shellWords(value, false)
	if err != nil || len(words) == 0 || words[0] != "ssh" {
		p.no(hint, "farmwall runs no ProxyCommand")
		return
	}
	var host, user, port string
	forward := false
	for i := 1; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch w := words[i]; {
		case w == "-q":
		case w == "-W" && next == "%h:%p":
			forward = true
			i++
		case w == "-p" && next != "":
			port = ":" + next
			i++
		case w == "-l" && next != "":
			user = next + "@"
			i++
		case !strings.HasPrefix(w, "-") && host == "":
			host = w
		default:
			p.no(hint, "farmwall runs no ProxyCommand with %s", show(w))
			return
		}
	}
	if !forward || host == "" {
		p.no(hint, "farmwall runs no ProxyCommand but ssh -W %%h:%%p HOST")
		return
	}
	if strings.Contains(host, "@") {
		user = ""
	}
	p.jump(user + host + port)
}
