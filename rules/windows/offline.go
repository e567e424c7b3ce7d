package windows

import (
	"encoding/base64"
	"fmt"
	"strings"

	"farmwall/rules"
)

// The formats of Export.
const (
	FormatPowerShell = "powershell"
	FormatNetsh      = "netsh"
)

// exportWire is the data of the exported program.
type exportWire struct {
	Format int        `json:"format"`
	Farm   string     `json:"farm"`
	Add    []addition `json:"add"`
}

// Export is a file that makes a set true of a host that cannot be reached; somebody
// carries it there and runs it as an administrator. want must be settled. What Windows
// cannot say is refused, as Check does.
//
// FormatPowerShell is the scripts of an apply with the rules as data: it keeps what is
// right, adds, and removes what is ours and not wanted. FormatNetsh is for hosts where no
// script may run: lines of netsh, in a file for cmd.exe, that add what is wanted after
// removing the rules of the same names; it cannot find rules that are not wanted any more.
func Export(want rules.Set, format string) ([]byte, error) {
	want = writable(want)
	if refusals := refuseRules(want); len(refusals) > 0 {
		return nil, refusals
	}
	switch format {
	case FormatPowerShell:
		return exportPowerShell(want), nil
	case FormatNetsh:
		return exportNetsh(want), nil
	}
	return nil, fmt.Errorf("a Windows host takes the formats %s and %s, not %q", FormatPowerShell, FormatNetsh, format)
}

// base64Line is how long a line of data is: short enough for every editor and mail.
const base64Line = 120

// exportPowerShell puts the data into the program as base64, which holds no sign that
// PowerShell knows.
func exportPowerShell(want rules.Set) []byte {
	w := exportWire{Format: format, Add: additions(want, mostAddresses)}
	if len(want) > 0 {
		w.Farm = want[0].Farm
	}
	data := base64.StdEncoding.EncodeToString(encode(w))
	var b strings.Builder
	fmt.Fprintf(&b, "# Firewall rules of farmwall, %d of them. Run as an administrator:\n", len(w.Add))
	b.WriteString("#   powershell -NoProfile -ExecutionPolicy Bypass -File THIS-FILE\n")
	b.WriteString("$farmwallData = [Convert]::FromBase64String(@'\n")
	for len(data) > base64Line {
		b.WriteString(data[:base64Line] + "\n")
		data = data[base64Line:]
	}
	b.WriteString(data + "\n'@)\n& {\n")
	b.WriteString(body("export"))
	b.WriteString("} $farmwallData '' $null\n")
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n"))
}

// netshAddresses keeps a line below the 8,191 characters that cmd.exe takes: an address of
// IPv6 with its length may have 43.
const netshAddresses = 150

// exportNetsh writes a file for cmd.exe. The lease number in its names is 0, which no
// change has; the marks change with the content, so what farmwall finds later it knows.
func exportNetsh(want rules.Set) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("@echo off")
	line("rem Firewall rules of farmwall. Run as an administrator.")
	line("setlocal DisableDelayedExpansion")
	line("net session >nul 2>&1 || (echo Run this as an administrator. & exit /b 1)")
	for _, a := range additions(want, netshAddresses) {
		name := a.Mark + ":0"
		if a.Part > 0 {
			name += fmt.Sprintf(":%d", a.Part)
		}
		direction := "in"
		if a.Direction == 2 {
			direction = "out"
		}
		ports := ""
		for key, list := range map[string]string{"localport": a.LocalPorts, "remoteport": a.RemotePorts} {
			if list != "" { // at most one of the two is there
				ports = " " + key + "=" + quoted(list)
			}
		}
		remote := a.RemoteAddresses
		if remote == "*" {
			remote = "any"
		}
		line("netsh advfirewall firewall delete rule name=%s >nul 2>&1", quoted(name))
		line("netsh advfirewall firewall add rule name=%s dir=%s action=allow profile=any protocol=%d%s remoteip=%s description=%s || exit /b 1",
			quoted(name), direction, a.Protocol, ports, quoted(remote), quoted(a.Description))
	}
	line("exit /b 0")
	return []byte(b.String())
}

// additions are the rules as they are written, cut into parts of at most so many addresses.
func additions(want rules.Set, most int) []addition {
	list := []addition{}
	for i := range want {
		for _, p := range cutInto(&want[i], most) {
			list = append(list, say(&p))
		}
	}
	return list
}

// quoted is a value for cmd.exe and netsh. Nothing that either of them reads as more than
// itself gets through, whatever the checks before have let pass.
func quoted(s string) string {
	return `"` + strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(" .,:;/*-", c) {
			return c
		}
		return '_'
	}, s) + `"`
}
