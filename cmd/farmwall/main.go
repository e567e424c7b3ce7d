// Command farmwall makes the host firewall of every server in a Parallels RAS
// farm match what the server's roles need, proves that it does, and puts it back
// when it does not work.
//
// Every verb is one file here. A verb reads its flags, calls tasks, and gives the
// result to a printer; exit.go alone decides exit codes.
package main

import (
	"context"
	"os"

	"farmwall/transport/lab"
)

func main() {
	if handled, code := lab.Main(os.Args[1:]); handled { // a part of the lab, run by itself
		os.Exit(code)
	}
	if handled, code := windowsPart(os.Args[1:]); handled {
		os.Exit(code)
	}
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
