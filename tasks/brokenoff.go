package tasks

import "slices"

// Ending is what became of a run that was broken off.
type Ending string

// The endings.
const (
	StillGoing Ending = "going"      // a process on this machine is busy with it; left alone
	Whole      Ending = "whole"      // it had come to its end on every host
	Kept       Ending = "kept"       // hosts that have its change keep it, others were never started
	TakenBack  Ending = "taken-back" // what was to be taken back is
	InDoubt    Ending = "in-doubt"   // hosts are left that could not be read or taken back
)

// RunEnd says what became of a run that was broken off, and of its hosts.
type RunEnd struct {
	Run    string `json:"run"`
	Verb   string `json:"verb"`
	OnFail OnFail `json:"on_fail,omitempty"`
	End    Ending `json:"end"`
	// Changed are the hosts that keep the run's change, Back those that do not have it
	// any more, NotStarted those that it never began, Doubtful the others.
	Changed    []string `json:"changed,omitempty"`
	Back       []string `json:"back,omitempty"`
	NotStarted []string `json:"not_started,omitempty"`
	Doubtful   []string `json:"doubtful,omitempty"`
}

// brokenOff is a run that came to no end, host by host.
type brokenOff struct {
	*OpenRun
	hosts map[string]*taken // by name
}

func newBrokenOff(o *OpenRun) *brokenOff {
	b := &brokenOff{OpenRun: o, hosts: map[string]*taken{}}
	for _, t := range tookPart(&o.RunRecord) {
		b.hosts[t.first.Host] = t
	}
	return b
}

// has says whether the run changed the host, as far as the journal knows.
func (b *brokenOff) has(host string) bool {
	t := b.hosts[host]
	return t != nil && t.changed && t.last.Status == Changed
}

// whole says whether the hosts that the run did not change are not more than it
// allowed to fail.
func (b *brokenOff) whole() bool {
	missing := 0
	for _, host := range slices.Concat(b.Batches...) {
		if !b.has(host) {
			missing++
		}
	}
	return missing <= b.MaxFail
}

// unjudged says whether all of the run was done, but nobody knows any more whether it
// passed the gate.
func (b *brokenOff) unjudged(opt RecoverOptions) bool {
	return !opt.Keep && !opt.Back && b.Ended.IsZero() && len(b.Takes) == 0 && b.whole() && (b.OnFail == FailRun || b.OnFail == FailBatch)
}

// toTakeBack are the hosts of the run that are to be taken back, batch by batch,
// the newest first. Where a way back was begun it is the one to finish.
func (b *brokenOff) toTakeBack(opt RecoverOptions) [][]string {
	var batches [][]string // the oldest first
	begun := len(b.Takes) > 0
	switch {
	case opt.Keep, begun && b.takenBack(), !begun && !opt.Back && b.whole():
		return nil
	case opt.Back || b.OnFail == FailRun:
		batches = b.Batches
	case b.OnFail == FailBatch || begun:
		for _, t := range b.Takes {
			batches = append(batches, t.Batches...)
		}
		slices.Reverse(batches) // a way back begins with the newest
		if b.OnFail == FailBatch {
			batches = append(batches, b.newestBatch()...)
		}
	}
	var back [][]string
	told := map[string]bool{}
	for _, batch := range slices.Backward(batches) {
		var hosts []string
		for _, host := range slices.Backward(batch) {
			if t := b.hosts[host]; t != nil && t.changed && !told[host] {
				told[host] = true
				hosts = append(hosts, host)
			}
		}
		if len(hosts) > 0 {
			back = append(back, hosts)
		}
	}
	return back
}

// newestBatch is the newest batch that was begun, unless all of it was changed.
func (b *brokenOff) newestBatch() [][]string {
	batch := b.lastBatch()
	if slices.ContainsFunc(batch, func(h string) bool { return !b.has(h) }) {
		return [][]string{batch}
	}
	return nil
}

func (b *brokenOff) lastBatch() []string {
	for _, batch := range slices.Backward(b.Batches) {
		if slices.ContainsFunc(batch, func(h string) bool { return b.hosts[h] != nil }) {
			return batch
		}
	}
	return nil
}
