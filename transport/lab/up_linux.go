package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Farm is a lab that is up: one that this program holds (Up) or one that
// another program holds (Join).
type Farm struct {
	dir   string
	hosts []HostSpec
	own   []netip.Addr

	// Only of the holder.
	lifeline *net.UnixConn
	ended    chan struct{}
	once     sync.Once
}

// Main runs the lab's own part of the program where the arguments (without the
// program's name) ask for it. A program that calls Up calls Main first of all,
// and exits with code where handled is true.
func Main(args []string) (handled bool, code int) {
	if len(args) == 0 {
		return false, 0
	}
	switch args[0] {
	case argFarm:
		return true, farmMain()
	case argHost:
		return true, hostMain()
	}
	return false, 0
}

// Up makes the farm and returns when every host answers. It stays until Close
// or until this program ends, however it ends. ctx bounds only the start.
func Up(ctx context.Context, o Options) (*Farm, error) {
	config, client, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := makeDir(ctx, &config, client); err != nil {
		return nil, err
	}
	f := &Farm{dir: config.Dir, hosts: config.Hosts, own: config.Controller, ended: make(chan struct{})}
	if err := f.start(ctx, config, o.Self); err != nil {
		removeFiles(config.Dir)
		return nil, err
	}
	return f, nil
}

// prepare checks the wishes and fills in what they leave open.
func prepare(o Options) (config farmConfig, client keyPair, err error) {
	if err := Check(); err != nil {
		return config, client, err
	}
	config = farmConfig{Dir: o.Dir, Controller: o.Controller, Guests: o.Guests}
	if err := check(o.Hosts, o.Guests, o.Controller); err != nil {
		return config, client, err
	}
	for _, h := range o.Hosts {
		if h.Port == 0 {
			h.Port = sshPort
		}
		if h.RealSSHD && os.Geteuid() != 0 {
			return config, client, fmt.Errorf("%w: %s wants OpenSSH's sshd, which needs root", ErrUnsupported, h.Name)
		}
		key, err := newKeyPair(h.Name)
		if err != nil {
			return config, client, err
		}
		config.Hosts, config.Keys = append(config.Hosts, h), append(config.Keys, key)
	}
	all := slices.Concat(o.Hosts, o.Guests)
	if len(config.Controller) == 0 {
		if config.Controller, err = freeAddresses(all); err != nil {
			return config, client, err
		}
	}
	config.Networks = networks(all, config.Controller)
	client, err = newKeyPair("farmwall lab")
	config.Authorized = client.Public
	return config, client, err
}

func (f *Farm) start(ctx context.Context, config farmConfig, self []string) error {
	line, far, err := socketPair()
	if err != nil {
		return err
	}
	defer far.Close()
	log, err := os.OpenFile(filepath.Join(f.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		line.Close()
		return err
	}
	defer log.Close()
	if len(self) == 0 {
		self = []string{"/proc/self/exe"}
	}
	cmd := exec.Command(self[0], append(self[1:len(self):len(self)], argFarm)...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{far}
	cmd.SysProcAttr = namespaces()
	if err := cmd.Start(); err != nil {
		line.Close()
		return fmt.Errorf("%w: new namespaces: %w", ErrUnsupported, err)
	}
	far.Close()
	f.lifeline = line
	go func() {
		cmd.Wait()
		close(f.ended)
	}()
	stop := context.AfterFunc(ctx, func() { line.Close() })
	err = sendMessage(line, config)
	var ready answer
	if err == nil {
		_, err = receiveMessage(line, &ready)
	}
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	} else if err == nil && ready.Error != "" {
		err = errors.New(ready.Error)
	} else if err != nil {
		err = fmt.Errorf("%w: %w: %s", ErrEnded, err, tailOf(log.Name()))
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("bring the lab up: %w", err)
	}
	return nil
}

// namespaces of the farm process. A user namespace even for root: its hosts'
// root then has no power over the machine's clock, modules and settings.
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Setsid:     true, // a signal to the holder's group is not for the lab
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if !userNamespaces() {
		return attr
	}
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	uid, gid, size := os.Geteuid(), os.Getegid(), 1
	if uid == 0 {
		size = 65536
		attr.GidMappingsEnableSetgroups = true
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: size}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: size}}
	return attr
}

func tailOf(name string) string {
	text, err := os.ReadFile(name)
	if err != nil || len(text) == 0 {
		return "the farm process said nothing"
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}

// Close ends the farm: its processes, namespaces, mounts and files. A lab that
// was only joined goes on.
func (f *Farm) Close() error {
	if f.lifeline == nil {
		return nil
	}
	f.once.Do(func() {
		f.lifeline.Close()
		<-f.ended
		removeFiles(f.dir)
	})
	return nil
}

// Ended is closed when the farm process has gone, whoever ended it. Nil for a
// lab that was only joined.
func (f *Farm) Ended() <-chan struct{} { return f.ended }
