package lab

import (
	"io"
	"os"
)

// Command is a program to run in the farm.
type Command struct {
	Argv []string
	// Env is added to the environment: in the controller's place this program's own
	// and the lab's (Farm.Env), on a host the one that sshd gives.
	Env []string
	// Dir is where it runs. Empty: here, or /root on a host.
	Dir string
	// An *os.File is passed on as it is, nil is /dev/null, anything else is copied;
	// Stdout and Stderr may be the same writer.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// TTY makes Stdin, a terminal, the command's controlling terminal.
	TTY bool
	// Signals are forwarded to the command and all its children.
	Signals <-chan os.Signal
}
