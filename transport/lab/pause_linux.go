package lab

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// pause freezes every process of a host, or lets them go on. The kernel of a
// frozen host still answers: connections open and nothing more happens.
func (u *unit) pause(stop bool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	from, to, signal := "on", "paused", syscall.SIGSTOP
	if !stop {
		from, to, signal = "paused", "on", syscall.SIGCONT
	}
	if u.power != from {
		return fmt.Errorf("%s is %s", u.spec.Name, u.power)
	}
	pids, err := inSamePIDNamespace(u.pid)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		syscall.Kill(pid, signal) // one that has just ended needs no signal
	}
	u.power = to
	return nil
}

// inSamePIDNamespace lists the processes whose PID namespace is that of pid,
// which stands first.
func inSamePIDNamespace(pid int) ([]int, error) {
	home, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	pids := []int{pid}
	for _, e := range entries {
		other, err := strconv.Atoi(e.Name())
		if err != nil || other == pid {
			continue
		}
		if ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", other)); err == nil && ns == home {
			pids = append(pids, other)
		}
	}
	return pids, nil
}
