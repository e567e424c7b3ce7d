package windows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// The scheduled tasks of farmwall's.
const (
	switchTask = "farmwall-switch"
	bootTask   = "farmwall-boot"
)

// errEnded is why a change's writes stop when an undo takes the lock from it.
var errEnded = errors.New("ended by the undo")

// modelStage is what a change has staged: what the undo and the confirm need.
type modelStage struct {
	lease  uint64
	digest string
	before string // the fingerprint of ours
	texts  []string
	old    []modelOld
	off    []modelOld
	record modelRecord // from step 8 on
}

// modelOld is a rule of ours from before a change.
type modelOld struct {
	id, text string
	enabled  bool
}

// enter says why no change can be made at all; empty where one can.
func (r *modelRun) enter() string {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	switch {
	case !r.who.admin:
		return "only an administrator can change the firewall; over WinRM a local one needs LocalAccountTokenFilterPolicy"
	case r.h.services["Schedule"] != "Running":
		return "the Task Scheduler (service Schedule) does not run, and without it nothing would take a change back; start it"
	case r.h.faults.FolderOwner != "":
		return r.h.folderProblem()
	case r.h.denies(r.who, "file"):
		return `access to C:\Program Files\farmwall is denied`
	}
	return ""
}

// take takes the lock and waits so long at most.
func (m *modelState) take(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-m.lock:
		return true
	case <-t.C:
		return false
	case <-ctx.Done():
		return false
	}
}

func (m *modelState) free() {
	m.mu.Lock()
	m.holder = nil
	m.mu.Unlock()
	m.lock <- struct{}{}
}

func (h *Host) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.uptime().Milliseconds()
}

func (h *Host) bootID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boot
}

// taken answers that somebody else's change stands in the way.
func (r *modelRun) taken(message string) error {
	now, boot := r.h.now(), r.h.bootID()
	r.m.mu.Lock()
	a := modelReport{Result: "taken", Lease: r.m.lease.number, Holder: r.m.lease.holder(), LeftMS: r.m.token.left(boot, now), Message: message}
	r.m.mu.Unlock()
	return r.answer(a)
}

// change is steps 3 to 6 of farmwall's protocol.
func (r *modelRun) change(ctx context.Context) error {
	q, err := r.request("run", "controller", "ours", "rest", "window", "copies", "digest")
	if err != nil {
		return err
	}
	lease := q.Lease
	refuse := func(why string) error {
		return r.answer(modelReport{Result: "refused", Lease: lease, Message: why})
	}
	if why := cmp.Or(r.enter(), r.stopped()); why != "" {
		return refuse(why)
	}
	if !r.m.take(ctx, 10*time.Second) {
		return r.taken("another script holds the lock")
	}
	defer r.m.free()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.who.life = ctx
	r.m.mu.Lock()
	r.m.holder = end
	r.m.mu.Unlock()
	if r.h.Faults().FullDisk {
		return refuse(`cannot write to C:\Program Files\farmwall; is the disk full?`)
	}
	if err := r.settle(ctx); err != nil {
		return refuse(err.Error())
	}

	// step 3
	r.m.mu.Lock()
	state, number := r.m.token.state, r.m.lease.number
	r.m.mu.Unlock()
	if state != "" && state != "done" {
		return r.taken("a change is " + state)
	}
	if number != q.Lease {
		return r.taken(fmt.Sprintf("the lease has the number %d, and %d was seen", number, q.Lease))
	}
	lease++
	now, boot := r.h.now(), r.h.bootID()
	r.m.mu.Lock()
	r.m.lease = modelLease{number: lease, run: q.Run, controller: q.Controller, boot: boot, taken: now}
	r.m.token, r.m.staged = modelToken{}, nil
	r.m.mu.Unlock()

	// step 4
	r.h.mu.Lock()
	ours, rest := r.h.fingerprints()
	stage := &modelStage{lease: lease, digest: q.Digest, before: ours, old: owned(&r.h.local)}
	r.h.mu.Unlock()
	switch {
	case ours != q.Ours:
		return r.answer(modelReport{Result: "stale-ours", Lease: lease})
	case rest != q.Rest:
		return r.answer(modelReport{Result: "stale-rest", Lease: lease})
	}
	for _, o := range stage.old {
		stage.texts = append(stage.texts, o.text)
	}
	added, err := r.plan(q, stage)
	if err != nil {
		return refuse(err.Error())
	}

	// step 5
	if err := r.arm(q, stage, boot); err != nil {
		return refuse("the switch could not be started: " + err.Error())
	}

	// step 6
	left := func() int64 {
		now := r.h.now()
		r.m.mu.Lock()
		defer r.m.mu.Unlock()
		return r.m.token.left(boot, now)
	}
	if left() < q.WindowMS/2 {
		r.m.askUndo(lease)
		return r.answer(modelReport{Result: "too-late", Lease: lease, LeftMS: left(), Message: "more than half of the window had gone before the rules could be written"})
	}
	if err := r.load(stage, added); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.m.askUndo(lease)
		return r.answer(modelReport{Result: "failed", Lease: lease, LeftMS: left(), Message: err.Error()})
	}
	r.h.mu.Lock()
	ours, _ = r.h.fingerprints()
	r.h.mu.Unlock()
	return r.answer(modelReport{Result: "applied", Lease: lease, Ours: ours, LeftMS: left()})
}

func (r *modelRun) stopped() string {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	for _, name := range []string{"BFE", "MpsSvc"} {
		if r.h.services[name] == "Stopped" {
			return fmt.Sprintf("the firewall's service %s is stopped; start it", name)
		}
	}
	return ""
}

// arm makes the token and starts the switch.
func (r *modelRun) arm(q *modelRequest, stage *modelStage, boot string) error {
	for _, name := range []string{bootTask, switchTask} {
		t := task{Name: name, Program: "powershell.exe", User: "SYSTEM", Enabled: true, virtual: true}
		if err := r.h.registerTask(t, taskCreate|taskUpdate, r.who.admin); err != nil {
			return err
		}
	}
	if r.h.Faults().BrokenTasks {
		r.h.dropTasks()
		return errors.New("the switch did not become ready")
	}
	wait, now := make(chan struct{}), r.h.now()
	r.m.mu.Lock()
	r.m.staged, r.m.wait = stage, wait
	r.m.token = modelToken{state: "armed", lease: stage.lease, run: q.Run, boot: boot, deadline: now + q.WindowMS}
	r.m.mu.Unlock()
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if !r.h.on || r.who.life.Err() != nil {
		return ErrOff
	}
	r.h.switchOn(stage.lease, time.Duration(q.WindowMS)*time.Millisecond, wait)
	return nil
}
