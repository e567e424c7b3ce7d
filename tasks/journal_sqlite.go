package tasks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

// ErrAppliedBefore says that the plan was applied once already.
var ErrAppliedBefore = errors.New("this plan was applied before")

// ErrJournalNewer says that a newer farmwall has written the journal.
var ErrJournalNewer = errors.New("the journal was written by a newer farmwall")

// ErrJournalDamaged says that the journal is not what was written.
var ErrJournalDamaged = errors.New("the journal was changed")

// Journal is the Keeper on disk: an append-only chain of entries in SQLite.
// Several processes may use one journal at once.
type Journal struct {
	db  *sql.DB
	now func() time.Time
	dir string

	mu    sync.Mutex
	going map[string]*os.File // the runs of this process
}

// The columns of entries are all covered by its hash; blobs are named by the
// SHA-256 of their content, so that an address list or an undo copy that many
// hosts share is kept once.
const schema = `
CREATE TABLE IF NOT EXISTS entries (
	n      INTEGER PRIMARY KEY AUTOINCREMENT,
	time   TEXT NOT NULL,
	kind   TEXT NOT NULL,
	run    TEXT NOT NULL,
	farm   TEXT NOT NULL,
	host   TEXT NOT NULL,
	status TEXT NOT NULL,
	body   TEXT NOT NULL,
	hash   TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_run ON entries (run, n);
CREATE INDEX IF NOT EXISTS entries_host ON entries (host, farm, kind, n);
CREATE INDEX IF NOT EXISTS entries_kind ON entries (kind, n);
CREATE TABLE IF NOT EXISTS blobs (
	hash TEXT PRIMARY KEY,
	data BLOB NOT NULL
) WITHOUT ROWID;
`

// journalPatience is how long a reader or writer waits for another one.
const journalPatience = 30 * time.Second

// OpenJournal opens the journal in a directory, which it makes (mode 0700)
// where it is missing. The directory must be on a local disk.
func OpenJournal(dir string) (*Journal, error) { return openWithin(dir, journalPatience) }

func openWithin(dir string, patience time.Duration) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	path := filepath.Join(dir, "journal.db")
	// SQLite would make the file with the umask's mode; undo copies are nobody else's business.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	f.Close()
	// _txlock=immediate: a writer holds the journal from its read of the last hash to its insert.
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+
		fmt.Sprintf("?_txlock=immediate&_pragma=busy_timeout(%d)", patience.Milliseconds())+"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if err := makeTables(db); err != nil {
		db.Close()
		return nil, fmt.Errorf("journal %s: %w", path, trouble(err))
	}
	return &Journal{db: db, now: time.Now, dir: dir}, nil
}

// journalFormat is the number of the journal's format, in SQLite's user_version. Older
// ones are read and written on, newer refused: 0 and 1 knew no evidence, 2 no checkpoints.
const journalFormat = 3

// makeTables makes the tables where they are missing, and refuses a newer journal.
func makeTables(db *sql.DB) error {
	var format int
	if err := db.QueryRow(`PRAGMA user_version`).Scan(&format); err != nil {
		return err
	}
	if format > journalFormat {
		return fmt.Errorf("%w: format %d, this farmwall reads up to %d; use the newer farmwall, or another folder with --state", ErrJournalNewer, format, journalFormat)
	}
	if _, err := db.Exec(schema); err != nil || format == journalFormat {
		return err
	}
	_, err := db.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, journalFormat))
	return err
}

// Close closes the file. Runs of this process that were not ended count as broken off.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for run, f := range j.going {
		f.Close()
		delete(j.going, run)
	}
	return j.db.Close()
}

// Chain returns the hash of the last entry, empty for an empty journal.
func (j *Journal) Chain(ctx context.Context) (string, error) {
	return lastHash(ctx, j.db)
}

// within runs f in one transaction that is on disk when within returns nil.
func (j *Journal) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	// A signal must not tear an entry that a host's change waits for.
	tx, err := j.db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("journal: %w", trouble(err))
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return trouble(err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("journal: %w", trouble(err))
	}
	return nil
}
