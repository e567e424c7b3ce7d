package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/wsman"
)

// Each thing that is wrong with a host has its own error, its exit code and a word on
// what to do; and no host is left half changed.
func TestWindowsBadHosts(t *testing.T) {
	for name, c := range map[string]struct {
		host  func(*windows.Options)
		line  func(*wsman.Options)
		fault wsman.Faults
		vars  string
		exit  int
		wants []string
	}{
		"wrong password": {vars: "ansible_password=wrong\n", exit: exitUnreachable, wants: []string{"rejected", "check the user and the password"}},
		"not WinRM":      {fault: wsman.Faults{Status: 404}, exit: exitUnreachable, wants: []string{"not WinRM", "port"}},
		"a proxy":        {fault: wsman.Faults{Status: 502}, exit: exitUnreachable, wants: []string{"not WinRM"}},
		"self-signed": {line: func(o *wsman.Options) { o.TLS = certified(t, netip.MustParseAddr("127.0.0.9")) }, vars: "ansible_winrm_scheme=https\n",
			exit: exitUnreachable, wants: []string{"certificate not trusted: SHA-256", "ping --learn"}},
		"http, not https":       {line: func(o *wsman.Options) { o.TLS = certified(t) }, exit: exitUnreachable, wants: []string{"https"}},
		"https, not http":       {vars: "ansible_winrm_scheme=https\n", exit: exitUnreachable, wants: []string{"TLS", "http"}},
		"Basic is not offered":  {line: func(o *wsman.Options) { o.TLS = certified(t) }, vars: "ansible_winrm_scheme=https\nansible_winrm_transport=basic\nansible_winrm_server_cert_validation=ignore\n", exit: exitUnreachable, wants: []string{"scheme not offered", "Negotiate"}},
		"Basic over http":       {vars: "ansible_winrm_transport=basic\n", exit: exitNotStarted, wants: []string{"in the clear over http", "farm.ini:"}},
		"Negotiate is off":      {line: func(o *wsman.Options) { o.Schemes = wsman.Schemes{Kerberos: true} }, exit: exitUnreachable, wants: []string{"scheme not offered"}},
		"quota":                 {fault: wsman.Faults{Quota: 99}, exit: exitUnreachable, wants: []string{"quota exceeded"}},
		"shells are disabled":   {fault: wsman.Faults{ShellsDisabled: true}, exit: exitFailed, wants: []string{"AllowRemoteShellAccess"}},
		"no shell for this one": {fault: wsman.Faults{AccessDenied: true}, exit: exitFailed, wants: []string{"no privilege", "dministrator"}},
		"never answers":         {fault: wsman.Faults{Silent: true}, vars: "ansible_timeout=1\nansible_winrm_operation_timeout_sec=1\n", exit: exitUnreachable, wants: []string{"timed out"}},
		"PowerShell 2":          {host: func(o *windows.Options) { o.Faults.PSVersion = "2.0" }, exit: exitFailed, wants: []string{"PowerShell is too old", "2.0"}},
		"constrained language":  {host: func(o *windows.Options) { o.Faults.ConstrainedLanguage = true }, exit: exitFailed, wants: []string{"constrained language mode"}},
		"not an administrator":  {host: func(o *windows.Options) { o.Faults.NotAdmin = true }, exit: exitFailed, wants: []string{"administrator"}},
		"Add is denied":         {host: func(o *windows.Options) { o.Faults.DenyAdd = true }, exit: exitFailed, wants: []string{"w1"}},
		"firewall is stopped":   {host: func(o *windows.Options) { o.Services = map[string]string{"MpsSvc": "Stopped"} }, exit: exitFailed, wants: []string{"MpsSvc"}},
		"scheduler is stopped":  {host: func(o *windows.Options) { o.Services = map[string]string{"Schedule": "Stopped"} }, exit: exitFailed, wants: []string{"Schedule"}},
		"foreign folder":        {host: func(o *windows.Options) { o.Faults.FolderOwner = `LAB\eve` }, exit: exitFailed, wants: []string{`LAB\eve`}},
		"full disk":             {host: func(o *windows.Options) { o.Faults.FullDisk = true }, exit: exitFailed, wants: []string{"w1"}},
		"group policy rules": {host: func(o *windows.Options) {
			o.GPO = windows.BuiltIn("")
			o.GroupPolicy = map[string]map[string]uint32{"DomainProfile": {"AllowLocalPolicyMerge": 0}}
		}, exit: exitNotOpen, wants: []string{"AllowLocalPolicyMerge"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := winFarmOf(t, 1, winOptions{host: c.host, line: c.line, vars: c.vars})
			h := f.hosts[0]
			h.service.SetFaults(c.fault)
			args := []string{"apply", "-y", "--confirm-timeout", "10s"}
			if strings.Contains(c.vars, "ignore") {
				args = append(args, "--insecure-winrm")
			}
			out := f.must(c.exit, args, c.wants...)
			t.Log(problemLine(out))
			if got := h.some(true); len(got) > 0 && c.exit != exitNotOpen {
				t.Errorf("half changed: %s", got)
			}
			f.untouched()
		})
	}
}

// The firewall's service stops between two writes, and comes back: the host is put
// back as it was.
func TestWindowsServiceStopsMidway(t *testing.T) {
	t.Parallel()
	f := winFarmOf(t, 1, winOptions{host: func(o *windows.Options) { o.Faults.StopAfterWrites = 3 }})
	h := f.hosts[0]
	go func() {
		for f.t.Context().Err() == nil {
			if state, _ := h.Policy("CurrentProfileTypes", 0); state == nil {
				time.Sleep(2 * time.Second)
				h.SetService("MpsSvc", "Running")
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	f.must(exitFailed, []string{"apply", "-y", "--confirm-timeout", "10s"}, "HRESULT 0x800706D9", "back in its old state")
	if got := h.some(true); len(got) > 0 {
		t.Errorf("half changed: %s", got)
	}
	f.untouched()
	f.must(exitOK, []string{"apply", "-y"})
	f.settled()
}

// problemLine is the first line that tells of a problem.
func problemLine(out string) string {
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, ": w1:") || strings.Contains(line, "error:") {
			return line
		}
	}
	return out
}

// A shell that vanishes in the middle costs nothing but time: what became of the host
// is found out by reading it.
func TestWindowsShellVanishes(t *testing.T) {
	for after := 3; after <= 24; after += 3 {
		f := winFarmOf(t, 1, winOptions{})
		h := f.hosts[0]
		h.service.SetFaults(wsman.Faults{Vanish: after})
		code, out := f.run("apply", "-y", "--confirm-timeout", "10s")
		switch n := len(h.ours()); {
		case code == exitOK && n > 0 && !strings.Contains(out, "w1: unreachable"):
		case (code == exitFailed || code == exitUnreachable) && n == 0:
		default:
			t.Errorf("after %d messages: exit %d with %d rules\n%s", after, code, n, out)
		}
		f.untouched()
		f.must(exitOK, []string{"apply", "-y"})
		f.settled()
	}
}
