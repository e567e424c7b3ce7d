package ssh

import "strings"

// wildcard matches text against a pattern of OpenSSH: "*" is any run of
// characters and "?" exactly one. Both are lower case already.
func wildcard(pattern, text string) bool {
	// The last "*" seen and where its run ends; trying it longer is the only way back.
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchList says whether a list of patterns holds the text: one must match and
// none of the negated ones.
func matchList(patterns []string, text string) bool {
	text = strings.ToLower(text)
	found := false
	for _, p := range patterns {
		p = strings.ToLower(p)
		if bare, no := strings.CutPrefix(p, "!"); no {
			if wildcard(bare, text) {
				return false
			}
		} else if wildcard(p, text) {
			found = true
		}
	}
	return found
}
