package windows

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// switchOn waits for the end of the window, or until it is asked to undo now; h.mu is
// held. It is SYSTEM's, and ends with the power.
func (h *Host) switchOn(lease uint64, window time.Duration, now <-chan struct{}) {
	power := h.power
	h.background.Go(func() {
		t := time.NewTimer(window)
		defer t.Stop()
		select {
		case <-t.C:
		case <-now:
		case <-power.Done():
			return
		}
		if _, err := h.awake(power); err == nil {
			r := &modelRun{h: h, m: h.model, who: caller{admin: true, system: true, life: power}}
			r.undoNow(power, lease)
		}
	})
}

// askUndo asks the switch of that change to undo at once.
func (m *modelState) askUndo(lease uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wait != nil && m.token.lease == lease {
		close(m.wait)
		m.wait = nil
	}
}

// move renames the token of that change; false where another one was faster.
func (m *modelState) move(lease uint64, from, to string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token.lease != lease || m.token.state != from {
		return false
	}
	m.token.state = to
	return true
}

// undoNow renames first and takes the lock second.
func (r *modelRun) undoNow(ctx context.Context, lease uint64) {
	if !r.m.move(lease, "armed", "undoing") {
		return
	}
	if !r.m.take(ctx, time.Second) {
		r.m.mu.Lock()
		if r.m.holder != nil {
			r.m.holder(errEnded)
		}
		r.m.mu.Unlock()
		if !r.m.take(ctx, time.Minute) {
			return
		}
	}
	defer r.m.free()
	r.finishUndo(ctx, 10*time.Minute)
}

// boot is the boot task: what was armed before is undone, what was confirmed is finished.
func (m *modelState) boot(h *Host) {
	m.start()
	power, boot := h.power, h.boot
	if h.tasks[bootTask] == nil || h.services["Schedule"] != "Running" || h.faults.BrokenTasks {
		return
	}
	h.background.Go(func() {
		r := &modelRun{h: h, m: m, who: caller{admin: true, system: true, life: power}}
		if !m.take(power, time.Minute) {
			return
		}
		defer m.free()
		m.mu.Lock()
		if m.token.state == "armed" && m.token.boot != boot {
			m.token.state = "undoing"
		}
		m.mu.Unlock()
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end) && power.Err() == nil; {
			if r.settle(power) == nil {
				return
			}
			sleep(power, 200*time.Millisecond)
		}
	})
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// settle finishes, with the lock held, what a token found confirming or undoing began,
// and undoes what was armed before this boot.
func (r *modelRun) settle(ctx context.Context) error {
	boot := r.h.bootID()
	r.m.mu.Lock()
	if r.m.token.state == "armed" && r.m.token.boot != boot {
		r.m.token.state = "undoing"
	}
	state := r.m.token.state
	r.m.mu.Unlock()
	switch state {
	case "undoing":
		return r.finishUndo(ctx, 0)
	case "confirming":
		return r.finishConfirm()
	}
	return nil
}

// finishUndo enables the old rules and removes the new ones until that succeeds, so
// long at most.
func (r *modelRun) finishUndo(ctx context.Context, during time.Duration) error {
	r.m.mu.Lock()
	stage := r.m.staged
	r.m.mu.Unlock()
	for end := time.Now().Add(during); stage != nil; {
		err := r.undo(stage)
		if err == nil {
			break
		}
		if ctx.Err() != nil || !time.Now().Before(end) {
			return fmt.Errorf("change %d could not be undone: %w", stage.lease, err)
		}
		sleep(ctx, 200*time.Millisecond)
	}
	return r.close("undone")
}

func (r *modelRun) undo(stage *modelStage) error {
	before := map[string]modelOld{}
	for _, o := range stage.old {
		before[o.id] = o
	}
	r.h.mu.Lock()
	now := owned(&r.h.local)
	r.h.mu.Unlock()
	added := regexp.MustCompile(fmt.Sprintf(`:[0-9a-f]{8}:%d(:[0-9]+)?$`, stage.lease))
	for _, o := range now {
		old, known := before[o.id]
		if known && old.enabled != o.enabled {
			if err := r.h.set(&RuleObject{id: o.id}, "Enabled", old.enabled, r.who); err != nil {
				return err
			}
		}
		if !known && added.MatchString(nameOf(o.text)) {
			if err := r.erase(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// erase removes exactly that rule: renamed first, because twins share a name.
func (r *modelRun) erase(o modelOld) error {
	name := ourPrefix + " gone " + o.id
	if err := r.h.set(&RuleObject{id: o.id}, "Name", name, r.who); err != nil && !errors.Is(err, ENotFound) {
		return err
	}
	if err := r.h.remove(name, r.who); err != nil {
		return err
	}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if r.h.local.index(o.id) >= 0 {
		return fmt.Errorf("the firewall keeps a rule that was removed: %s", nameOf(o.text))
	}
	return nil
}

// close ends a change: tasks, then the token.
func (r *modelRun) close(end string) error {
	if r.who.life.Err() != nil {
		return context.Cause(r.who.life)
	}
	r.h.dropTasks()
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.m.token.state, r.m.token.end, r.m.wait = "done", end, nil
	return nil
}

func (h *Host) dropTasks() {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tasks, switchTask)
	delete(h.tasks, bootTask)
}

// asBefore says whether ours is as it was when the last change was staged.
func (r *modelRun) asBefore() bool {
	r.m.mu.Lock()
	stage := r.m.staged
	r.m.mu.Unlock()
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	var now []string
	for _, o := range owned(&r.h.local) {
		now = append(now, o.text)
	}
	return sameTexts(now, stage.texts)
}

// sortedFields is a rule's text without its version and the order of its fields.
func sortedFields(text string) string {
	f := strings.Split(text, "|")
	f[0] = ""
	slices.Sort(f)
	return strings.Join(f, "|")
}

func sameTexts(a, b []string) bool {
	normal := func(of []string) []string {
		var out []string
		for _, t := range of {
			out = append(out, sortedFields(t))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(normal(a), normal(b))
}
