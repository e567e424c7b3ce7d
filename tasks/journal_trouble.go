package tasks

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// SQLite's primary result codes, https://www.sqlite.org/rescode.html; the higher bits
// of a code say more.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteIO       = 10
	sqliteFull     = 13
	sqliteNotADB   = 26
)

// ErrJournalBusy says that somebody else holds the journal and does not let go of it.
var ErrJournalBusy = errors.New("another program holds the journal and does not let go of it")

// trouble says in words what went wrong with the journal's file, and what to do.
func trouble(err error) error {
	var own *sqlite.Error
	if !errors.As(err, &own) {
		return err
	}
	switch own.Code() & 0xff {
	case sqliteBusy:
		return fmt.Errorf("%w; find and end that program, or wait for it (%w)", ErrJournalBusy, err)
	case sqliteFull:
		return fmt.Errorf("the disk is full; make room where the journal is, or name another folder with --state (%w)", err)
	case sqliteIO: // the file that readers and writers share cannot grow either: SQLITE_IOERR_SHMSIZE and others
		return fmt.Errorf("the disk is full, or fails; make room where the journal is, or name another folder with --state (%w)", err)
	case sqliteReadOnly:
		return fmt.Errorf("the file cannot be written; check its rights and those of its folder (%w)", err)
	case sqliteNotADB:
		return fmt.Errorf("the file is no journal; move it away, or name another folder with --state (%w)", err)
	}
	return err
}
