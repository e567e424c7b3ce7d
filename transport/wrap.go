package transport

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
)

// frameBegin and frameEnd stand around a script's body. They skip what stands
// before the frame's line on standard input: sudo leaves the password line
// there where it needs no password.
var (
	//go:embed frame_begin.sh
	frameBegin string
	//go:embed frame_end.sh
	frameEnd string
)

const (
	// maxCommand is below the 131,072 bytes that Linux allows one argument.
	maxCommand = 120_000
	// packAbove is the size in bytes from which a script is packed: below it the process
	// that unpacks costs the host more than the bytes.
	packAbove   = 40_000
	readyLine   = "farmwall-ready\n"
	framePrefix = "farmwall-frame-"
	// sudoPrompt is what sudo prints where it wants the password; it must mean
	// the same in every login shell.
	sudoPrompt = "farmwall-sudo-password:"
)

// Sudo says with whose right a script runs.
type Sudo struct {
	Use      bool
	User     string // empty: root
	Password inventory.Secret
	// Login is the account that calls sudo and Host its host, for the gate.
	Login, Host string
	Gate        *Gate // nil: the password may be used freely
}

// Call is one script on its way to a host's sh.
type Call struct {
	// Command is for the login shell, whichever it is: bash, dash, busybox ash,
	// tcsh and fish read it alike. The login shell expands SSH_CONNECTION, so it
	// is read before any sudo.
	Command string

	script rules.Script
	sudo   Sudo
	frame  string // the random marker around the script's output
}

// Sh prepares a script for sh. The script travels in the command and standard
// input carries data only: dash and ash read ahead, and with both on one stream
// the data would run as commands.
func Sh(s rules.Script, sudo Sudo) (*Call, error) {
	if s.Shell == rules.PowerShell {
		return nil, fmt.Errorf("%s is a PowerShell script and this host runs sh", s.Name)
	}
	text, unpack := frameBegin+s.Body+frameEnd, "base64 -d"
	if len(text) > packAbove {
		text, unpack = pack(text), "base64 -d | gzip -dc"
	}
	text = base64.StdEncoding.EncodeToString([]byte(text))
	command := `/bin/sh -c 'eval "$(echo ` + text + ` | ` + unpack + `)"' farmwall "$SSH_CONNECTION"`
	if sudo.Use {
		user := sudo.User
		if user == "" {
			user = "root"
		}
		if !accountName(user) {
			return nil, fmt.Errorf("%q is no account name that sudo could be given", user)
		}
		if strings.ContainsAny(sudo.Password.Reveal(), "\n\r\x00") {
			return nil, fmt.Errorf("the sudo password has a line break in it, and sudo reads one line")
		}
		if strings.HasPrefix(sudo.Password.Reveal(), framePrefix) {
			return nil, fmt.Errorf("the sudo password begins with %q, which farmwall cannot send", framePrefix)
		}
		how := "-n"
		if !sudo.Password.Empty() {
			how = "-S -p " + sudoPrompt
		}
		command = "env LC_ALL=C sudo -H " + how + " -u " + user + " -- " + command
	}
	command = "exec " + command // else some shells wait in a process of their own
	if len(command) > maxCommand {
		return nil, fmt.Errorf("%s is too long for one command: %d bytes, at most %d", s.Name, len(command), maxCommand)
	}
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	return &Call{Command: command, script: s, sudo: sudo, frame: framePrefix + hex.EncodeToString(random[:])}, nil
}

// pack is gzip, fast rather than small: it is done for every host anew.
func pack(text string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // fails for a wrong level only
	z.Write([]byte(text))                           // a buffer takes all
	z.Close()
	return b.String()
}

// accountName says whether the name can stand in a command of any shell.
func accountName(name string) bool {
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		case (r == '-' || r == '.' || r == '@') && i > 0:
		default:
			return false
		}
	}
	return name != "" && len(name) <= 256
}
