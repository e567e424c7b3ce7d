package lab

import (
	"io"
	"os"
	"reflect"
	"sync"
	"time"
)

// stdio is a command's three descriptors and the copying that feeds them.
type stdio struct {
	theirs  []*os.File
	opened  []*os.File // those of theirs that are ours to close
	ours    []*os.File
	outputs sync.WaitGroup
}

func connect(c Command) (*stdio, error) {
	s := &stdio{}
	err := s.input(c.Stdin)
	if err == nil {
		err = s.output(c.Stdout)
	}
	switch {
	case err != nil:
	case same(c.Stdout, c.Stderr):
		s.theirs = append(s.theirs, s.theirs[1])
	default:
		err = s.output(c.Stderr)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// same says that both outputs go to one writer, which then must get them from
// one goroutine.
func same(a, b io.Writer) bool {
	kind := reflect.TypeOf(a)
	return kind != nil && kind == reflect.TypeOf(b) && kind.Comparable() && a == b
}

func (s *stdio) input(from io.Reader) error {
	if f, ok := from.(*os.File); ok && f != nil {
		s.theirs = append(s.theirs, f)
		return nil
	}
	if from == nil {
		return s.null(os.O_RDONLY)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.theirs, s.opened, s.ours = append(s.theirs, r), append(s.opened, r), append(s.ours, w)
	go func() {
		io.Copy(w, from)
		w.Close()
	}()
	return nil
}

func (s *stdio) output(to io.Writer) error {
	if f, ok := to.(*os.File); ok && f != nil {
		s.theirs = append(s.theirs, f)
		return nil
	}
	if to == nil {
		return s.null(os.O_WRONLY)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.theirs, s.opened, s.ours = append(s.theirs, w), append(s.opened, w), append(s.ours, r)
	s.outputs.Add(1)
	go func() {
		defer s.outputs.Done()
		io.Copy(to, r)
	}()
	return nil
}

func (s *stdio) null(flag int) error {
	f, err := os.OpenFile(os.DevNull, flag, 0)
	if err != nil {
		return err
	}
	s.theirs, s.opened = append(s.theirs, f), append(s.opened, f)
	return nil
}

// handedOver lets go of the command's ends, so that its end shows.
func (s *stdio) handedOver() {
	closeFiles(s.opened)
	s.opened = nil
}

// drain waits for the rest of the output. A child of the command that goes on
// may hold the pipe for ever, so not longer than drainTime without end.
func (s *stdio) drain() {
	for _, f := range s.ours {
		f.SetReadDeadline(time.Now().Add(drainTime))
	}
	s.outputs.Wait()
}

func (s *stdio) close() {
	closeFiles(s.opened)
	closeFiles(s.ours)
}
