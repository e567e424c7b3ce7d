package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// sshdWait bounds how long OpenSSH's sshd may take until it listens; a thousand that
// start at once keep each other waiting.
const sshdWait = time.Minute

// startSSHD runs OpenSSH's sshd with the lab's keys.
func (h *hostProcess) startSSHD() error {
	config := strings.Join([]string{
		fmt.Sprintf("Port %d", h.Port),
		"HostKey /etc/ssh/host_key", "AuthorizedKeysFile /etc/ssh/authorized",
		"PidFile /run/sshd.pid", "PermitRootLogin prohibit-password", "PasswordAuthentication no",
		"KbdInteractiveAuthentication no", "UsePAM no", "UseDNS no", "AcceptEnv LANG LC_*", "PrintMotd no", "PrintLastLog no",
		"LogLevel VERBOSE", // names each connection and session
		"MaxStartups 100",  // tests of many connections at once are no attack
	}, "\n") + "\n"
	if err := os.WriteFile("/etc/ssh/sshd_config", []byte(config), 0o644); err != nil {
		return err
	}
	if err := os.Mkdir("/run/sshd", 0o755); err != nil {
		return err
	}
	path, err := find("sshd", nil)
	if err != nil {
		return err
	}
	log, err := os.OpenFile("/var/log/sshd", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	_, ended, err := h.reaper.start(path, []string{path, "-D", "-e", "-f", "/etc/ssh/sshd_config"}, &syscall.ProcAttr{
		Dir: "/", Env: []string{"PATH=" + systemPath},
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return err
	}
	pause := 5 * time.Millisecond
	for deadline := time.Now().Add(sshdWait); time.Now().Before(deadline); time.Sleep(pause) {
		pause = min(pause*5/4, 500*time.Millisecond) // a thousand that look all the time keep each other from starting
		select {
		case <-ended:
			said, _ := os.ReadFile("/var/log/sshd")
			return fmt.Errorf("sshd ended: %s", strings.TrimSpace(string(said)))
		default:
		}
		if listening(h.Port) {
			return nil
		}
	}
	return errors.New("sshd does not listen")
}

// listening asks the kernel whether a TCP port is listened on; connecting could
// be against the host's own rules.
func listening(port int) bool {
	want := fmt.Sprintf(":%04X", port)
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(name)
		for _, line := range strings.Split(string(text), "\n") {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], want) && f[3] == "0A" { // TCP_LISTEN
				return true
			}
		}
	}
	return false
}
