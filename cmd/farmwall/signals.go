package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first Ctrl-C, SIGTERM or the loss of the
// terminal cancels: no new host is started, and those in the middle of a change are
// finished or restored. A second Ctrl-C or SIGTERM ends farmwall at once; the hosts'
// own switches then undo.
func (p *program) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	wanted := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		wanted = append(wanted, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, wanted...)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-done:
			return
		}
		fmt.Fprintln(p.stderr, "\nStopping: no new host is started, hosts in the middle of a change are finished or restored, and what --on-fail says is taken back. Press Ctrl-C again to leave them to their switches.")
		cancel()
		for {
			select {
			case again := <-signals:
				// A lost terminal is told more than once.
				if again == syscall.SIGHUP {
					continue
				}
				fmt.Fprintln(p.stderr, "\nStopped at once. Hosts with an armed switch undo their change by themselves; run \"farmwall recover\" to see what became of them.")
				os.Exit(p.exitAtOnce())
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// exitAtOnce is the exit code of a program that waits for nothing any more: while
// hosts are changed nobody knows their state.
func (p *program) exitAtOnce() int {
	if p.changing.Load() {
		return exitDoubtful
	}
	return exitInterrupted
}

// outlivePipes keeps farmwall alive where the reader of its output goes away
// ("farmwall apply | head"): a change must not be left in the middle because of that.
func outlivePipes() {
	// Not ignored, because the programs that farmwall starts would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// unshown says that a result could not be printed. What became of the hosts
// stands all the same, and so does the exit code.
type unshown struct{ error }

func (u unshown) Unwrap() error { return u.error }

// stands marks the error of printing a result.
func stands(err error) error {
	if err != nil {
		return unshown{err}
	}
	return nil
}
