package main

import (
	"context"
	"errors"

	"farmwall/inventory"
	"farmwall/tasks"
)

// The exit codes. Their meanings are in exits; README shows the same table.
const (
	exitOK          = 0
	exitNotStarted  = 1
	exitDiffers     = 2
	exitFailed      = 3
	exitUnreachable = 4
	exitDoubtful    = 5
	exitStale       = 6
	exitLease       = 7
	exitNotOpen     = 8
	exitNoHost      = 9
	exitInterrupted = 130
)

// meaning is an exit code in words.
type meaning struct {
	Code int
	Text string
}

// exits is the table of README and of "farmwall help exits".
func exits() []meaning {
	return []meaning{
		{exitOK, "nothing to do, or all applied, verified and confirmed; `drift --fix` that left all right"},
		{exitNotStarted, "could not start (usage, files, secrets) and no host was contacted; or the question was answered with no"},
		{exitDiffers, "differences exist (`drift`; `plan` and `drift --fix` with `--detailed-exitcode`), or `--max-fix` kept `drift --fix` from putting them right"},
		{exitFailed, "hosts failed or were refused, and each of them is proven back in its old state"},
		{exitUnreachable, "hosts unreachable; nothing changed on them"},
		{exitDoubtful, "a person must look: the state of a host is unknown, or a switch is still pending"},
		{exitStale, "the plan is stale, was applied before, or is not this farm's"},
		{exitLease, "another controller holds the lease of a host"},
		{exitNotOpen, "the rules are in place, but a wanted flow is not really open (or, under `farmwall_exposure: restrict` or seen by a probe, one is not really closed)"},
		{exitNoHost, "no host matched"},
		{exitInterrupted, "interrupted, every host in a proven state"},
	}
}

// precedence is which code wins where several hold, the strongest first.
func precedence() []int {
	return []int{exitDoubtful, exitInterrupted, exitNotOpen, exitFailed, exitUnreachable, exitStale, exitLease, exitDiffers}
}

// exitOf decides the exit code of a verb. With detailed, differences count for
// plan, and for drift --fix even where they were put right.
func exitOf(s *tasks.Summary, detailed bool) int {
	held := map[int]bool{exitInterrupted: s.Interrupted, exitDiffers: s.OverBudget != nil}
	for _, o := range s.Outcomes {
		held[exitOfStatus(s.Verb, o.Status, detailed)] = true
	}
	for _, code := range precedence() {
		if held[code] {
			return code
		}
	}
	return exitOK
}

func exitOfStatus(verb string, status tasks.Status, detailed bool) int {
	switch status {
	case tasks.Doubtful:
		return exitDoubtful
	case tasks.NotOpen:
		if verb == "plan" { // plan warns only: nothing has been tried
			return exitOK
		}
		return exitNotOpen
	case tasks.Failed, tasks.Restored, tasks.Refused:
		return exitFailed
	case tasks.Unreachable:
		return exitUnreachable
	case tasks.Stale:
		return exitStale
	case tasks.LeaseTaken:
		return exitLease
	case tasks.Foreign:
		return exitDiffers
	case tasks.Differs:
		if verb != "plan" || detailed {
			return exitDiffers
		}
	case tasks.PendingOnly:
		if verb == "plan" && detailed {
			return exitDiffers
		}
	case tasks.Changed:
		if verb == "drift" && detailed {
			return exitDiffers
		}
	}
	return exitOK
}

// exitOfError decides the exit code of a verb that ended before its first host.
func exitOfError(err error) int {
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, inventory.ErrNoHost):
		return exitNoHost
	case errors.Is(err, tasks.ErrAppliedBefore):
		return exitStale
	}
	return exitNotStarted
}
