package main

import (
	"fmt"
	"sort"
)

// usage is a mistake in the command line, found before anything was done.
type usage struct{ text string }

func (u usage) Error() string { return u.text }

func usagef(format string, args ...any) error {
	return usage{fmt.Sprintf(format, args...) + " (see farmwall help)"}
}

// meant suggests the known word that is nearest to a wrong one, or nothing.
func meant(wrong string, known []string) string {
	best, least := "", 3
	sort.Strings(known)
	for _, word := range known {
		if d := distance(wrong, word); d < least && d < len(word) {
			best, least = word, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// distance is the number of letters to insert, delete, replace or swap with
// their neighbours.
func distance(a, b string) int {
	var before, last []int // rows of the table for the letters of a
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
