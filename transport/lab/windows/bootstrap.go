package windows

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// call is a script as it arrives at PowerShell: what stands on standard input after the
// fixed program of transport/powershell.go was given as -EncodedCommand.
type call struct {
	marker     string
	script     string // what the first line of its text calls it: "observe"
	data       []byte
	connection string // as sent, or "ssh"
}

// maxUnpacked is more than any script or input of farmwall's has.
const maxUnpacked = 64 << 20

// errForeign refuses what is not farmwall's.
var errForeign = errors.New("the lab's engine model runs only farmwall's own scripts; use the engine powershell for others")

var scriptLine = regexp.MustCompile(`^# farmwall ([a-z]{1,20}) 1\r?\n`)

// readCall reads the five lines. The marker is set as soon as there is a first line.
func readCall(lines []string) (call, error) {
	var c call
	if len(lines) > 0 {
		c.marker = strings.TrimSpace(lines[0])
	}
	if c.marker == "" {
		return c, errForeign
	}
	if len(lines) < 5 || strings.TrimSpace(lines[4]) != c.marker {
		return c, fmt.Errorf("%d lines of input", len(lines))
	}
	body, err := unpack(lines[1])
	if err != nil {
		return c, err
	}
	m := scriptLine.FindSubmatch(body)
	if m == nil {
		return c, errForeign
	}
	c.script = string(m[1])
	if c.data, err = unpack(lines[2]); err != nil {
		return c, err
	}
	if c.connection = strings.TrimSpace(lines[3]); c.connection != "ssh" {
		text, err := base64.StdEncoding.DecodeString(c.connection)
		if err != nil {
			return c, err
		}
		c.connection = strings.TrimSpace(string(text))
	}
	return c, nil
}

// unpack is the inverse of base64(gzip(b)).
func unpack(line string) ([]byte, error) {
	packed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxUnpacked {
		return nil, errors.New("over 64 MiB of input")
	}
	return b, nil
}

// packText is base64(gzip(b)), fast rather than small.
func packText(b []byte) string {
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	z.Write(b) // into memory: neither call can fail
	z.Close()
	return base64.StdEncoding.EncodeToString(buf.Bytes())
}
