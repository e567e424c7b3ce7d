package tasks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who holds the journal and does not let go of it is told of, by readers and writers.
func TestAJournalThatSomebodyHolds(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	j, err := openWithin(dir, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	holder := openJournal(t, dir)
	tx, err := holder.db.Begin() // the journal's transactions take the lock at once
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := j.Begin(ctx, RunRecord{ID: "r1"}); !errors.Is(err, ErrJournalBusy) {
		t.Errorf("begin: %v", err)
	}
	if busy, err := j.Going(ctx, "r1"); err != nil || busy {
		t.Errorf("a run that could not begin is going on: %v, %v", busy, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := j.Begin(ctx, RunRecord{ID: "r1"}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestWhatIsNoJournal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "journal.db"), []byte(strings.Repeat("no database ", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir); err == nil || !strings.Contains(err.Error(), "is no journal; move it away") {
		t.Errorf("%v", err)
	}
}

// A run goes on for as long as its process has not ended it, and no longer.
func TestARunGoesOnWhileItsProcessLives(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	going := func(j *Journal, want bool, when string) {
		t.Helper()
		if busy, err := j.Going(ctx, "r1"); err != nil || busy != want {
			t.Errorf("%s: %v, %v", when, busy, err)
		}
	}
	mine, other := openJournal(t, dir), openJournal(t, dir)
	going(other, false, "before")
	if err := mine.Begin(ctx, RunRecord{ID: "r1"}); err != nil {
		t.Fatal(err)
	}
	going(other, true, "begun")
	mine.Close() // as if the process had died
	going(other, false, "died")
	if open, err := other.Open(ctx); err != nil || len(open) != 1 || open[0].ID != "r1" {
		t.Errorf("open: %+v, %v", open, err)
	}
	if err := other.End(ctx, "r1", 0); err != nil {
		t.Fatal(err)
	}
	going(other, false, "ended")
	if left, _ := os.ReadDir(filepath.Join(dir, "going")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if open, err := other.Open(ctx); err != nil || len(open) != 0 {
		t.Errorf("open: %+v, %v", open, err)
	}
}
