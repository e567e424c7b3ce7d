package wsman

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"farmwall/transport/lab/windows"
)

// words is a machine for tests. Its commands:
//
//	echo TEXT     TEXT and a line end on stdout
//	type          stdin to stdout
//	head N        N bytes of stdin to stdout
//	count         how many bytes stdin has
//	err TEXT      TEXT on stderr
//	exit N        the exit code
//	sleep D       waits; "killed" on stderr when it is killed
//	out N         N bytes of stdout
//	lines N D     N lines, one each D
//	umlauts       letters that are more than a byte
//	who           who runs it, from where, and the environment's FW_TEST
//	missing       a program that cannot be started
//	wait          runs until it is killed
type words struct{ running atomic.Int32 }

func (m *words) busy() int { return int(m.running.Load()) }

func (m *words) Run(ctx context.Context, c windows.Command) (int64, error) {
	m.running.Add(1)
	defer m.running.Add(-1)
	verb, rest, _ := strings.Cut(c.Line, " ")
	switch verb {
	case "echo":
		fmt.Fprintf(c.Stdout, "%s\r\n", rest)
	case "type":
		if _, err := io.Copy(c.Stdout, c.Stdin); err != nil {
			return 1, nil
		}
	case "head":
		n, _ := strconv.Atoi(rest)
		io.CopyN(c.Stdout, c.Stdin, int64(n))
	case "count":
		n, _ := io.Copy(io.Discard, c.Stdin)
		fmt.Fprint(c.Stdout, n)
	case "err":
		fmt.Fprint(c.Stderr, rest)
	case "exit":
		n, err := strconv.ParseInt(rest, 10, 64)
		return n, err
	case "out":
		n, _ := strconv.Atoi(rest)
		io.Copy(c.Stdout, io.LimitReader(zeros{}, int64(n)))
	case "sleep":
		d, _ := time.ParseDuration(rest)
		select {
		case <-time.After(d):
			fmt.Fprint(c.Stdout, "slept")
		case <-ctx.Done():
			return 1, ctx.Err()
		}
	case "lines":
		count, each, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(count)
		d, _ := time.ParseDuration(each)
		for i := range n {
			fmt.Fprintf(c.Stdout, "line %d\r\n", i)
			time.Sleep(d)
		}
	case "umlauts":
		fmt.Fprint(c.Stdout, umlauts)
	case "who":
		fmt.Fprintf(c.Stdout, "%s %v %v %v %q", c.User, c.Admin, c.Client, c.Local, c.Env["FW_TEST"])
	case "missing":
		return 1, fmt.Errorf("%q is not recognized as an internal or external command", verb)
	case "wait":
		<-ctx.Done()
		return 1, ctx.Err()
	default:
		fmt.Fprintf(c.Stderr, "'%s' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", verb)
		return 1, nil
	}
	return 0, nil
}

const umlauts = "Grüße, Привет, 你好, 🧱!"

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}
