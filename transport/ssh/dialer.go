// Package ssh is the line to hosts that run an SSH server. It checks host keys
// always, reads the user's ssh_config and agent, and runs scripts with sudo
// where the inventory asks for it.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

// Config is what the command line and the environment decide for all hosts. The
// zero value is what an ordinary user wants.
type Config struct {
	// Home holds .ssh with config, known_hosts and identities; default: the user's.
	Home string
	// System holds ssh_config and ssh_known_hosts; default /etc/ssh.
	System string
	// KnownHosts are used instead of the user's known_hosts files and of those
	// that inventory or ssh_config name. Learned keys belong into the first.
	KnownHosts []string
	// Agent is the socket or pipe of the SSH agent; default: as for ssh. "none"
	// means no agent.
	Agent string
	// Prompt asks a person for a secret, one at a time; nil: nobody is there. It
	// is only asked for passphrases of key files.
	Prompt func(ctx context.Context, question string) (inventory.Secret, error)
	// Gate is shared by all transports of a run; default: one of its own.
	Gate *transport.Gate
	// Warn is told what a person should look at, such as broken lines of
	// known_hosts. It may be called from many goroutines.
	Warn func(text string)
	// Timeout of dialling, where neither inventory nor ssh_config says; default 10 s.
	Timeout time.Duration
	// Keepalive is the pause between two signs of life, and how long one may
	// take; default 10 s.
	Keepalive time.Duration
}

// Dialer opens SSH lines. It is safe for many goroutines.
type Dialer struct {
	cfg       Config
	localUser string
	files     [][]directive
	found     *knownFiles

	mu   sync.Mutex
	keep map[string]*keyFile

	pool  pool
	ask   sync.Mutex // one prompt at a time
	close context.CancelFunc
	life  context.Context
}

var _ transport.Dialer = (*Dialer)(nil)

// New reads the ssh_config files. Mistakes in them are reported all at once.
func New(cfg Config) (*Dialer, error) {
	if cfg.Home == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		cfg.Home = home
	}
	if cfg.System == "" {
		cfg.System = "/etc/ssh"
		if runtime.GOOS == "windows" {
			cfg.System = filepath.Join(os.Getenv("PROGRAMDATA"), "ssh")
		}
	}
	switch cfg.Agent {
	case "":
		cfg.Agent = defaultAgent()
	case "none":
		cfg.Agent = ""
	}
	if cfg.Gate == nil {
		cfg.Gate = transport.NewGate()
	}
	if cfg.Warn == nil {
		cfg.Warn = func(string) {}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Keepalive == 0 {
		cfg.Keepalive = 10 * time.Second
	}
	d := &Dialer{
		cfg: cfg, localUser: localUser(),
		found: &knownFiles{warn: cfg.Warn, read: make(map[string]*readFile)},
		keep:  make(map[string]*keyFile),
		pool:  pool{jumps: make(map[string]*jump)},
	}
	d.life, d.close = context.WithCancel(context.Background())
	userDir := filepath.Join(cfg.Home, ".ssh")
	mine, err1 := configFile(filepath.Join(userDir, "config"), userDir, cfg.Home, 0)
	system, err2 := configFile(filepath.Join(cfg.System, "ssh_config"), cfg.System, cfg.Home, 0)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("ssh_config: %w", err)
	}
	d.files = [][]directive{mine, system}
	return d, nil
}

// Close hangs up the jump hosts. Lines that still go over one break.
func (d *Dialer) Close() error {
	d.close()
	d.pool.closeAll()
	return nil
}

// Dial logs in to the host. It has its own time limits beside the context's.
func (d *Dialer) Dial(ctx context.Context, h *inventory.Host) (transport.Conn, error) {
	t, err := d.ready(h)
	if err != nil {
		return nil, err
	}
	l, err := d.open(ctx, t)
	if err != nil {
		return nil, err
	}
	a := h.Access
	if l.windows = runsPowerShell(a); l.windows {
		return l, nil
	}
	l.sudo = transport.Sudo{Use: a.Become, User: a.BecomeUser, Password: a.BecomePassword, Login: t.user, Host: h.Name, Gate: d.cfg.Gate}
	// Root needs no sudo to be root, and minimal hosts have none.
	if t.user == "root" && (a.BecomeUser == "" || a.BecomeUser == "root") {
		l.sudo.Use = false
	}
	return l, nil
}

// runsPowerShell says whether the host is a Windows host. Its login shell may be
// cmd.exe or PowerShell: both read the command that starts a script alike.
func runsPowerShell(a inventory.Access) bool { return a.Shell == "powershell" || a.Shell == "cmd" }

// ready decides how to reach the host, or refuses it.
func (d *Dialer) ready(h *inventory.Host) (*target, error) {
	if runsPowerShell(h.Access) && h.Access.Become {
		return nil, &transport.Error{Host: h.Name, Op: "dial", NotRun: true, Err: errNoSudo, Hint: "log in as an administrator, whose SSH session is elevated, and leave become out for Windows hosts"}
	}
	t, err := d.target(h)
	if err != nil {
		return nil, &transport.Error{Host: h.Name, Op: "dial", NotRun: true, Err: err, Hint: "correct the inventory or ssh_config"}
	}
	return t, nil
}

var errNoSudo = fmt.Errorf("%w: Windows has no sudo, and become is asked for", transport.ErrNoPrivilege)
