package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// goingFile is a file that is locked while a run goes on. The lock ends with the
// process, whatever kills it, so that a run that was broken off is told from one
// that somebody else's process is busy with.
func (j *Journal) goingFile(run string) string {
	return filepath.Join(j.dir, "going", filepath.Base(run))
}

// hold says that a run of this process goes on.
func (j *Journal) hold(run string) error {
	if err := os.MkdirAll(filepath.Join(j.dir, "going"), 0o700); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	f, err := lockedFile(j.goingFile(run))
	if err != nil {
		return fmt.Errorf("journal: mark run %s as going on: %w", run, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.going == nil {
		j.going = map[string]*os.File{}
	}
	j.going[run] = f
	return nil
}

// release says that a run has ended.
func (j *Journal) release(run string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f := j.going[run]; f != nil {
		f.Close()
		delete(j.going, run)
	}
	// What is left of a run that died is as good as gone.
	_ = os.Remove(j.goingFile(run))
}

// Going says whether a process on this machine is busy with the run.
func (j *Journal) Going(_ context.Context, run string) (bool, error) {
	locked, err := isLocked(j.goingFile(run))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("journal: is run %s going on: %w", run, err)
	}
	return locked, nil
}
