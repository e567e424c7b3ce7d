package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first Ctrl-C or SIGTERM cancels: no new
// host is started, and those in the middle of a change are finished or restored.
// The second one ends farmwall at once; the hosts' own switches then undo.
func (p *program) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-done:
			return
		}
		fmt.Fprintln(p.stderr, "\nStopping: no new host is started, hosts in the middle of a change are finished or restored. Press Ctrl-C again to leave them to their switches.")
		cancel()
		select {
		case <-signals:
			fmt.Fprintln(p.stderr, "\nStopped at once. Hosts with an armed switch undo their change by themselves; run \"farmwall recover\" to see what became of them.")
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
