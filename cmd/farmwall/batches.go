package main

import (
	"fmt"
	"io"
	"strings"
)

// shownBatches is how many batches a plan shows without -v.
const shownBatches = 12

// showBatches says which hosts are changed together, where that is more than one
// batch.
func (d detail) showBatches(w io.Writer, batches [][]string) {
	if len(batches) < 2 {
		return
	}
	for i, hosts := range batches {
		if i == shownBatches && !d.all {
			fmt.Fprintf(w, "%s\n", d.colours.faint(fmt.Sprintf("and %s more; -v shows them", batchCount(len(batches)-i))))
			break
		}
		list := someNames(hosts)
		if d.all {
			list = plain(strings.Join(hosts, ", "))
		}
		fmt.Fprintf(w, "batch %d of %d, %s: %s\n", i+1, len(batches), count(len(hosts), "host"), list)
	}
	fmt.Fprintln(w)
}

func batchCount(n int) string {
	if n == 1 {
		return "1 batch"
	}
	return fmt.Sprintf("%d batches", n)
}
