package ssh

import (
	"fmt"
	"strings"
)

// options is what the ssh_config files say about one host. The first value of
// each option counts; identities and certificates add up.
type options struct {
	alias      string // the name as the user wrote it
	user       string // what the inventory gives, else empty
	localUser  string
	values     map[string]*directive
	identities []*directive
	certs      []*directive
	// refused is the first thing in the files that matters for this host and that
	// farmwall does not do.
	refused error
}

// unable are options that would change how or to whom we connect, and that are
// not done.
var unable = map[string]string{
	"proxycommand":         "use ProxyJump, or put the host's real address into the inventory",
	"proxyusefdpass":       "use ProxyJump",
	"knownhostscommand":    "put the keys into a known_hosts file",
	"pkcs11provider":       "load the key into an agent",
	"revokedhostkeys":      "write @revoked lines into known_hosts",
	"bindinterface":        "use BindAddress",
	"canonicalizehostname": "write the full name into the inventory",
}

// matter are the options that farmwall reads. The rest cannot change where a
// line goes or whom it trusts (forwarding, terminals, multiplexing), or farmwall
// decides it itself (algorithms).
var matter = map[string]bool{
	"hostname": true, "user": true, "port": true, "proxyjump": true, "hostkeyalias": true,
	"identityfile": true, "certificatefile": true, "identitiesonly": true, "identityagent": true,
	"userknownhostsfile": true, "globalknownhostsfile": true, "stricthostkeychecking": true,
	"connecttimeout": true, "serveraliveinterval": true, "addressfamily": true, "bindaddress": true,
	"pubkeyauthentication": true, "passwordauthentication": true, "kbdinteractiveauthentication": true,
	"challengeresponseauthentication": true,
}

// lookUp evaluates the files, in order, for one host.
// A user and a way through jump hosts from the inventory come first.
func lookUp(files [][]directive, alias, user, jump, localUser string) *options {
	o := &options{alias: alias, user: user, localUser: localUser, values: make(map[string]*directive)}
	if jump != "" {
		o.values["proxyjump"] = &directive{file: "the inventory", key: "proxyjump", args: []string{jump}}
	}
	for _, f := range files {
		o.walk(f, yes)
	}
	return o
}

// state says whether the lines of a block are for our host.
type state int

const (
	no state = iota
	yes
	unknown // a Match that farmwall does not evaluate decides it
)

func (o *options) walk(list []directive, outer state) {
	active := outer
	for i := range list {
		d := &list[i]
		switch d.key {
		case "host":
			active = no
			if matchList(d.args, o.alias) {
				active = outer
			}
		case "match":
			if active = o.match(d); active != no {
				active = max(active, outer)
			}
		case "include":
			if active != no {
				for _, sub := range d.included {
					o.walk(sub, active)
				}
			}
		default:
			if active != no {
				o.take(d, active)
			}
		}
	}
}

func (o *options) take(d *directive, active state) {
	hint, bad := unable[d.key]
	// "none" and "no" switch these off, and so does ssh's own first-value rule.
	off := len(d.args) == 1 && (strings.EqualFold(d.args[0], "none") || strings.EqualFold(d.args[0], "no"))
	if _, set := o.values[d.key]; set || !bad && !matter[d.key] {
		return
	}
	switch {
	case active == unknown && o.refused == nil:
		o.refused = fmt.Errorf("%s: a Match with conditions that farmwall does not evaluate decides %s for this host", d.at(), d.key)
		return
	case bad && !off && !(d.key == "proxycommand" && o.values["proxyjump"] != nil):
		if o.refused == nil {
			o.refused = fmt.Errorf("%s: farmwall does not do %s: %s", d.at(), d.key, hint)
		}
		return
	case d.key == "identityfile":
		o.identities = append(o.identities, d)
		return
	case d.key == "certificatefile":
		o.certs = append(o.certs, d)
		return
	}
	o.values[d.key] = d
}

// match evaluates the conditions of a Match line, all of which must hold.
func (o *options) match(d *directive) state {
	result := yes
	for i := 0; i < len(d.args); i++ {
		name, value, joined := strings.Cut(strings.ToLower(d.args[i]), "=")
		name, negated := strings.CutPrefix(name, "!")
		switch name {
		case "all":
			continue
		case "canonical": // only after CanonicalizeHostname, which is refused
			if !negated {
				return no
			}
			continue
		case "final":
			result = unknown
			continue
		}
		if !joined {
			if i++; i < len(d.args) {
				value = d.args[i]
			}
		}
		var holds bool
		list := strings.Split(value, ",")
		switch name {
		case "host":
			holds = matchList(list, o.hostName())
		case "originalhost":
			holds = matchList(list, o.alias)
		case "user":
			holds = matchList(list, o.userName())
		case "localuser":
			holds = matchList(list, o.localUser)
		default:
			result = unknown
			continue
		}
		if holds == negated {
			return no
		}
	}
	return result
}

// hostName is the name to dial so far.
func (o *options) hostName() string {
	name := o.text("hostname")
	if name == "" {
		return o.alias
	}
	return strings.NewReplacer("%%", "%", "%h", o.alias).Replace(name)
}

func (o *options) userName() string {
	if o.user != "" {
		return o.user
	}
	if u := o.text("user"); u != "" {
		return u
	}
	return o.localUser
}

// text is an option's first word, empty where it is not set.
func (o *options) text(key string) string {
	if d := o.values[key]; d != nil {
		return d.args[0]
	}
	return ""
}

// off says whether a yes-or-no option is set to no.
func (o *options) off(key string) bool { return strings.EqualFold(o.text(key), "no") }
