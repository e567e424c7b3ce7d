package transport

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"

	"farmwall/rules"
)

//go:embed powershell.ps1
var powershellText string

const (
	// maxWindowsCommand is what cmd.exe takes: 8,191 characters, with room for the
	// words that WinRM and sshd put around a command.
	maxWindowsCommand = 8_191 - 91
	// SSHConnection, as the connection of a script for PowerShell, has the host read it
	// from the environment that sshd made.
	SSHConnection = "ssh"
	powershellRun = "powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand "
)

// PowerShellCall is one script on its way to a host's PowerShell.
//
// The command is the same for every script; script and data cross standard
// input, which holds five lines of ASCII and then ends:
//
//	MARKER                 random, so that nobody else can print it
//	base64(gzip(body))
//	base64(gzip(data))
//	base64(connection)     or the word ssh
//	MARKER                 again: what was cut off is not run
//
// The host prints, each on a line of its own and among whatever else is printed,
// all of it at the script's end, so that it takes one Receive of WinRM:
//
//	MARKER refused WHY ... nothing was run: version, language or input
//	MARKER begin           the script's own code was begun
//	MARKER error base64    the text of the error that ended it, if one did
//	MARKER out base64      gzip of what the script answered, where it ended with 0
//	MARKER end STATUS      0 to 255
type PowerShellCall struct {
	// Command is for cmd.exe and for powershell.exe, which read it alike.
	Command string
	// Input is the whole of standard input.
	Input []byte

	lines  []string // of Input
	script rules.Script
	answer answer
	words  []byte // stderr, at most maxStderr
}

// PowerShell prepares a script for PowerShell. The connection is
// "CLIENT-ADDR CLIENT-PORT HOST-ADDR HOST-PORT", empty where it is not known, or
// SSHConnection.
func PowerShell(s rules.Script, connection string) (*PowerShellCall, error) {
	if s.Shell != rules.PowerShell {
		return nil, fmt.Errorf("%s is a script for sh and this host runs PowerShell", s.Name)
	}
	command := powershellRun + encodeCommand(powershellText)
	if len(command) > maxWindowsCommand {
		return nil, fmt.Errorf("%w: %d characters, at most %d", ErrCommandLine, len(command), maxWindowsCommand)
	}
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	marker := framePrefix + hex.EncodeToString(random[:])
	c := &PowerShellCall{
		Command: command,
		lines:   []string{marker, packed([]byte(s.Body)), packed(s.Input), "", marker, ""},
		script:  s, answer: answer{mark: []byte(marker + " ")},
	}
	c.Over(connection)
	return c, nil
}

// Over tells the script which connection it comes over, where that became known
// only now; it changes Input.
func (c *PowerShellCall) Over(connection string) {
	switch connection {
	case SSHConnection:
	case "": // an empty line could get lost
		connection = base64.StdEncoding.EncodeToString([]byte(" "))
	default:
		connection = base64.StdEncoding.EncodeToString([]byte(connection))
	}
	c.lines[3] = connection
	c.Input = []byte(strings.Join(c.lines, "\n"))
}

// encodeCommand is a script as -EncodedCommand takes it; comments and
// indentation stay at home.
func encodeCommand(script string) string {
	var text strings.Builder
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			text.WriteString(line + "\n")
		}
	}
	var units []byte
	for _, u := range utf16.Encode([]rune(text.String())) {
		units = binary.LittleEndian.AppendUint16(units, u)
	}
	return base64.StdEncoding.EncodeToString(units)
}

// packed is base64(gzip(b)).
func packed(b []byte) string {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b) // into memory: neither call can fail
	z.Close()
	return base64.StdEncoding.EncodeToString(buf.Bytes())
}
