package linux

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// sections are the parts of observe's answer by name.
type sections map[string]string

// required are the sections of every complete answer.
var required = []string{"format", "uid", "uptime", "boot", "kernel", "os", "connection", "init", "unit",
	"legacy", "nft", "iptables", "ufw", "firewalld", "missing", "network", "rules6", "folders", "lease",
	"record", "tokens", "end"}

// optional are those that only some hosts have.
var optional = []string{"text", "ruleset", "failed", "kept", "save.ip.legacy", "save.ip6.legacy", "save.ip.nft", "save.ip6.nft"}

// wallSections begin the names of sections that a manager's own functions print.
var wallSections = []string{"ours.", "rest."}

// splitSections reads the framing that observe.sh writes. Sections are counted out,
// never searched for, so what they hold cannot end them.
func splitSections(out []byte) (sections, error) {
	allowed := map[string]bool{}
	for _, n := range append(append([]string{}, required...), optional...) {
		allowed[n] = true
	}
	found := sections{}
	for _, ended := found["end"]; !ended; _, ended = found["end"] {
		head, rest, ok := bytes.Cut(out, []byte("\n"))
		if !ok {
			return nil, fmt.Errorf("the answer ends too early, after %d sections", len(found))
		}
		word, size, ok := strings.Cut(strings.TrimPrefix(string(head), "section "), " ")
		n, err := strconv.Atoi(size)
		if !ok || err != nil || n < 0 || !strings.HasPrefix(string(head), "section ") {
			return nil, fmt.Errorf("the answer is not observe's: %s where a section should begin", brief(head))
		}
		if !allowed[word] && !wallSection(word) {
			return nil, fmt.Errorf("the answer has a section %s that observe does not write", brief([]byte(word)))
		}
		if _, twice := found[word]; twice {
			return nil, fmt.Errorf("the answer has section %s twice", word)
		}
		if n >= len(rest) || rest[n] != '\n' {
			return nil, fmt.Errorf("section %s is not the %d bytes that it says", word, n)
		}
		found[word] = string(rest[:n])
		out = rest[n+1:]
	}
	if len(bytes.TrimSpace(out)) > 0 {
		return nil, fmt.Errorf("the answer goes on after its end: %s", brief(out))
	}
	for _, n := range required {
		if _, ok := found[n]; !ok {
			return nil, fmt.Errorf("the answer lacks section %s", n)
		}
	}
	if found["format"] != "1" {
		return nil, fmt.Errorf("the answer has format %s and not 1", brief([]byte(found["format"])))
	}
	return found, nil
}

// brief quotes text of a host for a message: printable, on one line, not long.
func brief(b []byte) string {
	const most = 160
	more := ""
	if len(b) > most {
		b, more = b[:most], "..."
	}
	return strconv.QuoteToASCII(string(b)) + more
}

// wallSection says whether a section's name is one of those that managers write.
func wallSection(name string) bool {
	for _, prefix := range wallSections {
		if manager, ok := strings.CutPrefix(name, prefix); ok && plainName(manager) {
			return true
		}
	}
	return false
}
