package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// hostProcess is the first process of a host.
type hostProcess struct {
	hostConfig
	reaper    *reaper
	responder *responder
	line      *net.UnixConn // to the farm process
}

// hostMain boots a host and serves it until it is killed.
func hostMain() int {
	line, err := inheritedLine()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab: this is a part of the lab and not for people:", err)
		return 1
	}
	h := &hostProcess{line: line, reaper: newReaper()}
	if _, err := receiveMessage(line, &h.hostConfig); err != nil {
		return 1
	}
	if err := h.boot(); err != nil {
		sendMessage(line, failure(err))
		return 1
	}
	if err := sendMessage(line, answer{}); err != nil {
		return 1
	}
	return h.serve()
}

// boot does what a machine does between power and login, in that order: disks,
// packet filter, network, services.
func (h *hostProcess) boot() error {
	syscall.Umask(0o022)
	if err := unix.Sethostname([]byte(h.Name[:min(len(h.Name), 64)])); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := h.mounts(); err != nil {
		return err
	}
	if err := h.runScripts("/etc/rcS.d"); err != nil {
		return err
	}
	if _, err := os.Stat("/etc/nftables.conf"); err == nil {
		if _, err := tool(h.reaper, "", "nft", "-f", "/etc/nftables.conf"); err != nil {
			return fmt.Errorf("load the ruleset: %w", err)
		}
	}
	if err := h.network(); err != nil {
		return err
	}
	var err error
	if h.responder, err = startResponder("eth0"); err != nil {
		return err
	}
	if err := h.runScripts("/etc/rc2.d"); err != nil {
		return err
	}
	if h.RealSSHD {
		return h.startSSHD()
	}
	return h.startSSH()
}

func (h *hostProcess) network() error {
	quietIPv6("default")
	quietIPv6("eth0")
	// A host that answers every refused packet can be asked hundreds of times a
	// second; kernels limit that to a few per second.
	for _, name := range []string{"ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"} {
		os.WriteFile("/proc/sys/net/"+name, []byte("0"), 0)
	}
	_, err := tool(h.reaper, "link set lo up\n"+addressLines("eth0", h.Addresses, h.Networks), "ip", "-batch", "-")
	return err
}

// runScripts runs the start scripts of a sysvinit folder in order. One that
// fails is written to the boot log and does not stop the boot.
func (h *hostProcess) runScripts(dir string) error {
	scripts, err := filepath.Glob(dir + "/S*")
	if err != nil {
		return err
	}
	sort.Strings(scripts)
	var log strings.Builder
	for _, s := range scripts {
		said, err := tool(h.reaper, "", s, "start")
		fmt.Fprintf(&log, "boot %d: %s start\n%s", h.Boot, s, said)
		if err != nil {
			fmt.Fprintf(&log, "failed: %v\n", err)
		}
	}
	if log.Len() == 0 {
		return nil
	}
	f, err := os.OpenFile("/var/log/boot", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	f.WriteString(log.String()) // a full disk does not stop a boot
	return f.Close()
}

// serve takes clients that the farm process hands over.
func (h *hostProcess) serve() int {
	for {
		var q request
		files, err := receiveMessage(h.line, &q)
		if err != nil {
			return 1
		}
		if len(files) == 0 {
			continue
		}
		c, err := unixConn(files[0])
		if err != nil {
			closeFiles(files[1:])
			continue
		}
		go h.attend(c, q, files[1:])
	}
}

func (h *hostProcess) attend(c *net.UnixConn, q request, files []*os.File) {
	switch q.Op {
	case "exec":
		q.Env = append(loginEnvironment("root"), q.Env...)
		if q.Cwd == "" {
			q.Cwd = "/root"
		}
		serveExec(h.reaper, c, q, files)
	case "listen", "probe":
		closeFiles(files)
		serveProbes(c, q, h.responder, "eth0", h.Addresses)
	}
}

// loginEnvironment is what sshd gives to a command.
func loginEnvironment(user string) []string {
	return []string{"USER=" + user, "LOGNAME=" + user, "HOME=/root", "SHELL=/bin/sh", "PATH=" + systemPath}
}
