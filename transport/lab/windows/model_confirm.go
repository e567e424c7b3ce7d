package windows

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// finishConfirm is step 10: what went off goes, the record says what is there.
func (r *modelRun) finishConfirm() error {
	r.m.mu.Lock()
	stage := r.m.staged
	r.m.mu.Unlock()
	for _, o := range stage.off {
		r.h.mu.Lock()
		gone := r.h.local.index(o.id) < 0
		r.h.mu.Unlock()
		if gone {
			continue
		}
		if err := r.erase(o); err != nil {
			return err
		}
	}
	r.m.mu.Lock()
	r.m.record = stage.record
	r.m.mu.Unlock()
	return r.close("confirmed")
}

// confirm is steps 8 to 10.
func (r *modelRun) confirm(ctx context.Context) error {
	q, err := r.request("run", "controller", "time")
	if err != nil {
		return err
	}
	if why := r.enter(); why != "" {
		return r.answer(modelReport{Result: "refused", Lease: q.Lease, Message: why})
	}
	now, boot := r.h.now(), r.h.bootID()
	r.m.mu.Lock()
	token, stage := r.m.token, r.m.staged
	number, holder := r.m.lease.number, r.m.lease.holder()
	a := modelReport{Lease: q.Lease, LeftMS: token.left(boot, now)}
	r.m.mu.Unlock()
	late := func(why string) error {
		a.Result, a.Message = "too-late", why
		return r.answer(a)
	}
	switch {
	case token.lease != q.Lease || token.state == "":
		a.Lease, a.Holder, a.LeftMS = number, holder, 0
		return late(fmt.Sprintf("no change %d is armed here: it was undone, or never made", q.Lease))
	case token.run != q.Run:
		a.Result, a.Message = "refused", fmt.Sprintf("change %d is of run %s", q.Lease, token.run)
		return r.answer(a)
	case token.state == "undoing" || token.state == "done" && token.end == "undone":
		return late("the change was undone")
	case token.state == "armed" && a.LeftMS == 0:
		return late("the window has gone")
	case token.state == "armed":
		if r.h.Faults().FullDisk {
			a.Result, a.Message = "refused", `cannot write to C:\Program Files\farmwall; is the disk full?`
			return r.answer(a)
		}
		stage.record = modelRecord{Run: q.Run, Controller: q.Controller, Digest: stage.digest, Time: q.Time}
		if !r.m.move(q.Lease, "armed", "confirming") {
			return late("the switch was faster")
		}
	}
	if !r.m.take(ctx, 30*time.Second) {
		a.Result, a.Message = "pending", "another script holds the lock"
		return r.answer(a)
	}
	defer r.m.free()
	r.who.life = ctx
	if err := r.settle(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.Result, a.Message = "pending", "the change is confirmed and has to be finished: "+err.Error()
		return r.answer(a)
	}
	return r.ended(a, "confirmed", "too-late")
}

// ended answers what became of a change that is over.
func (r *modelRun) ended(a modelReport, same, other string) error {
	r.h.mu.Lock()
	a.Ours, _ = r.h.fingerprints()
	r.h.mu.Unlock()
	r.m.mu.Lock()
	end := r.m.token.end
	r.m.mu.Unlock()
	a.LeftMS, a.Holder, a.Result = 0, "", same
	if end != same {
		a.Result, a.Message, a.Ours = other, "the change was "+end, ""
	}
	return r.answer(a)
}

// revert has the switch undo now and waits for it.
func (r *modelRun) revert(ctx context.Context) error {
	q, err := r.request("run")
	if err != nil {
		return err
	}
	if why := r.enter(); why != "" {
		return r.answer(modelReport{Result: "refused", Lease: q.Lease, Message: why})
	}
	r.m.mu.Lock()
	token, number, holder := r.m.token, r.m.lease.number, r.m.lease.holder()
	r.m.mu.Unlock()
	if token.lease != q.Lease || token.state == "" {
		if token.state == "" {
			return r.answer(modelReport{Result: "pending", Lease: number, Holder: holder, Message: "the host knows of no change"})
		}
		return r.answer(modelReport{Result: "taken", Lease: number, Holder: holder, Message: fmt.Sprintf("the last change here has the number %d", token.lease)})
	}
	r.m.askUndo(q.Lease)
	begun := time.Now()
	for time.Since(begun) < 20*time.Second && ctx.Err() == nil {
		r.m.mu.Lock()
		token = r.m.token
		r.m.mu.Unlock()
		// One that is confirming is finished by its confirm, if that still lives.
		if token.state == "done" || token.lease != q.Lease || token.state == "confirming" && time.Since(begun) > 2*time.Second {
			break
		}
		sleep(ctx, 5*time.Millisecond)
	}
	a := modelReport{Lease: q.Lease}
	if token.state != "done" {
		a.Result, a.Message = "pending", "the change is still "+token.state
		return r.answer(a)
	}
	if token.end == "undone" && !r.asBefore() {
		a.Result, a.Message = "pending", "the undo was loaded, and what is ours is not as it was before"
		return r.answer(a)
	}
	return r.ended(a, "undone", "too-late")
}

// recover finishes what is unfinished and says what there is.
func (r *modelRun) recover(ctx context.Context) error {
	if _, err := r.request(); err != nil {
		return err
	}
	if why := r.enter(); why != "" {
		return r.answer(modelReport{Result: "refused", Message: why})
	}
	if !r.m.take(ctx, 5*time.Second) {
		return r.answer(modelReport{Result: "pending", Message: "another script holds the lock"})
	}
	defer r.m.free()
	r.who.life = ctx
	r.m.mu.Lock()
	earlier := r.m.token.state
	r.m.mu.Unlock()
	failed := r.settle(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now, boot := r.h.now(), r.h.bootID()
	r.m.mu.Lock()
	token := r.m.token
	a := modelReport{Lease: r.m.lease.number, Holder: r.m.lease.holder(), LeftMS: token.left(boot, now)}
	r.m.mu.Unlock()
	switch {
	case token.state != "" && token.state != "done":
		a.Result, a.Message = "pending", "the change is "+token.state
		if failed != nil {
			a.Message += ": " + failed.Error()
		}
	case earlier == token.state:
		a.Result = "idle"
	default:
		a.Result = cmp.Or(token.end, "idle")
	}
	return r.answer(a)
}
