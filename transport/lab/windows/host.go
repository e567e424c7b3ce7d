package windows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Engine is what runs the scripts that a host is given.
type Engine string

// The engines.
const (
	// Model does what farmwall's own scripts promise, in Go, and refuses all others.
	Model Engine = "model"
	// PowerShell runs the very command line in a real PowerShell (FindEngine), with
	// stand-ins for what only Windows has.
	PowerShell Engine = "powershell"
)

// Options says what host to make. Only Name is required, and Dir and Program where
// Engine is PowerShell.
type Options struct {
	Name    string // "GW1"; also its NetBIOS name
	Domain  string // "LAB" unless given
	System  System
	Engine  Engine // Model unless given
	Program string // the engine's program, from FindEngine
	// Dir stands for C:\Program Files and holds the engine's own files. It is created,
	// and Close leaves it as it is.
	Dir string
	// Interfaces; none: one called Ethernet with Addresses, each in its /24 or /64.
	Interfaces []Interface
	Addresses  []netip.Addr
	// Rules and GPO are the two rule stores at the beginning. Hosts may share one slice;
	// it is never written to.
	Rules, GPO []Entry
	// Active is the bits of the active profiles, 1 (Domain) unless given.
	Active int
	// Policy and GroupPolicy are numbers of the profile keys in the registry, such as
	// Policy["StandardProfile"]["EnableFirewall"] = 0 and
	// GroupPolicy["DomainProfile"]["AllowLocalPolicyMerge"] = 0.
	Policy, GroupPolicy map[string]map[string]uint32
	// Services is Running, Stopped or Missing for MpsSvc, BFE and Schedule where it is
	// not Running, also after each boot.
	Services map[string]string
	// CleanAppX: DeleteUserAppContainersOnLogoff is set. Restricted is how many rules
	// log-ons have left in the two RestrictedServices keys.
	CleanAppX  bool
	Restricted int
	Variant    Variant
	Faults     Faults
}

// ErrOff says that the host has no power.
var ErrOff = errors.New("the host is off")

// Host is a running Windows host. Its methods may be called from everywhere at once.
type Host struct {
	options Options
	release release
	dir     string

	mu         sync.Mutex
	world      world
	local, gpo store
	policy     map[string]map[string]uint32
	group      map[string]map[string]uint32
	active     int
	services   map[string]string
	faults     Faults
	writes     int
	denied     []string       // what Faults.ReadOnly has stopped
	sockets    map[int]socket // connections that stand while a command runs, and their number
	tasks      map[string]*task
	processes  map[*process]struct{}
	on         bool
	boots      int
	boot       string
	booted     time.Time
	resumed    chan struct{} // open while paused, nil otherwise
	power      context.Context
	cut        context.CancelCauseFunc
	background sync.WaitGroup // of this boot

	next   int
	model  *modelState
	server *server // of the engine PowerShell
}

// socket is an established TCP connection.
type socket struct{ client, local netip.AddrPort }

// New makes a host and switches it on.
func New(o Options) (*Host, error) {
	if o.Name == "" {
		return nil, errors.New("a Windows host of the lab needs a name")
	}
	rel, err := releaseOf(o.System)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	if o.Domain == "" {
		o.Domain = "LAB"
	}
	if o.Active == 0 {
		o.Active = 1
	}
	if o.Active < 1 || o.Active > 7 {
		return nil, fmt.Errorf("%s: profiles %d: bits 1, 2 and 4", o.Name, o.Active)
	}
	h := &Host{
		options: o, release: rel, active: o.Active, faults: o.Faults,
		world:     world{variant: o.Variant, interfaces: o.Interfaces},
		local:     store{entries: o.Rules, shared: true},
		gpo:       store{entries: o.GPO, shared: true},
		policy:    localPolicy(o.Policy),
		group:     values(o.GroupPolicy),
		sockets:   map[int]socket{},
		tasks:     map[string]*task{},
		processes: map[*process]struct{}{},
	}
	if len(h.world.interfaces) == 0 {
		h.world.interfaces = defaultInterfaces(o.Addresses)
	}
	switch o.Engine {
	case "", Model:
		h.options.Engine = Model
		h.model = &modelState{}
	case PowerShell:
		if err := h.prepareEngine(); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	default:
		return nil, fmt.Errorf("%s: the lab has no engine %q: %s and %s", o.Name, o.Engine, Model, PowerShell)
	}
	h.On()
	return h, nil
}

// Name is the host's name.
func (h *Host) Name() string { return h.options.Name }

// Close switches the host off and ends all that it started.
func (h *Host) Close() error {
	h.Off()
	h.background.Wait()
	if h.server != nil {
		return h.server.close()
	}
	return nil
}

// Run does what cmd.exe /C LINE would do and returns its exit code. When ctx ends the
// whole tree of processes is terminated. An error means that the command did not run
// to its end.
func (h *Host) Run(ctx context.Context, c Command) (int64, error) {
	power, err := h.awake(ctx)
	if err != nil {
		return 0, err
	}
	ctx, stop := living(ctx, power)
	defer stop()
	if c.Stdin == nil {
		c.Stdin = strings.NewReader("")
	}
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	defer h.connected(c)()
	return h.shell(ctx, c, false)
}

// awake waits while the host is paused and returns the life of its power.
func (h *Host) awake(ctx context.Context) (context.Context, error) {
	for {
		h.mu.Lock()
		on, power, resumed := h.on, h.power, h.resumed
		h.mu.Unlock()
		if !on {
			return nil, ErrOff
		}
		if resumed == nil {
			return power, nil
		}
		select {
		case <-resumed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// connected puts the command's connection into the table of sockets while it runs.
func (h *Host) connected(c Command) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	n := h.next
	if c.Client.IsValid() && c.Local.IsValid() {
		h.sockets[n] = socket{c.Client, c.Local}
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.sockets, n)
	}
}

// Folder is where the host keeps farmwall's own files, on this machine; the engine
// Model has none.
func (h *Host) Folder() string { return filepath.Join(h.dir, "farmwall") }

func (h *Host) prepareEngine() error {
	if h.options.Program == "" {
		return errors.New("the engine powershell needs Options.Program; FindEngine finds it")
	}
	if h.options.Dir == "" {
		return errors.New("the engine powershell needs Options.Dir")
	}
	dir, err := filepath.Abs(h.options.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	h.dir = dir
	h.server, err = serveModel(h)
	return err
}
