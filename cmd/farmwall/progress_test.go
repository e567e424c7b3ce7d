package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"farmwall/tasks"
)

func done(host string, n int, o tasks.Outcome) tasks.Event {
	o.Host = host
	return tasks.Event{Kind: tasks.HostDone, Host: host, Done: n, Total: 2, Outcome: &o}
}

func TestProgressIsOneLineAHostWherePiped(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, colours{}, 0)
	p.event(tasks.Event{Kind: tasks.HostStarted, Host: "gw1", Total: 2})
	p.event(tasks.Event{Kind: tasks.HostStep, Host: "gw1", Step: "dial", Total: 2})
	p.event(done("gw1", 1, tasks.Outcome{Status: tasks.Changed, Elapsed: 1200 * time.Millisecond}))
	p.event(done("gw2", 2, tasks.Outcome{Status: tasks.Unreachable, Step: "dial", Error: "connection refused", Hint: "is sshd running?"}))
	p.stop()
	want := "changed: gw1 (1.2s)\nunreachable: gw2: dial: connection refused; is sshd running? (0.0s)\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestProgressIsOneLineInPlaceOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, colours{}, 0)
	p.live = true
	p.event(tasks.Event{Kind: tasks.HostStep, Host: "gw1", Step: "dial", Total: 2})
	p.event(done("gw1", 1, tasks.Outcome{Status: tasks.OK}))
	if text := out.String(); strings.Contains(text, "\n") || !strings.Contains(text, "[1/2] 0.0s, about 0.0s left  gw1") {
		t.Errorf("%q", text)
	}
	p.event(done("gw2", 2, tasks.Outcome{Status: tasks.Failed, Error: "no nft"}))
	if !strings.Contains(out.String(), "\r\x1b[Kfailed: gw2: no nft (0.0s)\n") {
		t.Errorf("a failure does not stay: %q", out.String())
	}
	p.event(tasks.Event{Kind: tasks.RunDone, Total: 2, Done: 2})
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("the line stays at the end: %q", out.String())
	}
}

func TestABatchThatBeginsKeepsTheCount(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, colours{}, 0)
	p.live = true
	p.event(done("gw1", 1, tasks.Outcome{Status: tasks.Changed}))
	p.event(tasks.Event{Kind: tasks.BatchStarted, Text: "batch 2: 1 host", Total: 2})
	if text := out.String(); !strings.Contains(text, "batch 2: 1 host\n[1/2]") {
		t.Errorf("%q", text)
	}
	p.event(tasks.Event{Kind: tasks.RunDone, Done: 2, Total: 2})
	p.event(tasks.Event{Kind: tasks.HostStarted, Host: "gw1", Total: 2})
	if text := out.String(); !strings.Contains(text[strings.LastIndex(text, "batch 2"):], "[0/2]") {
		t.Errorf("a new run keeps the old count: %q", text)
	}
	p.stop()
}

func TestASwitchThatIsStillPendingIsTold(t *testing.T) {
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	o := tasks.Outcome{Step: "redial", Error: "timed out", Until: &until}
	if got, want := outcomeProblem(&o), "redial: timed out; left to the switch until 03:04:05"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]error{"yes": nil, " Y ": nil, "no": errDeclined, "": errDeclined, "yesterday": errDeclined} {
		p := &program{stderr: &bytes.Buffer{}, typed: make(chan string)}
		answered := make(chan struct{})
		go func() { // what is typed before the question is passed over, so it types again
			for {
				select {
				case <-answered:
					return
				case p.typed <- answer:
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		if err := p.approve(context.Background(), "Sure?"); !errors.Is(err, want) {
			t.Errorf("%q: %v", answer, err)
		}
		close(answered)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	p := &program{stderr: &bytes.Buffer{}, typed: make(chan string)}
	if err := p.approve(ctx, "Sure?"); !errors.Is(err, context.Canceled) {
		t.Errorf("Ctrl-C while asking: %v", err)
	}
}

// What was typed before a question is no answer to it.
func TestEarlyWordsAreNoAnswer(t *testing.T) {
	p := &program{stderr: &bytes.Buffer{}, typed: make(chan string, 2)}
	p.typed <- "yes"
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	if err := p.approve(ctx, "Sure?"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestPortions(t *testing.T) {
	for text, want := range map[string]tasks.Portion{"1": {N: 1}, "25%": {N: 25, Percent: true}, "100%": {N: 100, Percent: true}} {
		if got, err := portion("--serial", text, 1); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "101%", "1.5", "%", "x"} {
		if got, err := portion("--serial", text, 1); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}
