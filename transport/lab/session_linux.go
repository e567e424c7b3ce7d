package lab

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// serveSession serves one session channel: variables, then one command.
func (h *hostProcess) serveSession(conn *ssh.ServerConn, ch ssh.Channel, requests <-chan *ssh.Request) {
	env := append(loginEnvironment(conn.User()), "PATH="+sudoDir+":"+systemPath)
	env = append(env, connectionVariables(conn)...)
	var running *session
	for r := range requests {
		ok := false
		switch r.Type {
		case "env":
			var v struct{ Name, Value string }
			if ssh.Unmarshal(r.Payload, &v) == nil && (v.Name == "LANG" || strings.HasPrefix(v.Name, "LC_")) {
				env, ok = append(env, v.Name+"="+v.Value), true
			}
		case "exec":
			var v struct{ Command string }
			if running == nil && ssh.Unmarshal(r.Payload, &v) == nil {
				running, ok = h.startSession(ch, env, "/bin/sh", "-c", v.Command)
			}
		case "shell":
			if running == nil {
				running, ok = h.startSession(ch, env, "-sh")
			}
		}
		if r.WantReply {
			r.Reply(ok, nil)
		}
	}
	// The channel is closed, by the client or because the line is gone. Like sshd,
	// let go of the pipes and leave the processes alone.
	if running != nil {
		running.letGo()
	} else {
		ch.Close()
	}
}

// session is the server's side of a running command: its ends of the pipes.
type session struct {
	once                  sync.Once
	stdin, stdout, stderr *os.File
}

func (s *session) letGo() {
	s.once.Do(func() { closeFiles([]*os.File{s.stdin, s.stdout, s.stderr}) })
}

func (h *hostProcess) startSession(ch ssh.Channel, env []string, argv ...string) (*session, bool) {
	s := &session{}
	var theirs [3]*os.File
	var err [3]error
	theirs[0], s.stdin, err[0] = os.Pipe()
	s.stdout, theirs[1], err[1] = os.Pipe()
	s.stderr, theirs[2], err[2] = os.Pipe()
	defer closeFiles(theirs[:])
	if err[0] != nil || err[1] != nil || err[2] != nil {
		s.letGo()
		return nil, false
	}
	_, ended, failed := h.reaper.start("/bin/sh", argv, &syscall.ProcAttr{
		Dir: "/root", Env: env,
		Files: []uintptr{theirs[0].Fd(), theirs[1].Fd(), theirs[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if failed != nil {
		s.letGo()
		return nil, false
	}
	go s.carry(ch, ended)
	return s, true
}

// carry moves data until the command and everything that holds its output have
// ended: a client waits for those, as with sshd.
func (s *session) carry(ch ssh.Channel, ended <-chan syscall.WaitStatus) {
	go func() {
		io.Copy(s.stdin, ch)
		s.stdin.Close()
	}()
	var output sync.WaitGroup
	output.Add(2)
	go func() {
		defer output.Done()
		io.Copy(ch, s.stdout)
	}()
	go func() {
		defer output.Done()
		io.Copy(ch.Stderr(), s.stderr)
	}()
	sendExit(ch, <-ended)
	output.Wait()
	ch.Close()
	s.letGo()
}

func sendExit(ch ssh.Channel, status syscall.WaitStatus) {
	if !status.Signaled() {
		ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status.ExitStatus())}))
		return
	}
	ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Signal     string
		CoreDumped bool
		Error      string
		Lang       string
	}{signalName(status.Signal()), status.CoreDump(), "", ""}))
}

// signalName is RFC 4254's name of a signal (section 6.10).
func signalName(s syscall.Signal) string {
	names := map[syscall.Signal]string{
		syscall.SIGABRT: "ABRT", syscall.SIGALRM: "ALRM", syscall.SIGFPE: "FPE", syscall.SIGHUP: "HUP",
		syscall.SIGILL: "ILL", syscall.SIGINT: "INT", syscall.SIGKILL: "KILL", syscall.SIGPIPE: "PIPE",
		syscall.SIGQUIT: "QUIT", syscall.SIGSEGV: "SEGV", syscall.SIGTERM: "TERM", syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2",
	}
	if n, ok := names[s]; ok {
		return n
	}
	return "SIG" + strconv.Itoa(int(s)) + "@farmwall"
}

// forwardTCP connects on for a client that jumps over this host.
func forwardTCP(offered ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(offered.ExtraData(), &to); err != nil {
		offered.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	c, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer c.Close()
	ch, requests, err := offered.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	go ssh.DiscardRequests(requests)
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		defer both.Done()
		io.Copy(c, ch)
		c.(*net.TCPConn).CloseWrite()
	}()
	go func() {
		defer both.Done()
		io.Copy(ch, c)
		ch.CloseWrite()
	}()
	both.Wait()
}
