package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// clock is the time of a whole test; nobody waits in it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d == askAgain { // asking the journal goes on while a person thinks
		time.Sleep(time.Millisecond)
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return nil
}

// fakeHost behaves as docs/host-protocol.md says a host does: lease, token,
// switch, fingerprints, one undoer. Its firewall is a list of our rules, some
// foreign rules and a policy. Closing port 22 for the controller cuts it off.
type fakeHost struct {
	mu    sync.Mutex
	clock *clock
	name  string

	wall fakeWall
	// What the change in progress has staged.
	undo, target fakeCopy
	lease        rules.Lease
	token        string
	deadline     time.Time
	record       rules.Record
	staged       string // digest of the target set

	// Faults.
	fault    func(h *fakeHost, script string, n int) fault // asked before each script
	onRun    func(script string)                           // called before each script, without the lock
	ran      map[string]int
	down     bool      // nobody can dial
	stuck    bool      // the switch has died; a revert still works
	torn     *fakeWall // what the next reading holds of the ruleset; the rest is as it is now
	cutsOff  bool      // our rules cut the controller off, in a way nobody can foresee
	downTill time.Time
	dialErr  error
	dials    int
	writes   int // scripts that wrote
	peak     int
}

type fault int

const (
	fine      fault = iota
	cutBefore       // the line breaks and the script never runs
	cutAfter        // the script runs, its answer is lost
	exitOne         // the script fails
)

// fakeWall is the firewall of a fake host.
type fakeWall struct {
	Loaded  []rules.Rule
	Saved   []string // marks of the persistent copy; nil: none
	Foreign []foreignRule
	Policy  string // "accept" or "drop"
	Blocks  bool   // outbound is dropped by default
	Hidden  bool   // the ruleset could not be read: no right, no program
}

type foreignRule struct {
	Port   uint16
	Action string // "drop", "accept" or "odd": nobody can say
}

// fakeCopy is what a rules.Copy of the fake dialect holds.
type fakeCopy struct {
	Loaded []rules.Rule
}

func newFakeHost(c *clock, name string) *fakeHost {
	return &fakeHost{clock: c, name: name, ran: map[string]int{}, wall: fakeWall{Policy: "drop", Foreign: []foreignRule{{22, "accept"}}}}
}

func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func (w *fakeWall) ours() string {
	return digest([]any{append([]rules.Rule{}, w.Loaded...), append([]string{}, w.Saved...)})
}
func (w *fakeWall) rest() string { return digest([]any{w.Foreign, w.Policy, w.Blocks}) }

func marks(list []rules.Rule) []string {
	out := []string{}
	for i := range list {
		out = append(out, list[i].Mark())
	}
	return out
}

// tick lets the switch fire where its time has come.
func (h *fakeHost) tick() {
	if h.token == "armed" && !h.stuck && !h.clock.Now().Before(h.deadline) {
		h.restore()
	}
}

func (h *fakeHost) restore() {
	h.wall.Loaded, h.token = h.undo.Loaded, "done" // nothing was persisted before the confirm
}

// seen is what observe prints.
type seen struct {
	Wall   fakeWall
	Lease  rules.Lease
	Token  rules.Token
	Record rules.Record
}

func (h *fakeHost) look() seen {
	s := seen{Wall: h.wall, Lease: h.lease, Record: h.record, Token: rules.Token{State: h.token}}
	if h.token == "armed" {
		s.Token.Left = h.deadline.Sub(h.clock.Now())
	}
	return s
}

// run executes a script of the fake dialect.
func (h *fakeHost) run(s rules.Script) []byte {
	answer := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return b
	}
	if s.Name == "observe" {
		now := h.look()
		if h.torn != nil {
			now.Wall, h.torn = *h.torn, nil
		}
		return answer(now)
	}
	h.writes++
	switch s.Name {
	case "change":
		var r rules.ChangeRequest
		if json.Unmarshal(s.Input, &r) != nil {
			panic("bad change request")
		}
		return answer(h.change(r))
	case "confirm":
		var r rules.ConfirmRequest
		if json.Unmarshal(s.Input, &r) != nil {
			panic("bad confirm request")
		}
		return answer(h.confirm(r))
	case "revert":
		var r rules.RevertRequest
		if json.Unmarshal(s.Input, &r) != nil {
			panic("bad revert request")
		}
		if h.token == "armed" && h.lease.Number == r.Lease && h.lease.Run == r.Run {
			h.restore()
			return answer(rules.Report{Result: rules.Undone})
		}
		return answer(rules.Report{Result: rules.Idle})
	case "recover":
		switch h.token {
		case "confirming":
			h.finish()
			return answer(rules.Report{Result: rules.Confirmed})
		case "undoing":
			h.restore()
			return answer(rules.Report{Result: rules.Undone})
		}
		return answer(rules.Report{Result: rules.Idle})
	}
	panic("unknown script " + s.Name)
}

func (h *fakeHost) change(r rules.ChangeRequest) rules.Report {
	if r.Lease != h.lease.Number || h.token == "armed" || h.token == "confirming" || h.token == "undoing" {
		return rules.Report{Result: rules.Taken, Holder: h.lease.Holder}
	}
	h.lease = rules.Lease{Number: r.Lease + 1, Run: r.Run, Holder: r.Controller + " run " + r.Run}
	if h.wall.ours() != r.Ours {
		return rules.Report{Result: rules.StaleOurs}
	}
	if h.wall.rest() != r.Rest {
		return rules.Report{Result: rules.StaleRest}
	}
	h.undo, h.target = decodeCopy(r.Undo), decodeCopy(r.Target)
	h.token, h.deadline, h.staged = "armed", h.clock.Now().Add(r.Window), r.Digest
	h.record.Time = h.clock.Now()
	h.wall.Loaded = h.target.Loaded
	return rules.Report{Result: rules.Applied, Lease: h.lease.Number, Left: r.Window}
}

func (h *fakeHost) confirm(r rules.ConfirmRequest) rules.Report {
	if h.token != "armed" || h.lease.Number != r.Lease || h.lease.Run != r.Run {
		return rules.Report{Result: rules.TooLate}
	}
	h.finish()
	return rules.Report{Result: rules.Confirmed, Ours: h.wall.ours()}
}

func (h *fakeHost) finish() {
	h.token = "done"
	h.wall.Saved = marks(h.wall.Loaded)
	if len(h.wall.Loaded) == 0 {
		h.wall.Saved = nil
	}
	h.record = rules.Record{Run: h.lease.Run, Controller: h.lease.Holder[:len(h.lease.Holder)-len(" run "+h.lease.Run)], Digest: h.staged, Time: h.clock.Now()}
}

func decodeCopy(b rules.Copy) fakeCopy {
	var c fakeCopy
	if err := json.Unmarshal(b, &c); err != nil {
		panic(err)
	}
	return c
}

// fakeDialer dials fake hosts.
type fakeDialer struct {
	hosts  map[string]*fakeHost
	mu     sync.Mutex
	open   int
	most   int
	onDial func(host string)
	conns  []*fakeConn
}

// hangUp has the hosts close all lines.
func (f *fakeDialer) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.idle = true
	}
}

var controllerAddr = netip.MustParseAddrPort("192.0.2.99:40000")

func (f *fakeDialer) Dial(ctx context.Context, inv *inventory.Host) (transport.Conn, error) {
	if f.onDial != nil {
		f.onDial(inv.Name)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h := f.hosts[inv.Name]
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials++
	h.tick()
	if h.dialErr != nil {
		return nil, &transport.Error{Host: inv.Name, Op: "log in", Err: h.dialErr, Hint: "mend it"}
	}
	ssh := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 22, Remotes: rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(controllerAddr.Addr(), 32)})}
	if h.down || h.cutsOff && len(h.wall.Loaded) > 0 || h.clock.Now().Before(h.downTill) || judgeFake(&h.wall, ssh).Answer == rules.Denied {
		_ = h.clock.sleep(context.Background(), 5*time.Second)
		return nil, &transport.Error{Host: inv.Name, Op: "dial", Err: fmt.Errorf("%w after 5s", transport.ErrTimeout)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	f.most = max(f.most, f.open)
	c := &fakeConn{h: h, f: f}
	f.conns = append(f.conns, c)
	return c, nil
}

type fakeConn struct {
	h      *fakeHost
	f      *fakeDialer
	closed bool
	idle   bool // the host has hung up meanwhile
}

func (c *fakeConn) Run(ctx context.Context, s rules.Script) ([]byte, error) {
	broke := &transport.Error{Host: c.h.name, Op: "run " + s.Name, Err: transport.ErrLineBroke}
	if c.h.onRun != nil {
		c.h.onRun(s.Name)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if c.closed {
		return nil, errors.New("run on a closed line")
	}
	if c.idle {
		return nil, &transport.Error{Host: c.h.name, Op: "run " + s.Name, Err: transport.ErrLineBroke, NotRun: true}
	}
	c.h.tick()
	c.h.ran[s.Name]++
	var f fault
	if c.h.fault != nil {
		f = c.h.fault(c.h, s.Name, c.h.ran[s.Name])
	}
	switch f {
	case cutBefore:
		return nil, broke
	case exitOne:
		return nil, &transport.ExitError{Script: s.Name, Code: 1, Stderr: []byte("no\x1b[31m luck")}
	}
	out := c.h.run(s)
	if f == cutAfter {
		return nil, broke
	}
	return out, nil
}

func (c *fakeConn) Close() error {
	if !c.closed {
		c.closed = true
		c.f.mu.Lock()
		c.f.open--
		c.f.mu.Unlock()
	}
	return nil
}
