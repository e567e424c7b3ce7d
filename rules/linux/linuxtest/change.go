//go:build linux

package linuxtest

import (
	"time"

	"farmwall/rules"
)

// Frame runs a script of the frame and reads its answer.
func (h *Host) Frame(s rules.Script) *rules.Report {
	h.T.Helper()
	out, err := h.Run(s)
	if err != nil {
		h.T.Fatal(err)
	}
	r, err := h.System.Answer(out)
	if err != nil {
		h.T.Fatal(err)
	}
	return r
}

// State observes the host.
func (h *Host) State() *rules.State {
	h.T.Helper()
	out, err := h.Run(h.System.Observe())
	if err != nil {
		h.T.Fatal(err)
	}
	s, err := h.System.Decode(out)
	if err != nil {
		h.T.Fatal(err)
	}
	return s
}

// copies are the target and the undo of a change that the dialect must not refuse.
func (h *Host) copies(s *rules.State, want rules.Set) (target, undo rules.Copy) {
	h.T.Helper()
	if err := h.System.Check(s, want); err != nil {
		h.T.Fatal(err)
	}
	target, err := h.System.Target(s, want)
	if err != nil {
		h.T.Fatal(err)
	}
	undo, err = h.System.Undo(s)
	if err != nil {
		h.T.Fatal(err)
	}
	return target, undo
}

// Request makes the change of a host from the state that was seen to the wanted set.
func (h *Host) Request(s *rules.State, want rules.Set, window time.Duration) rules.ChangeRequest {
	h.T.Helper()
	target, undo := h.copies(s, want)
	return rules.ChangeRequest{
		Run: "run-1", Controller: "admin@controller", Lease: s.Lease.Number,
		Ours: s.Ours, Rest: s.Rest, Window: window, Target: target, Undo: undo, Digest: want.Digest(),
	}
}

// Apply changes the host and stops before the confirm.
func (h *Host) Apply(want rules.Set) *rules.Report {
	h.T.Helper()
	r := h.Frame(h.System.Change(h.Request(h.State(), want, time.Minute)))
	if r.Result != rules.Applied {
		h.T.Fatalf("change: %+v", r)
	}
	return r
}

// Confirm confirms the change of a lease.
func (h *Host) Confirm(lease uint64) *rules.Report {
	h.T.Helper()
	return h.Frame(h.System.Confirm(rules.ConfirmRequest{
		Run: "run-1", Controller: "admin@controller", Lease: lease, Time: time.Unix(1700000000, 0),
	}))
}

// Revert asks for the undo of the change of a lease.
func (h *Host) Revert(lease uint64) *rules.Report {
	h.T.Helper()
	return h.Frame(h.System.Revert(rules.RevertRequest{Run: "run-1", Lease: lease}))
}

// Confirmed applies and confirms.
func (h *Host) Confirmed(want rules.Set) {
	h.T.Helper()
	if r := h.Confirm(h.Apply(want).Lease); r.Result != rules.Confirmed || r.Unsaved != "" {
		h.T.Fatalf("confirm: %+v", r)
	}
}

// NothingToDo fails unless the host holds the wanted set exactly.
func (h *Host) NothingToDo(want rules.Set) {
	h.T.Helper()
	if d := h.System.Diff(h.State(), want); len(d) > 0 {
		h.T.Errorf("there are still differences: %s\n%s", Show(d), h.Ruleset())
	}
}
