package windows

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
)

// task is a registered scheduled task.
type task struct {
	Name        string `json:"name"`
	Program     string `json:"program"`
	Arguments   string `json:"arguments"`
	User        string `json:"user"` // "SYSTEM"
	Boot        bool   `json:"boot"` // has a boot trigger
	Enabled     bool   `json:"enabled"`
	Description string `json:"description"`
	Author      string `json:"author"`
	// Settings are those that were set, by name.
	Settings map[string]any `json:"settings"`

	// virtual: the engine Model plays what would run.
	virtual bool
	running int
	result  int64
	said    *lastWords
	stop    func()
}

// States of a task (TASK_STATE).
const (
	taskDisabled = 1
	taskReady    = 3
	taskRunning  = 4
)

func (t *task) state() int {
	switch {
	case t.running > 0:
		return taskRunning
	case !t.Enabled:
		return taskDisabled
	}
	return taskReady
}

func (h *Host) schedulerRuns() error {
	if !h.on || h.services["Schedule"] != "Running" {
		return EServiceOff
	}
	return nil
}

// Flags of ITaskFolder.RegisterTaskDefinition.
const (
	taskCreate = 2
	taskUpdate = 4
)

// registerTask is ITaskFolder.RegisterTaskDefinition in the root folder.
func (h *Host) registerTask(t task, flags int, admin bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.schedulerRuns(); err != nil {
		return err
	}
	if !admin {
		return EAccessDenied
	}
	key := strings.ToLower(t.Name)
	old := h.tasks[key]
	switch {
	case t.Name == "" || strings.ContainsAny(t.Name, `\/:*?"<>|`) || t.Program == "":
		return EInvalidArg
	case old != nil && flags&taskUpdate == 0:
		return EFileExists
	case old == nil && flags&taskCreate == 0:
		return ENotFound
	}
	if old != nil {
		t.running, t.stop = old.running, old.stop
	}
	if t.said = &(lastWords{}); old != nil {
		t.said = old.said
	}
	h.tasks[key] = &t
	return nil
}

// taskNamed is ITaskFolder.GetTask.
func (h *Host) taskNamed(name string) (*task, error) {
	if err := h.schedulerRuns(); err != nil {
		return nil, err
	}
	t := h.tasks[strings.ToLower(strings.TrimPrefix(name, `\`))]
	if t == nil {
		return nil, ENotFound
	}
	return t, nil
}

// deleteTask is ITaskFolder.DeleteTask: what runs goes on.
func (h *Host) deleteTask(name string, admin bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, err := h.taskNamed(name)
	if err != nil {
		return err
	}
	if !admin {
		return EAccessDenied
	}
	delete(h.tasks, strings.ToLower(t.Name))
	return nil
}

// runTask is IRegisteredTask.Run.
func (h *Host) runTask(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, err := h.taskNamed(name)
	if err != nil {
		return err
	}
	h.startTask(t)
	return nil
}

// startTask starts the task's program as SYSTEM, unless it runs; h.mu is held.
func (h *Host) startTask(t *task) {
	if t.running > 0 || h.faults.BrokenTasks || t.virtual {
		return
	}
	t.running++
	ctx, stop := context.WithCancel(h.power)
	t.stop = stop
	h.background.Go(func() {
		defer stop()
		exit, err := h.spawn(ctx, t.Program, t.Arguments, Command{
			User: `NT AUTHORITY\SYSTEM`, Admin: true, Stdin: strings.NewReader(""), Stdout: t.said, Stderr: t.said,
		}, true)
		if err != nil {
			exit = -1
		}
		h.mu.Lock()
		t.running--
		t.result = exit
		h.mu.Unlock()
	})
}

// Start runs a program without a cmd.exe and its limits: powershell.exe, or cmd.exe
// itself. Line is not looked at.
func (h *Host) Start(ctx context.Context, program, args string, c Command) (int64, error) {
	power, err := h.awake(ctx)
	if err != nil {
		return 0, err
	}
	ctx, stop := living(ctx, power)
	defer stop()
	return h.spawn(ctx, program, args, c, false)
}

// spawn is Start on a host that is on; system: as SYSTEM.
func (h *Host) spawn(ctx context.Context, program, args string, c Command, system bool) (int64, error) {
	p := prompt{host: h, command: c, system: system, env: h.environment(c)}
	name := strings.ToLower(path.Base(strings.ReplaceAll(strings.Trim(program, `"`), `\`, "/")))
	switch strings.TrimSuffix(name, ".exe") {
	case "powershell":
		return p.powershell(ctx, name+" "+args, c.Stdout, c.Stderr)
	case "cmd":
		return p.nested(ctx, args)
	}
	return 0, ENotFound
}

// Tasks names the scheduled tasks that exist, in order.
func (h *Host) Tasks() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for _, t := range h.tasks {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names
}

// TaskOutput is what the processes of a task have printed, the last 16 KiB of it.
func (h *Host) TaskOutput(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.tasks[strings.ToLower(name)]; t != nil {
		return t.said.String()
	}
	return ""
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if over := len(l.text) - 16<<10; over > 0 {
		l.text = append(l.text[:0], l.text[over:]...)
	}
	return len(p), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// stopTask is IRegisteredTask.Stop.
func (h *Host) stopTask(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, err := h.taskNamed(name)
	if err == nil && t.stop != nil {
		t.stop()
	}
	return err
}

// detached runs a command line outside every session, as Win32_Process.Create does.
func (h *Host) detached(line string, who caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on {
		return
	}
	power := h.power
	h.background.Go(func() {
		h.shell(power, Command{Line: line, User: who.account, Admin: who.admin, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}, who.system)
	})
}
