package wsman

import (
	"net/netip"
	"strings"
	"time"
)

// shell is a Windows Remote Shell: an environment in which commands run. The
// service's lock guards it.
type shell struct {
	id, user string
	client   netip.Addr
	dir      string
	env      map[string]string
	input    bool // has a stdin
	begun    time.Time
	idle     time.Duration
	timer    *time.Timer // deletes it when it was idle for too long
	commands map[string]*command
	// started counts the commands since the shell began.
	started int
}

// shellOf finds the shell that a message is for, and keeps it from going idle.
func (s *Service) shellOf(r request) (*shell, *fault) {
	id, there := r.selectors["ShellId"]
	if !there {
		return nil, faultNoSelector()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if last(&s.faults.Vanish) {
		for id := range s.shells {
			s.drop(id)
		}
	}
	sh := s.shells[strings.ToUpper(id)]
	if sh == nil {
		return nil, faultNoShell(id)
	}
	if sh.user != r.who.user {
		return nil, faultAccessDenied()
	}
	sh.timer.Reset(sh.idle)
	return sh, nil
}

// commandOf finds the command that a message is for.
func (s *Service) commandOf(sh *shell, id string) (*command, *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := sh.commands[strings.ToUpper(id)]
	if c == nil {
		return nil, faultNoCommand(id)
	}
	return c, nil
}

// drop ends a shell with all that runs in it. The service must be locked.
func (s *Service) drop(id string) {
	sh := s.shells[id]
	if sh == nil {
		return
	}
	delete(s.shells, id)
	if len(s.shells) == 0 {
		s.shells = nil
	}
	sh.timer.Stop()
	for id, c := range sh.commands {
		delete(sh.commands, id)
		c.abort()
	}
}

func (s *Service) endShells() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.shells {
		s.drop(id)
	}
}
