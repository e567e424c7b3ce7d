package ssh

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// knownFile is one known_hosts file, indexed by host: names in a map, and only
// patterns and hashed names are searched, once for each host.
type knownFile struct {
	names   map[string][]*knownLine
	wild    []*knownLine
	hashed  []*knownLine
	skipped []string // lines that could not be read, with the reason

	mu    sync.Mutex
	found map[string][]*knownLine
}

// knownLine is one line with one key.
type knownLine struct {
	marker   string // "", "@cert-authority" or "@revoked"
	patterns []string
	salt     []byte // of a hashed name
	hash     []byte
	key      gossh.PublicKey
	at       string // file:line
}

// knownName is a host's name in known_hosts.
func knownName(host string, port int) string {
	host = strings.ToLower(host)
	if port == 22 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(port)
}

// parseKnown reads a file. Lines that it cannot read are skipped, as OpenSSH
// does: one broken line must not lock out every host.
func parseKnown(text []byte, file string) *knownFile {
	k := &knownFile{names: make(map[string][]*knownLine), found: make(map[string][]*knownLine)}
	for n := 1; len(text) > 0; n++ {
		var raw []byte
		raw, text, _ = bytes.Cut(text, []byte("\n"))
		line := strings.TrimSpace(string(raw))
		if line == "" || line[0] == '#' {
			continue
		}
		l, err := parseKnownLine(line)
		if err != nil {
			k.skipped = append(k.skipped, fmt.Sprintf("%s:%d: skipped: %v", file, n, err))
			continue
		}
		l.at = fmt.Sprintf("%s:%d", file, n)
		k.add(l)
	}
	return k
}

func (k *knownFile) add(l *knownLine) {
	switch {
	case l.hash != nil:
		k.hashed = append(k.hashed, l)
	case l.plain():
		for _, p := range l.patterns {
			k.names[p] = append(k.names[p], l)
		}
	default:
		k.wild = append(k.wild, l)
	}
}

// plain says whether all names stand for themselves.
func (l *knownLine) plain() bool {
	for _, p := range l.patterns {
		if strings.ContainsAny(p, "*?!") {
			return false
		}
	}
	return true
}

func parseKnownLine(line string) (*knownLine, error) {
	l := &knownLine{}
	fields := strings.Fields(line)
	if strings.HasPrefix(fields[0], "@") {
		l.marker = fields[0]
		if l.marker != "@cert-authority" && l.marker != "@revoked" {
			return nil, fmt.Errorf("%q is no marker of known_hosts", l.marker)
		}
		fields = fields[1:]
	}
	if len(fields) < 3 {
		return nil, errors.New("a name, a key type and a key are needed")
	}
	blob, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return nil, errors.New("the key is no base64")
	}
	if l.key, err = gossh.ParsePublicKey(blob); err != nil {
		return nil, fmt.Errorf("the key cannot be read: %w", err)
	}
	if l.key.Type() != fields[1] {
		return nil, fmt.Errorf("the line says %q and the key is %q", fields[1], l.key.Type())
	}
	if strings.HasPrefix(fields[0], "|") {
		part := strings.Split(fields[0], "|")
		if len(part) != 4 || part[1] != "1" {
			return nil, errors.New("the hashed name is of no known kind")
		}
		if l.salt, err = base64.StdEncoding.DecodeString(part[2]); err == nil {
			l.hash, err = base64.StdEncoding.DecodeString(part[3])
		}
		if err != nil || len(l.hash) != sha1.Size {
			return nil, errors.New("the hashed name is no base64 of the right length")
		}
		return l, nil
	}
	for _, p := range strings.Split(strings.ToLower(fields[0]), ",") {
		// ssh-keyscan and old files write the default port too.
		if host, port, err := net.SplitHostPort(p); err == nil && port == "22" && strings.HasPrefix(p, "[") {
			p = host
		}
		if p != "" {
			l.patterns = append(l.patterns, p)
		}
	}
	if len(l.patterns) == 0 {
		return nil, errors.New("no name")
	}
	return l, nil
}

// find returns the lines of a name, in no special order.
func (k *knownFile) find(name string) []*knownLine {
	k.mu.Lock()
	defer k.mu.Unlock()
	if lines, ok := k.found[name]; ok {
		return lines
	}
	lines := append([]*knownLine(nil), k.names[name]...)
	for _, l := range k.wild {
		if matchList(l.patterns, name) {
			lines = append(lines, l)
		}
	}
	// A hashed line has one name, so whoever finds it takes it out of the search.
	rest := k.hashed[:0]
	h := hasher{name: name}
	for _, l := range k.hashed {
		if h.sum(l.salt) == [sha1.Size]byte(l.hash) {
			lines = append(lines, l)
		} else {
			rest = append(rest, l)
		}
	}
	clear(k.hashed[len(rest):])
	k.hashed = rest
	k.found[name] = lines
	return lines
}

// hasher computes the HMAC-SHA1 of a name under many salts. crypto/hmac makes
// three objects for each, which is most of the time for a big file.
type hasher struct {
	name  string
	inner []byte
	outer [sha1.BlockSize + sha1.Size]byte
}

func (h *hasher) sum(salt []byte) [sha1.Size]byte {
	if len(salt) > sha1.BlockSize {
		s := sha1.Sum(salt)
		salt = s[:]
	}
	if h.inner == nil {
		h.inner = append(make([]byte, sha1.BlockSize), h.name...)
	}
	for i := range sha1.BlockSize {
		var b byte
		if i < len(salt) {
			b = salt[i]
		}
		h.inner[i], h.outer[i] = b^0x36, b^0x5c
	}
	s := sha1.Sum(h.inner)
	copy(h.outer[sha1.BlockSize:], s[:])
	return sha1.Sum(h.outer[:])
}

// knownFiles reads each file once, and again after it has changed.
type knownFiles struct {
	warn func(string)
	mu   sync.Mutex
	read map[string]*readFile
}

type readFile struct {
	size int64
	when time.Time
	*knownFile
}

// find returns the lines of a name in all of the files; missing files are empty.
func (f *knownFiles) find(paths []string, name string) ([]*knownLine, error) {
	var all []*knownLine
	for _, p := range paths {
		k, err := f.file(p)
		if err != nil {
			return nil, err
		}
		if k != nil {
			all = append(all, k.find(name)...)
		}
	}
	return all, nil
}

func (f *knownFiles) file(path string) (*knownFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r := f.read[path]; r != nil && r.size == info.Size() && r.when.Equal(info.ModTime()) {
		return r.knownFile, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &readFile{size: info.Size(), when: info.ModTime(), knownFile: parseKnown(text, path)}
	if f.read[path] == nil {
		for _, s := range r.skipped {
			f.warn(s)
		}
	}
	f.read[path] = r
	return r.knownFile, nil
}
