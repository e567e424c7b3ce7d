package winrm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
)

// krbConf is what of krb5.conf concerns a client that delegates nothing.
type krbConf struct {
	source       string // the files, for messages
	defaultRealm string
	dns          bool                // ask DNS for the KDCs of realms that the file does not name
	kdcs         map[string][]string // realm: host:port
	domains      map[string]string   // domain_realm: lower-case host or .domain to realm
	ccache       string              // default_ccache_name
	ciphers      []int32             // best first
	lanes        chan struct{}       // to the KDCs
}

// errNoConf says that a file that was named is not there.
var errNoConf = errors.New("no krb5.conf")

// loadKrbConf reads the named file, or those of KRB5_CONFIG, or the system's. That
// the system has none is no error: a domain's KDCs are in DNS.
func loadKrbConf(named string) (*krbConf, error) {
	files, must := []string{krbFile(named)}, true
	if named == "" {
		files = filepath.SplitList(os.Getenv("KRB5_CONFIG"))
	}
	if len(files) == 0 {
		files, must = []string{systemKrbConf()}, false
	}
	p := newProfile()
	for _, f := range files {
		if err := p.file(f, 0); err != nil && (must || !errors.Is(err, fs.ErrNotExist)) {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w: %s does not exist", errNoConf, f)
			}
			return nil, err
		}
	}
	c := p.conf()
	c.source = strings.Join(files, ", ")
	return c, nil
}

func systemKrbConf() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "MIT", "Kerberos5", "krb5.ini")
	}
	return "/etc/krb5.conf"
}

// krbFile resolves a path of the inventory.
func krbFile(path string) string {
	path = strings.TrimPrefix(path, "FILE:")
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// ciphersOf keeps what may seal messages, in our order: krb5.conf may leave some
// out, never add a weaker one.
func ciphersOf(names string) []int32 {
	all := []int32{etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA384_192, etypeID.AES128_CTS_HMAC_SHA256_128}
	words := strings.FieldsFunc(strings.ToLower(names), func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	if len(words) == 0 || slices.Contains(words, "default") {
		return all
	}
	return slices.DeleteFunc(all, func(id int32) bool {
		return !slices.ContainsFunc(words, func(w string) bool {
			family := w == "aes" || w == "aes-sha1" && id < etypeID.AES128_CTS_HMAC_SHA256_128 || w == "aes-sha2" && id >= etypeID.AES128_CTS_HMAC_SHA256_128
			return family || etypeID.EtypeSupported(w) == id
		})
	})
}

// library is the configuration in the form that the library's requests take.
func (c *krbConf) library(canonicalize bool) *config.Config {
	l := config.New()
	l.LibDefaults.DefaultRealm = c.defaultRealm
	l.LibDefaults.DefaultTktEnctypeIDs, l.LibDefaults.DefaultTGSEnctypeIDs = c.ciphers, c.ciphers
	l.LibDefaults.Canonicalize = canonicalize
	return l
}

// realmOf finds the realm of a NetBIOS or DNS domain name; empty: not known.
func (c *krbConf) realmOf(domain string) string {
	upper := strings.ToUpper(domain)
	if strings.Contains(domain, ".") {
		return upper
	}
	first := func(realm string) string { label, _, _ := strings.Cut(realm, "."); return strings.ToUpper(label) }
	if first(c.defaultRealm) == upper {
		return c.defaultRealm
	}
	found := ""
	for realm := range c.kdcs {
		if first(realm) == upper {
			if found != "" {
				return "" // two realms could be meant
			}
			found = realm
		}
	}
	return found
}

// realmOfHost is what domain_realm says of a host; empty: nothing.
func (c *krbConf) realmOfHost(host string) string {
	host = strings.ToLower(host)
	if r := c.domains[host]; r != "" {
		return r
	}
	for {
		i := strings.IndexByte(host, '.')
		if i < 0 {
			return ""
		}
		if r := c.domains[host[i:]]; r != "" {
			return r
		}
		host = host[i+1:]
		if r := c.domains[host]; r != "" {
			return r
		}
	}
}

// find lists a realm's KDCs, host:port.
func (c *krbConf) find(ctx context.Context, realm string) ([]string, error) {
	if list := c.kdcs[realm]; len(list) > 0 {
		list = slices.Clone(list)
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list, nil
	}
	if !c.dns {
		return nil, fmt.Errorf("%s names no KDC of %s", c.source, realm)
	}
	_, records, err := net.DefaultResolver.LookupSRV(ctx, "kerberos", "tcp", realm)
	if err != nil {
		return nil, fmt.Errorf("%s names no KDC of %s, and DNS has no _kerberos._tcp.%s", c.source, realm, realm)
	}
	var list []string
	for _, r := range records {
		list = append(list, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	return list, nil
}

var sectionLine = regexp.MustCompile(`^\[([^\]]*)\]\*?$`)
