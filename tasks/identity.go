package tasks

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"

	"farmwall/inventory"
)

// newRun names a run: its time in UTC, and a random part so that two controllers
// never share a name.
func newRun(now time.Time) string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return now.UTC().Format("20060102-150405-") + hex.EncodeToString(b)
}

// memberDigest is over what a member means to the others of its farm: its name,
// roles and addresses.
func memberDigest(h *inventory.Host) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q\n", h.Name, h.Roles)
	var addrs []string
	for _, ip := range h.Addresses.Value {
		addrs = append(addrs, "address "+ip.String())
	}
	for _, ip := range h.VIP.Value {
		addrs = append(addrs, "vip "+ip.String())
	}
	sort.Strings(addrs)
	b.WriteString(strings.Join(addrs, "\n"))
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}

// moved says what is not the same about a farm any more, or nothing.
func (f *FarmPlan) moved(now *FarmPlan) string {
	if now == nil {
		return fmt.Sprintf("the inventory has no farm %s", f.Farm)
	}
	var texts []string
	for name, digest := range f.Members {
		switch then, there := now.Members[name]; {
		case !there:
			texts = append(texts, name+" is no member any more")
		case then != digest:
			texts = append(texts, name+" has other roles or addresses")
		}
	}
	for name := range now.Members {
		if _, there := f.Members[name]; !there {
			texts = append(texts, name+" is a new member")
		}
	}
	if len(texts) == 0 {
		return ""
	}
	sort.Strings(texts)
	const shown = 5
	if len(texts) > shown {
		texts = append(texts[:shown], fmt.Sprintf("and %d more", len(texts)-shown))
	}
	return "farm " + f.Farm + " is not as it was planned for: " + strings.Join(texts, ", ")
}
