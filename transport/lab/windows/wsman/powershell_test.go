package wsman

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"farmwall/transport/lab/windows"
)

// scripted is a machine that knows powershell.exe -EncodedCommand: what it is given
// is answered as far as Ansible's raw and script need.
type scripted struct {
	words
	mu    sync.Mutex
	files [][]byte // as they came
	given [][]byte // what its runner was given
}

var encoded = regexp.MustCompile(`(?i)^powershell(?:\.exe)? .*-EncodedCommand ([A-Za-z0-9+/=]+)`)

func (m *scripted) Run(ctx context.Context, c windows.Command) (int64, error) {
	script := c.Line
	for {
		found := encoded.FindStringSubmatch(strings.SplitN(script, "\n", 2)[0])
		if found == nil {
			break
		}
		raw, err := base64.StdEncoding.DecodeString(found[1])
		if err != nil {
			return 1, err
		}
		script = fromUTF16(raw) // Ansible wraps some commands twice
	}
	if script == c.Line {
		return m.words.Run(ctx, c)
	}
	m.running.Add(1)
	defer m.running.Add(-1)
	switch {
	case strings.Contains(script, "SHA1CryptoServiceProvider"): // a file comes, as base64 in lines
		var file []byte
		lines := bufio.NewReader(c.Stdin)
		for {
			line, err := lines.ReadString('\n')
			part, bad := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
			if bad != nil {
				return 1, bad
			}
			if file = append(file, part...); err != nil {
				break
			}
		}
		m.mu.Lock()
		m.files = append(m.files, file)
		m.mu.Unlock()
		fmt.Fprintf(c.Stdout, "{\"sha1\":\"%x\"}\r\n", sha1.Sum(file))
		return 0, nil
	case strings.Contains(script, "New-Item -Type Directory"): // a folder to copy to
		fmt.Fprint(c.Stdout, `C:\Windows\Temp\ansible-tmp`+"\r\n")
		return 0, nil
	case strings.Contains(script, "$input"): // Ansible's own runner, which comes on stdin with what it is to run
		all, _ := io.ReadAll(c.Stdin)
		m.mu.Lock()
		m.given = append(m.given, all)
		m.mu.Unlock()
		fmt.Fprintf(c.Stdout, "the runner has come: %d bytes\r\n", len(all))
		return 0, nil
	case strings.Contains(script, "Remove-Item"):
		return 0, nil
	}
	c.Line = strings.TrimSpace(script)
	return m.words.Run(ctx, c)
}
