package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// maxRange bounds how many hosts one pattern may stand for.
const maxRange = 1_000_000

var (
	bracketPort = regexp.MustCompile(`^\[(.+)\]:([0-9]+)$`)
	namePort    = regexp.MustCompile(`^((?:[^:\[\]]|\[[^\]]*\])+):([0-9]+)$`)
	rangePart   = regexp.MustCompile(`\[(?:[0-9]+:[0-9]+|[A-Za-z]:[A-Za-z])(?::[0-9]+)?\]`)
	hostLabel   = regexp.MustCompile(`^(?:[\pL\pN]|[\pL\pN_][\pL\pN_-]*[\pL\pN])$`)
)

// splitPort cuts a port off a host pattern: name:22, 1.2.3.4:22, [v6]:22 or
// [name]:22. Where that leaves no valid name the whole pattern is the name; port
// is -1 where there is none.
func splitPort(pattern string) (name string, port int) {
	for _, form := range []*regexp.Regexp{bracketPort, namePort} {
		m := form.FindStringSubmatch(pattern)
		if m == nil || !validAddress(m[1]) {
			continue
		}
		if n, err := strconv.Atoi(m[2]); err == nil {
			return m[1], n
		}
	}
	return pattern, -1
}

// validAddress says whether the text is an address or a host name; ranges count
// as one character.
func validAddress(s string) bool {
	s = rangePart.ReplaceAllString(s, "0")
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Zone() == ""
	}
	for _, label := range strings.Split(s, ".") {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	return true
}

// expandName writes out the ranges [first:last] and [first:last:step] of a name;
// the first range varies slowest.
func expandName(name string) ([]string, error) {
	open := strings.IndexByte(name, '[')
	if open < 0 {
		return []string{name}, nil
	}
	end := strings.IndexByte(name, ']')
	if end < open {
		return nil, fmt.Errorf("the range in %q has no end", name)
	}
	parts, err := rangeParts(name[open+1 : end])
	if err != nil {
		return nil, err
	}
	rests, err := expandName(name[end+1:])
	if err != nil {
		return nil, err
	}
	if len(parts)*len(rests) > maxRange {
		return nil, fmt.Errorf("the range stands for more than %d hosts", maxRange)
	}
	names := make([]string, 0, len(parts)*len(rests))
	for _, p := range parts {
		for _, r := range rests {
			names = append(names, name[:open]+p+r)
		}
	}
	return names, nil
}

// letters is the order of letters in a range.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// rangeParts writes out what stands between the brackets. A number range that
// runs backwards is empty, as it is in Ansible.
func rangeParts(text string) ([]string, error) {
	f := strings.Split(text, ":")
	if len(f) != 2 && len(f) != 3 {
		return nil, fmt.Errorf("a host range is [first:last] or [first:last:step], not [%s]", text)
	}
	first, last, step := f[0], f[1], 1
	if len(f) == 3 {
		n, err := strconv.Atoi(f[2])
		if err != nil || n == 0 {
			return nil, fmt.Errorf("the step of host range [%s] is no number above 0", text)
		}
		step = n
	}
	if first == "" {
		first = "0"
	}
	if last == "" {
		return nil, fmt.Errorf("host range [%s] has no end", text)
	}
	width := 0
	if len(first) > 1 && first[0] == '0' {
		if width = len(first); width != len(last) {
			return nil, fmt.Errorf("both ends of host range [%s] must have the same number of digits", text)
		}
	}
	if a, b := letterIndex(first), letterIndex(last); a >= 0 && b >= 0 {
		if a > b {
			return nil, fmt.Errorf("host range [%s] is reversed", text)
		}
		var parts []string
		for i := a; i <= b && step > 0; i += step {
			parts = append(parts, letters[i:i+1])
		}
		return parts, nil
	}
	a, errA := rangeNumber(first)
	b, errB := rangeNumber(last)
	if errA != nil || errB != nil {
		return nil, fmt.Errorf("the ends of host range [%s] are neither numbers nor single letters", text)
	}
	// Ansible counts to last+1, that one excluded; a negative step inherits it.
	b++
	var parts []string
	for i := a; step > 0 && i < b || step < 0 && i > b; i += step {
		if len(parts) == maxRange {
			return nil, fmt.Errorf("host range [%s] stands for more than %d hosts", text, maxRange)
		}
		parts = append(parts, fmt.Sprintf("%0*d", width, i))
	}
	return parts, nil
}

func letterIndex(s string) int {
	if len(s) != 1 {
		return -1
	}
	return strings.Index(letters, s)
}

var errNumber = errors.New("no number")

// rangeNumber reads a number as Python does: a sign and underscores are fine.
func rangeNumber(s string) (int, error) {
	if len(s) > 15 || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return 0, errNumber
	}
	return strconv.Atoi(strings.ReplaceAll(s, "_", ""))
}
