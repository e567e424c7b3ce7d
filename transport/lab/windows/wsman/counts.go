package wsman

// Counts is what has happened at a host since it began.
type Counts struct {
	// Connections were accepted; Open are there now.
	Connections, Open int
	// Requests are HTTP requests, handshakes included; Messages are those with SOAP.
	Requests, Messages                                            int
	Create, Command, Send, Receive, Signal, Delete, Get, Identify int
	// Logons succeeded (one a connection, for Basic one a connection and account);
	// Refused are wrong passwords, bad tickets and the like.
	Logons, Refused int
	// Faults are SOAP faults given, Unsealed messages that came or went in clear
	// text over HTTP.
	Faults, Unsealed int
	// Shells and Commands are there now.
	Shells, Commands int
}

// Counts tells what has happened so far.
func (s *Service) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Shells = len(s.shells)
	for _, sh := range s.shells {
		c.Commands += len(sh.commands)
	}
	return c
}

// ResetCounts starts counting anew; connections that are open stay counted as open.
func (s *Service) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = Counts{Open: s.counts.Open}
}

func (s *Service) count(add func(c *Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counts)
}
