package lab

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper is the duty of a first process: it starts children, tells who waits
// for them how they ended, and buries orphans.
type reaper struct {
	// starting is held shared while a child is started, so that none is buried
	// before it is known.
	starting sync.RWMutex
	mu       sync.Mutex
	waiting  map[int]chan<- syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan<- syscall.WaitStatus{}}
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	go func() {
		for range died {
			r.bury()
		}
	}()
	return r
}

func (r *reaper) bury() {
	r.starting.Lock()
	defer r.starting.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		r.mu.Lock()
		ended, known := r.waiting[pid]
		delete(r.waiting, pid)
		r.mu.Unlock()
		if known {
			ended <- status
		}
	}
}

// start runs a program. How it ended comes once over the channel.
func (r *reaper) start(path string, argv []string, attr *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	r.starting.RLock()
	defer r.starting.RUnlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	r.mu.Lock()
	r.waiting[pid] = ended
	r.mu.Unlock()
	return pid, ended, nil
}

// exitCode is the shell's way to say how a process ended.
func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
