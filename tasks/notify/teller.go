package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"farmwall/tasks"
)

// Patience is how long all receivers together may hold up the end of a cycle.
const Patience = 10 * time.Second

// Teller tells receivers what changed.
type Teller struct {
	Receivers  []Receiver
	Dir        string // where it is kept what was told
	Controller string
	Scope      string        // the pattern of --limit
	Patience   time.Duration // 0: the usual
	Now        func() time.Time
	// Sleep waits between two tries; nil means real time.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Told is what came of telling one receiver of one farm.
type Told struct {
	Receiver string
	Farm     string
	Event    Event
	Tries    int
	Err      error // without any secret
}

// letter is a message on its way.
type letter struct {
	receiver Receiver
	key      string
	message  *Message
	told     Told
}

// Tell tells every receiver what has changed for it since it was last told. Where a
// receiver does not hear, the next cycle tries again. The error is about what is kept
// between cycles.
func (t *Teller) Tell(ctx context.Context, reports []Report, s *tasks.Summary, exit int) ([]Told, error) {
	if len(reports) == 0 || len(t.Receivers) == 0 {
		return nil, nil
	}
	kept, err := recall(t.Dir)
	if err != nil {
		return nil, fmt.Errorf("notifications: %w", err)
	}
	now := t.Now()
	letters := t.write(kept, reports, s, exit, now)
	t.deliver(ctx, letters)
	var all []Told
	for _, l := range letters {
		if l.told.Err == nil {
			kept.tell(l.receiver.Name(), l.key, l.message.Condition, now)
		}
		all = append(all, l.told)
	}
	if err := kept.save(t.Dir); err != nil {
		return all, fmt.Errorf("notifications: %w", err)
	}
	return all, nil
}

// maxHosts is how many hosts a message lists.
const maxHosts = 50

func (t *Teller) write(kept *memory, reports []Report, s *tasks.Summary, exit int, now time.Time) []*letter {
	var letters []*letter
	for i := range reports {
		r := &reports[i]
		k := key(t.Scope, r.Farm)
		since := kept.see(k, r.Condition, now)
		for _, receiver := range t.Receivers {
			name := receiver.Name()
			if r.Farm != AllFarms && !receiver.Wants(r.Farm) {
				continue
			}
			event, before, due := kept.event(name, k, r.Condition, now)
			if !due {
				continue
			}
			m := &Message{Format: 1, Event: event, Farm: r.Farm, Scope: t.Scope, Condition: r.Condition, Before: before,
				Since: since.UTC(), Time: now.UTC(), Controller: t.Controller, Exit: exit, Counts: r.Counts, Hosts: r.Hosts,
				Delivery: deliveryID(name, k, event, r.Condition, since, kept.Told[name][k].Time)}
			if s != nil {
				m.Run, m.Chain = s.Run, s.Chain
			}
			m.Text = m.line(r)
			if len(m.Hosts) > maxHosts {
				m.Hosts, m.More = m.Hosts[:maxHosts], len(m.Hosts)-maxHosts
			}
			letters = append(letters, &letter{receiver: receiver, key: k, message: m, told: Told{Receiver: name, Farm: r.Farm, Event: event}})
		}
	}
	return letters
}

// deliver sends all letters, those of one receiver one after the other, until done
// or out of patience.
func (t *Teller) deliver(ctx context.Context, letters []*letter) {
	patience := t.Patience
	if patience == 0 {
		patience = Patience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	of := map[Receiver][]*letter{}
	for _, l := range letters {
		of[l.receiver] = append(of[l.receiver], l)
	}
	var all sync.WaitGroup
	for _, own := range of {
		all.Go(func() {
			for _, l := range own {
				l.told.Tries, l.told.Err = t.try(ctx, l)
			}
		})
	}
	all.Wait()
}

// try sends one letter, again and again with longer and longer breaks.
func (t *Teller) try(ctx context.Context, l *letter) (tries int, err error) {
	sleep := t.Sleep
	if sleep == nil {
		sleep = wait
	}
	for pause := time.Second; ; pause *= 2 {
		if ctx.Err() != nil && tries == 0 {
			return tries, errors.New("no time was left")
		}
		tries++
		err = l.receiver.Send(ctx, l.message)
		var final Final
		if err == nil || errors.As(err, &final) || ctx.Err() != nil {
			return tries, err
		}
		if sleep(ctx, pause) != nil {
			return tries, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
