package windows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// owned are farmwall's rules in a store.
func owned(s *store) []modelOld {
	var out []modelOld
	for _, e := range s.entries {
		if isOurs(e.Text) && !perUser(e.Text) {
			out = append(out, modelOld{e.ID, e.Text, valueOf(e.Text, "Active") == "TRUE"})
		}
	}
	return out
}

// plan tests undo and target before anything is armed and makes the new rules, detached.
func (r *modelRun) plan(q *modelRequest, stage *modelStage) ([]*RuleObject, error) {
	if q.Target.Refuse != "" {
		return nil, errors.New(q.Target.Refuse)
	}
	var sent []string
	for _, u := range q.Undo.Rules {
		sent = append(sent, sortedFields(u.Text))
	}
	if !sameTexts(sent, stage.texts) {
		return nil, errors.New("the undo that was sent is not what is here")
	}
	here, keep, off := map[string][]modelOld{}, count(q.Target.Keep), count(q.Target.Off)
	for _, o := range stage.old {
		here[nameOf(o.text)] = append(here[nameOf(o.text)], o)
		if q.Target.All {
			off[nameOf(o.text)]++
		}
	}
	for name, twins := range here {
		if keep[name]+off[name] != len(twins) {
			return nil, fmt.Errorf("there are %d rules called %s, and the plan speaks of %d", len(twins), name, keep[name]+off[name])
		}
		stage.off = append(stage.off, twins[keep[name]:]...)
	}
	for _, names := range []map[string]int{keep, off} {
		for name := range names {
			if here[name] == nil {
				return nil, fmt.Errorf("the rule %s is not here", name)
			}
		}
	}
	var added []*RuleObject
	for _, a := range q.Target.Add {
		rule, err := r.build(a, stage.lease)
		if err != nil {
			return nil, err
		}
		if here[*rule.last.name] != nil {
			return nil, fmt.Errorf("there is a rule called %s already", *rule.last.name)
		}
		added = append(added, rule)
	}
	return added, nil
}

func count(names []string) map[string]int {
	n := map[string]int{}
	for _, name := range names {
		n[name]++
	}
	return n
}

// again is the order in which the rest of a rule's properties is set.
var again = []string{"Grouping", "ApplicationName", "serviceName", "IcmpTypesAndCodes", "LocalAddresses", "Action", "Profiles", "InterfaceTypes", "EdgeTraversalOptions", "SecureFlags", "Enabled"}

func (r *modelRun) build(a modelAddition, lease uint64) (*RuleObject, error) {
	rule := r.h.NewRule()
	name := a.Mark + ":" + strconv.FormatUint(lease, 10)
	if a.Part > 0 {
		name += ":" + strconv.Itoa(a.Part)
	}
	if a.RemoteAddresses == "" {
		return nil, fmt.Errorf("%s has no remote addresses", name)
	}
	type assignment struct {
		property string
		value    any
	}
	all := []assignment{{"Name", name}, {"Grouping", "farmwall"}, {"Protocol", a.Protocol}, {"RemoteAddresses", a.RemoteAddresses}, {"Direction", a.Direction}, {"Enabled", true}}
	for _, t := range []assignment{{"Description", a.Description}, {"LocalPorts", a.LocalPorts}, {"RemotePorts", a.RemotePorts}} {
		if t.value != "" {
			all = append(all, t)
		}
	}
	for _, p := range again {
		if v, ok := a.Again[p]; ok {
			all = append(all, assignment{p, value(v)})
		}
	}
	for _, s := range all {
		if err := r.h.set(rule, s.property, s.value, r.who); err != nil {
			return nil, fmt.Errorf("%s: %s cannot be %q: %w", name, s.property, fmt.Sprint(s.value), err)
		}
	}
	return rule, nil
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

// load writes: what blocks goes first and comes last.
func (r *modelRun) load(stage *modelStage, added []*RuleObject) error {
	blocks := func(o modelOld) bool { return valueOf(o.text, "Action") == "Block" }
	disable := func(block bool) error {
		for _, o := range stage.off {
			if blocks(o) == block && o.enabled {
				if err := r.h.set(&RuleObject{id: o.id}, "Enabled", false, r.who); err != nil {
					return fmt.Errorf("%s was not disabled: %w", nameOf(o.text), err)
				}
			}
		}
		return nil
	}
	add := func(block bool) error {
		for _, n := range added {
			if (n.last.action == 0) == block {
				if err := r.h.add(n, r.who); err != nil {
					return fmt.Errorf("%s was not added: %w", *n.last.name, err)
				}
			}
		}
		return nil
	}
	for _, step := range []func() error{
		func() error { return disable(true) }, func() error { return add(false) },
		func() error { return disable(false) }, func() error { return add(true) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	// What stands now must be what was written, and nothing more.
	want := map[string]bool{}
	for _, o := range stage.old {
		want[o.id] = o.enabled
	}
	for _, o := range stage.off {
		want[o.id] = false
	}
	for _, n := range added {
		want[n.id] = n.last.enabled
	}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	now := owned(&r.h.local)
	if len(now) != len(want) || slices.ContainsFunc(now, func(o modelOld) bool { on, ok := want[o.id]; return !ok || on != o.enabled }) {
		return errors.New("the rules that are read back are not those that were written")
	}
	return nil
}
