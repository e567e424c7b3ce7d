package wsman

import "time"

// Faults are what a host does wrong on demand. Those that count are used up: each
// time one strikes, its number falls.
type Faults struct {
	// SlowOutput holds the output of each command back for that long.
	SlowOutput time.Duration
	// ClockSkew is how far the host's clock is ahead.
	ClockSkew time.Duration
	// Quota answers that many Creates or Commands with a quota fault (QuotaCode, or
	// the code that fits); QuotaWMI writes it, and real ones, as MSFT_WmiError.
	Quota     int
	QuotaCode uint32
	QuotaWMI  bool
	// KeepOperations: operations count against the user even when they are over,
	// until their shell is deleted.
	KeepOperations bool
	// Vanish takes every shell away after that many more messages to shells.
	Vanish int
	// Forget makes the host forget, after that many more messages, who logged on on
	// which connection: sealed messages are then answered with 400.
	Forget int
	// Reset cuts that many Receives with a TCP reset while they wait.
	Reset int
	// Busy answers that many Sends with fault 170.
	Busy int
	// EmptyOK answers an empty POST on an authenticated connection with 200, not 401.
	EmptyOK bool
	// Chunked sends answers in chunks, without a length.
	Chunked bool
	// SplitRunes cuts output into Streams in the middle of UTF-8 characters.
	SplitRunes bool
	// Clixml adds a progress record to each command's standard error.
	Clixml bool
	// NoShellBody leaves rsp:Shell out of CreateResponse, as old hosts do.
	NoShellBody bool
	// ShellsDisabled is AllowRemoteShellAccess=false; AccessDenied refuses everybody
	// a shell.
	ShellsDisabled, AccessDenied bool
	// Unsealed is the status for a message that should have been sealed; 0: 401 for
	// NTLM and 500 for Kerberos.
	Unsealed int
	// Status answers everything with that status and an HTML page: a proxy, IIS.
	Status int
	// Silent accepts connections and never answers.
	Silent bool
}

// Faults are those that are left.
func (s *Service) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// SetFaults changes what goes wrong from now on.
func (s *Service) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// strikes uses one of a fault's number up. The service must be locked.
func strikes(left *int) bool {
	if *left <= 0 {
		return false
	}
	*left--
	return true
}

// last says whether this was the last of a fault's number: what takes effect after
// that many messages. The service must be locked.
func last(left *int) bool { return strikes(left) && *left == 0 }
