package watch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrRunning says that another process is in a cycle on the same journal.
var ErrRunning = errors.New("another cycle is running on this journal")

// lockFile lies beside the journal. The lock on it ends with its process.
const lockFile = "cycle.lock"

// Lock takes the journal's directory for one cycle, or returns ErrRunning with who
// has it. Release gives it back.
func Lock(dir, who string) (release func(), err error) {
	path := filepath.Join(dir, lockFile)
	f, err := lock(path)
	if errors.Is(err, ErrRunning) {
		if holder := holder(path); holder != "" {
			err = fmt.Errorf("%w: %s", err, holder)
		}
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	// Who it is is a service to the reader, in a file of its own: a locked one cannot
	// be read on Windows.
	note := fmt.Sprintf("%s, process %d, since %s", who, os.Getpid(), time.Now().Format(time.DateTime))
	_ = os.WriteFile(path+".holder", []byte(note), 0o600)
	return func() { f.Close() }, nil
}

func holder(path string) string {
	f, err := os.Open(path + ".holder")
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 200))
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(text))
}
