package wsman

import (
	"context"
	"maps"
	"regexp"
	"strings"
	"time"

	"farmwall/transport/lab/windows"
)

// The longest command lines of cmd.exe and of CreateProcess, in UTF-16 units.
const (
	cmdLimit     = 8191
	processLimit = 32767
)

func (s *Service) command(_ context.Context, r request) (string, *fault) {
	sh, f := s.shellOf(r)
	if f != nil {
		return "", f
	}
	e := r.body.child(nsShell, "CommandLine")
	if e == nil {
		return "", faultSchema()
	}
	words := []string{e.child(nsShell, "Command").value()}
	for _, c := range e.children {
		if c.name.Space == nsShell && c.name.Local == "Arguments" && c.value() != "" {
			words = append(words, c.value())
		}
	}
	lineText := strings.Join(words, " ")
	if words[0] == "" || strings.ContainsRune(lineText, 0) {
		return "", faultParameter()
	}
	size := len(utf16le(lineText)) / 2
	direct := r.truth("WINRS_SKIP_CMD_SHELL")
	if direct && (size > processLimit || !fullPath.MatchString(lineText)) {
		return "", faultNotFound()
	}
	c := newCommand(e.attr("CommandId"), !r.truth("WINRS_CONSOLEMODE_STDIN"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.commandQuota(sh); f != nil {
		return "", f
	}
	if sh.commands[strings.ToUpper(c.id)] != nil {
		return "", faultParameter()
	}
	c.visible = time.Now().Add(s.faults.SlowOutput)
	sh.commands[strings.ToUpper(c.id)] = c
	sh.started++
	client, local := r.line.ends()
	what := windows.Command{Line: lineText, Env: maps.Clone(sh.env), User: r.who.user, Admin: r.who.admin, Client: client, Local: local,
		Stdin: &c.in, Stdout: &c.out[0], Stderr: &c.out[1]}
	ctx, cancel := context.WithCancel(r.line.base)
	c.cancel = cancel
	clixml := s.faults.Clixml
	go func() {
		defer cancel()
		if clixml {
			what.Stderr.Write([]byte(progressRecord))
		}
		if size > cmdLimit && !direct {
			what.Stderr.Write([]byte("The command line is too long.\r\n"))
			c.end(1, nil)
			return
		}
		c.end(s.machine.Run(ctx, what))
	}()
	return "<rsp:CommandResponse><rsp:CommandId>" + escape(c.id) + "</rsp:CommandId></rsp:CommandResponse>", nil
}

// Without cmd.exe only a program by its whole path is found (in practice).
var fullPath = regexp.MustCompile(`(?i)^"?([a-z]:|%[a-z]+%)\\[^"]*\.exe`)

// progressRecord is what powershell.exe writes when it loads its modules.
const progressRecord = "#< CLIXML\r\n" + `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN><MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj></Objs>`

// commandQuota says what is in the way of one more command. The service must be
// locked.
func (s *Service) commandQuota(sh *shell) *fault {
	if strikes(&s.faults.Quota) {
		return s.quotaFault(2150859174)
	}
	operations, running := uint32(0), uint32(0)
	for _, other := range s.shells {
		if other.user != sh.user {
			continue
		}
		if s.faults.KeepOperations {
			operations += uint32(other.started)
		} else {
			operations += uint32(len(other.commands))
		}
	}
	for _, c := range sh.commands {
		if !c.hasEnded() {
			running++
		}
	}
	switch q := s.quotas; {
	case operations >= q.MaxConcurrentOperationsPerUser:
		return faultUserQuota(2150859174, q.MaxConcurrentOperationsPerUser, "operations", s.faults.QuotaWMI)
	case uint32(len(sh.commands)) >= q.MaxCommandsPerShell:
		return faultQuota(2150859241, "The WS-Management service cannot process the request. "+
			"The maximum number of concurrent commands per shell has been exceeded. ", s.faults.QuotaWMI)
	case running >= q.MaxProcessesPerShell:
		return faultPlugin(1816, "Not enough quota is available to process this command. ")
	}
	return nil
}

func (s *Service) signal(_ context.Context, r request) (string, *fault) {
	sh, f := s.shellOf(r)
	if f != nil {
		return "", f
	}
	e := r.body.child(nsShell, "Signal")
	if e == nil {
		return "", faultSchema()
	}
	c, f := s.commandOf(sh, e.attr("CommandId"))
	if f != nil {
		return "", f
	}
	switch code := strings.ToLower(e.child(nsShell, "Code").value()); code {
	case signalPrefix + "terminate":
		s.mu.Lock()
		delete(sh.commands, strings.ToUpper(c.id))
		s.mu.Unlock()
		c.abort()
	case signalPrefix + "ctrl_c", signalPrefix + "ctrl_break":
		c.interrupt()
	default:
		return "", faultParameter()
	}
	return "<rsp:SignalResponse/>", nil
}
