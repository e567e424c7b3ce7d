package main

import (
	"fmt"
	"io"
	"strings"

	"farmwall/tasks"
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

// runEndWords says what became of a run that was broken off.
func runEndWords(e *tasks.RunEnd) string {
	s := "run " + plain(e.Run) + " (" + plain(e.Verb)
	if e.OnFail != "" {
		s += ", --on-fail " + plain(string(e.OnFail))
	}
	s += "): "
	switch e.End {
	case tasks.StillGoing:
		return s + "going on in another process on this machine; left alone"
	case tasks.Whole:
		s += "it had come to its end"
	case tasks.Kept:
		s += "kept as it is"
	case tasks.TakenBack:
		s += "taken back"
	case tasks.InDoubt:
		s += "not at its end yet"
	}
	for _, part := range []struct {
		text  string
		hosts []string
	}{{"have its change", e.Changed}, {"do not have it any more", e.Back}, {"were never started", e.NotStarted}, {"are in doubt", e.Doubtful}} {
		if len(part.hosts) > 0 {
			s += fmt.Sprintf("; %d %s: %s", len(part.hosts), part.text, someNames(part.hosts))
		}
	}
	if len(e.Changed) > 0 && (e.End == tasks.Kept || e.End == tasks.Whole) {
		s += "; `farmwall rollback " + plain(e.Run) + "` takes them back"
	}
	return s
}
