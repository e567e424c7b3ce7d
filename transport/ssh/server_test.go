//go:build unix

package ssh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/inventory"
	"farmwall/transport"
)

// server is an SSH server inside the test, with every bad habit that a test
// needs.
type server struct {
	*gossh.ServerConfig
	home    string
	hostKey gossh.Signer
	addr    *net.TCPAddr

	mu      sync.Mutex
	keys    keyCheck
	conns   map[net.Conn]bool
	logins  int                   // connections made
	accept  func(n int) bool      // false: hang up on the n-th connection at once
	env     []string              // of commands
	exec    func(c gossh.Channel) // instead of a shell
	mute    bool                  // does not answer requests
	program []string              // login shell
}

// startServer starts a server whose key is known to the home and that lets
// everybody in by the home's key.
func startServer(t testing.TB, change func(*server)) *server {
	t.Helper()
	s := &server{ServerConfig: &gossh.ServerConfig{MaxAuthTries: 6}, home: t.TempDir(), conns: make(map[net.Conn]bool), program: []string{"/bin/sh", "-c"}}
	s.hostKey = newKey(t, filepath.Join(s.home, "host"), "")
	client := newKey(t, filepath.Join(s.home, ".ssh", "id_ed25519"), "")
	s.let(only(client.PublicKey()))
	s.PublicKeyCallback = func(c gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
		s.mu.Lock()
		keys := s.keys
		s.mu.Unlock()
		return keys(c, key)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().(*net.TCPAddr)
	s.know(t, s.hostKey.PublicKey())
	if change != nil {
		change(s)
	}
	s.AddHostKey(s.hostKey)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.logins++
			n := s.logins
			s.conns[nc] = true
			s.mu.Unlock()
			if s.accept != nil && !s.accept(n) {
				nc.(*net.TCPConn).SetLinger(0) // a reset, as sshd's MaxStartups does it
				nc.Close()
				continue
			}
			all.Go(func() { s.serve(nc) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for nc := range s.conns {
			nc.Close()
		}
		s.mu.Unlock()
		all.Wait()
	})
	return s
}

type keyCheck = func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error)

// let says whose keys are good from now on.
func (s *server) let(f keyCheck) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = f
}

func only(key gossh.PublicKey) keyCheck {
	return func(_ gossh.ConnMetadata, k gossh.PublicKey) (*gossh.Permissions, error) {
		if string(k.Marshal()) == string(key.Marshal()) {
			return nil, nil
		}
		return nil, errors.New("unknown key")
	}
}

// know makes the home's known_hosts name the server with a key.
func (s *server) know(t testing.TB, key gossh.PublicKey) {
	write(t, filepath.Join(s.home, ".ssh", "known_hosts"), fmt.Sprintf("%s %s", knownName("127.0.0.1", s.addr.Port), gossh.MarshalAuthorizedKey(key)))
}

func (s *server) host() *inventory.Host {
	return &inventory.Host{Name: "h1", Access: inventory.Access{Connection: "ssh", Address: "127.0.0.1", Port: s.addr.Port, User: "farm"}}
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

func (s *server) serve(nc net.Conn) {
	defer func() {
		nc.Close()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
	}()
	conn, chans, reqs, err := gossh.NewServerConn(nc, s.ServerConfig)
	if err != nil {
		return
	}
	if s.mute {
		go func() {
			for range reqs {
			}
		}()
	} else {
		go gossh.DiscardRequests(reqs)
	}
	for ch := range chans {
		switch ch.ChannelType() {
		case "session":
			go s.session(conn, ch)
		case "direct-tcpip":
			go forward(ch)
		default:
			ch.Reject(gossh.UnknownChannelType, "no")
		}
	}
}

func (s *server) session(conn gossh.Conn, nch gossh.NewChannel) {
	ch, reqs, err := nch.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range reqs {
		if r.Type != "exec" || s.mute {
			r.Reply(false, nil)
			continue
		}
		command := string(r.Payload[4:])
		r.Reply(true, nil)
		go gossh.DiscardRequests(reqs)
		if s.exec != nil {
			s.exec(ch)
			return
		}
		cmd := exec.Command(s.program[0], append(s.program[1:], command)...)
		from, to := conn.RemoteAddr().(*net.TCPAddr), conn.LocalAddr().(*net.TCPAddr)
		cmd.Env = append(append(os.Environ(), fmt.Sprintf("SSH_CONNECTION=%s %d %s %d", from.IP, from.Port, to.IP, to.Port)), s.env...)
		cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.WaitDelay = time.Second
		in, err := cmd.StdinPipe()
		if err != nil || cmd.Start() != nil {
			return
		}
		go func() { io.Copy(in, ch); in.Close() }()
		// A shell outlives its session, but not this test.
		gone := make(chan struct{})
		defer close(gone)
		go func() {
			conn.Wait()
			select {
			case <-gone:
			default:
				syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			}
		}()
		cmd.Wait()
		ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(cmd.ProcessState.ExitCode())))
		return
	}
}

func forward(nch gossh.NewChannel) {
	var to struct {
		Host     string
		Port     uint32
		From     string
		FromPort uint32
	}
	if gossh.Unmarshal(nch.ExtraData(), &to) != nil {
		nch.Reject(gossh.ConnectionFailed, "what?")
		return
	}
	nc, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		words := strings.ToUpper(transport.LastWords(err)[:1]) + transport.LastWords(err)[1:]
		nch.Reject(gossh.ConnectionFailed, words)
		return
	}
	ch, reqs, err := nch.Accept()
	if err != nil {
		nc.Close()
		return
	}
	go gossh.DiscardRequests(reqs)
	go func() { io.Copy(nc, ch); nc.Close() }()
	io.Copy(ch, nc)
	ch.Close()
	nc.Close()
}
