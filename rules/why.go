package rules

import (
	"strconv"
	"strings"

	"farmwall/inventory"
)

// At is the first place in the inventory that a decider names, and whether one does: a
// decider that was set ends its setting with "(FILE:LINE)".
func (y *Why) At() (inventory.Position, bool) {
	for _, d := range y.Deciders {
		for rest := d; ; {
			_, inside, found := strings.Cut(rest, "(")
			if !found {
				break
			}
			rest = inside
			// A file's name may hold a parenthesis too, so the longest that fits counts.
			for end := strings.LastIndexByte(inside, ')'); end > 0; end = strings.LastIndexByte(inside[:end], ')') {
				colon := strings.LastIndexByte(inside[:end], ':')
				if colon <= 0 {
					continue
				}
				if line, err := strconv.Atoi(inside[colon+1 : end]); err == nil && line > 0 {
					return inventory.Position{File: inside[:colon], Line: line}, true
				}
			}
		}
	}
	return inventory.Position{}, false
}
