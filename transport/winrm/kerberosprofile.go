package winrm

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// profile holds the relations of krb5.conf: section, subsections and name joined
// by NUL, in lower case but for realms.
type profile struct {
	values map[string][]string
	final  map[string]bool // closed by a "*"
}

const (
	profileSep   = "\x00"
	maxInclusion = 10
)

// included are the names that includedir takes (krb5.conf(5)).
var included = regexp.MustCompile(`^[A-Za-z0-9_-]+$|^[^.].*\.conf$`)

func newProfile() *profile {
	return &profile{values: make(map[string][]string), final: make(map[string]bool)}
}

func (p *profile) file(name string, depth int) error {
	if depth > maxInclusion {
		return fmt.Errorf("%s: files include each other", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return p.parse(name, string(text), depth)
}

func (p *profile) parse(name, text string, depth int) error {
	var path []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		wrong := func(what string) error { return fmt.Errorf("%s line %d: %s", name, i+1, what) }
		if word, rest, _ := strings.Cut(line, " "); len(path) <= 1 && (word == "include" || word == "includedir") && !strings.Contains(line, "=") {
			if err := p.include(word, strings.TrimSpace(rest), depth); err != nil {
				return wrong(err.Error())
			}
			continue
		}
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			path = []string{strings.ToLower(m[1])}
			continue
		}
		if line[0] == '}' {
			if len(path) < 2 {
				return wrong("a brace too many")
			}
			path = path[:len(path)-1]
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(line, "module "):
		case len(path) == 0:
			return wrong("no section has begun")
		case !ok:
			return wrong("neither a section nor a relation")
		case strings.HasPrefix(value, "{"):
			path = append(path, key)
		default:
			p.add(append(path[:len(path):len(path)], strings.ToLower(key)), value)
		}
	}
	return nil
}

func (p *profile) add(path []string, value string) {
	key := strings.Join(path, profileSep)
	last, ok := strings.CutSuffix(value, "*")
	if ok {
		value = strings.TrimSpace(last)
	}
	if value = strings.Trim(value, `"`); !p.final[key] {
		p.values[key] = append(p.values[key], value)
	}
	p.final[key] = p.final[key] || ok
}

func (p *profile) include(word, path string, depth int) error {
	if word == "include" {
		return p.file(path, depth+1)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if included.MatchString(e.Name()) && !e.IsDir() {
			if err := p.file(filepath.Join(path, e.Name()), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// first is the first value of a relation: in krb5.conf the first one counts.
func (p *profile) first(path ...string) string {
	if v := p.values[strings.Join(path, profileSep)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (p *profile) conf() *krbConf {
	names := p.first("libdefaults", "default_tgs_enctypes")
	if names == "" {
		names = p.first("libdefaults", "permitted_enctypes")
	}
	c := &krbConf{
		defaultRealm: p.first("libdefaults", "default_realm"),
		ccache:       p.first("libdefaults", "default_ccache_name"),
		ciphers:      ciphersOf(names),
		dns:          true,
		kdcs:         make(map[string][]string),
		domains:      make(map[string]string),
		lanes:        make(chan struct{}, kdcLanes),
	}
	switch strings.ToLower(p.first("libdefaults", "dns_lookup_kdc")) {
	case "false", "no", "n", "f", "0", "off", "nil":
		c.dns = false
	}
	for key, values := range p.values {
		path := strings.Split(key, profileSep)
		switch {
		case len(path) == 3 && path[0] == "realms" && path[2] == "kdc":
			for _, v := range values {
				if kdc := kdcAddress(v); kdc != "" {
					c.kdcs[path[1]] = append(c.kdcs[path[1]], kdc)
				}
			}
		case len(path) == 2 && path[0] == "domain_realm":
			c.domains[path[1]] = values[0]
		}
	}
	return c
}

// kdcAddress adds the usual port; empty: a proxy, which is not spoken.
func kdcAddress(v string) string {
	if strings.Contains(v, "://") || v == "" {
		return ""
	}
	v, _ = strings.CutPrefix(v, "tcp/")
	if _, _, err := net.SplitHostPort(v); err == nil {
		return v
	}
	return net.JoinHostPort(strings.Trim(v, "[]"), "88")
}
