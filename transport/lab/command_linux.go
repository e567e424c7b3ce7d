package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// systemPath is where a host looks for programs, as sshd sets it for root.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// find looks a program up in the PATH of an environment.
func find(program string, env []string) (string, error) {
	if program == "" {
		return "", errors.New("no program to run")
	}
	if strings.Contains(program, "/") {
		return program, nil
	}
	path := systemPath
	for _, e := range env {
		if rest, ok := strings.CutPrefix(e, "PATH="); ok {
			path = rest
		}
	}
	for _, dir := range filepath.SplitList(path) {
		at := filepath.Join(dir, program)
		if unix.Access(at, unix.X_OK) == nil {
			if info, err := os.Stat(at); err == nil && !info.IsDir() {
				return at, nil
			}
		}
	}
	return "", fmt.Errorf("%s: not found in %s", program, path)
}

// serveExec runs the client's command on the client's own descriptors and
// answers with its exit code. The command is a session of its own; it is killed
// when the client goes.
func serveExec(r *reaper, c *net.UnixConn, q request, stdio []*os.File) {
	defer c.Close()
	pid, ended, err := startCommand(r, q, stdio)
	closeFiles(stdio)
	if err != nil {
		sendMessage(c, failure(err))
		return
	}
	var mu sync.Mutex
	running := true
	kill := func(s syscall.Signal) {
		mu.Lock()
		defer mu.Unlock()
		if running {
			syscall.Kill(-pid, s)
		}
	}
	go func() {
		for {
			var later request
			if _, err := receiveMessage(c, &later); err != nil {
				kill(syscall.SIGKILL)
				return
			}
			kill(syscall.Signal(later.Signal))
		}
	}()
	status := <-ended
	mu.Lock()
	running = false
	mu.Unlock()
	sendMessage(c, answer{Code: exitCode(status)})
}

func startCommand(r *reaper, q request, stdio []*os.File) (int, <-chan syscall.WaitStatus, error) {
	if len(stdio) != 3 || len(q.Argv) == 0 {
		return 0, nil, errors.New("a command needs words and three descriptors")
	}
	path, err := find(q.Argv[0], q.Env)
	if err != nil {
		return 0, nil, err
	}
	attr := &syscall.ProcAttr{
		Dir: q.Cwd, Env: q.Env,
		Files: []uintptr{stdio[0].Fd(), stdio[1].Fd(), stdio[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: q.TTY},
	}
	pid, ended, err := r.start(path, q.Argv, attr)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", q.Argv[0], err)
	}
	return pid, ended, nil
}

// failure makes an error travel, with the kernel's reason where there is one.
func failure(err error) answer {
	a := answer{Error: err.Error()}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		a.Errno = int(errno)
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) {
		a.Timeout = timeout.Timeout()
	}
	return a
}

// tool runs a program of the system with input and returns what it printed. A
// program that fails is an error with its own words.
func tool(r *reaper, input string, argv ...string) (string, error) {
	path, err := find(argv[0], []string{"PATH=" + systemPath + ":" + os.Getenv("PATH")})
	if err != nil {
		return "", err
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer in.Close()
	read, out, err := os.Pipe()
	if err != nil {
		feed.Close()
		return "", err
	}
	defer read.Close()
	_, ended, err := r.start(path, argv, &syscall.ProcAttr{
		Env:   []string{"PATH=" + systemPath, "LC_ALL=C"},
		Files: []uintptr{in.Fd(), out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	out.Close()
	if err != nil {
		feed.Close()
		return "", fmt.Errorf("%s: %w", argv[0], err)
	}
	go func() {
		io.WriteString(feed, input)
		feed.Close()
	}()
	var said bytes.Buffer
	io.Copy(&said, read)
	if code := exitCode(<-ended); code != 0 {
		return said.String(), fmt.Errorf("%s: exit status %d: %s", strings.Join(argv, " "), code, strings.TrimSpace(said.String()))
	}
	return said.String(), nil
}
