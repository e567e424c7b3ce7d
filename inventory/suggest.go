package inventory

// suggest is the hint `did you mean "x"?` for a word that is close to one of the
// known ones, else empty.
func suggest(word string, known ...string) string {
	if s := closest(word, known); s != "" {
		return `did you mean "` + s + `"?`
	}
	return ""
}

// closest is the known word with the smallest edit distance, at most a third of
// the word's length (but 2 for short words), of several the one that begins alike;
// empty where none is that close.
func closest(word string, known []string) string {
	if len(word) > 100 {
		return ""
	}
	best, distance, alike := "", max(2, len(word)/3)+1, 0
	for _, k := range known {
		d, prefix := editDistance(word, k), commonPrefix(word, k)
		if d == 0 || d >= len(k) || d > distance || d == distance && (best == "" || prefix <= alike) {
			continue
		}
		best, distance, alike = k, d, prefix
	}
	return best
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours.
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	row := make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}

// suggestOr falls back to another hint.
func suggestOr(other, word string, known ...string) string {
	if s := suggest(word, known...); s != "" {
		return s
	}
	return other
}
