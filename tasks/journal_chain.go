package tasks

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The kinds of entries.
const (
	kindBegin  = "begin"  // a run, before its first host
	kindIntend = "intend" // a host's target and undo, before the host changes
	kindFinish = "finish" // what came of a host
	kindEnd    = "end"    // the end of a run
	kindCycle  = "cycle"  // one drift cycle

	kindEvidence = "evidence" // what a verb saw of a host
	kindSummary  = "summary"  // how every host of a verb fared

	kindCheckpoint = "checkpoint" // entries before it were pruned
)

// entry is one link of the chain. Its hash is over the hash before it and over
// every column, each with its length, so that no byte can move between columns.
type entry struct {
	n                           int64
	time, kind, run, farm, host string
	status                      Status
	body                        []byte
	hash                        string
}

func (e *entry) chained(before string) string {
	h := sha256.New()
	for _, column := range []string{before, fmt.Sprint(e.n), e.time, e.kind, e.run, e.farm, e.host, string(e.status), string(e.body)} {
		fmt.Fprintf(h, "%d:%s\n", len(column), column)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// blobs are the names of the blobs that the entry needs.
func (e *entry) blobs() ([]string, error) {
	var body interface{ blobs() []string }
	switch e.kind {
	case kindIntend:
		body = &intendBody{}
	case kindEvidence:
		body = &evidenceBody{}
	case kindSummary:
		body = &summaryBody{}
	default:
		return nil, nil
	}
	if err := json.Unmarshal(e.body, body); err != nil {
		return nil, err
	}
	return body.blobs(), nil
}

// queryer is what a database and a transaction have in common.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func lastHash(ctx context.Context, q queryer) (string, error) {
	var hash string
	err := q.QueryRowContext(ctx, `SELECT hash FROM entries ORDER BY n DESC LIMIT 1`).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, err
}

// add appends an entry to the chain.
func (j *Journal) add(tx *sql.Tx, e entry, body any) error {
	var err error
	if e.body, err = json.Marshal(body); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	e.time = j.now().UTC().Format(time.RFC3339Nano)
	ctx := context.Background()
	before, err := lastHash(ctx, tx)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := tx.QueryRow(`SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'entries'), 0) + 1`).Scan(&e.n); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	e.hash = e.chained(before)
	_, err = tx.Exec(`INSERT INTO entries (n, time, kind, run, farm, host, status, body, hash) VALUES (?,?,?,?,?,?,?,?,?)`,
		e.n, e.time, e.kind, e.run, e.farm, e.host, string(e.status), string(e.body), e.hash)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// keep stores a blob once and returns its name.
func keep(tx *sql.Tx, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	var there int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM blobs WHERE hash = ?`, name).Scan(&there); err != nil || there == 1 {
		return name, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(data); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	_, err := tx.Exec(`INSERT INTO blobs (hash, data) VALUES (?,?)`, name, packed.Bytes())
	return name, err
}

// blob returns what keep stored, checked against its name.
func blob(ctx context.Context, q queryer, name string) ([]byte, error) {
	var packed []byte
	if err := q.QueryRowContext(ctx, `SELECT data FROM blobs WHERE hash = ?`, name).Scan(&packed); err != nil {
		return nil, fmt.Errorf("%w: blob %s is missing", ErrJournalDamaged, name)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: blob %s", ErrJournalDamaged, name)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%w: blob %s", ErrJournalDamaged, name)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != name {
		return nil, fmt.Errorf("%w: blob %s", ErrJournalDamaged, name)
	}
	return data, nil
}

// Verify walks the whole chain and names the first entry that is not what was
// written. It returns the number of entries and the last hash. A tail that was
// cut off together with SQLite's own counter shows only against a hash that was
// noted elsewhere.
func (j *Journal) Verify(ctx context.Context) (entries int64, last string, err error) {
	var newest int64
	named, err := j.verifyChain(ctx, j.db, &newest, &last)
	if err != nil {
		return newest, last, err
	}
	if err := j.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM entries`).Scan(&entries); err != nil {
		return entries, last, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	var counted int64
	if err := j.db.QueryRowContext(ctx, `SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'entries'), 0)`).Scan(&counted); err != nil {
		return entries, last, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	if counted != newest {
		return entries, last, fmt.Errorf("%w: %d entries were written, the last that is there is number %d", ErrJournalDamaged, counted, newest)
	}
	for name, n := range named {
		if _, err := blob(ctx, j.db, name); err != nil {
			return entries, last, fmt.Errorf("entry %d: %w", n, err)
		}
	}
	return entries, last, nil
}

// verifyChain also collects the blobs that entries name, with one entry each. It
// counts on in newest and last, which show how far it came.
func (j *Journal) verifyChain(ctx context.Context, q queryer, newest *int64, last *string) (map[string]int64, error) {
	from, rest, err := checkpoint(ctx, q)
	if err != nil {
		return nil, err
	}
	kept := map[int64]keptEntry{}
	for _, k := range rest.Kept {
		kept[k.N] = k
	}
	*newest, *last = from.Through, from.Hash
	rows, err := q.QueryContext(ctx, `SELECT n, time, kind, run, farm, host, status, body, hash FROM entries ORDER BY n`)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	defer rows.Close()
	named := map[string]int64{}
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.n, &e.time, &e.kind, &e.run, &e.farm, &e.host, &e.status, &e.body, &e.hash); err != nil {
			return nil, fmt.Errorf("%w: after entry %d: %v", ErrJournalDamaged, *newest, err)
		}
		before := *last
		k, outlived := kept[e.n]
		switch {
		case outlived:
			before = k.Before
			delete(kept, e.n)
		case e.n <= from.Through:
			return nil, fmt.Errorf("%w: entry %d was pruned, and is there", ErrJournalDamaged, e.n)
		case e.n != *newest+1:
			return nil, fmt.Errorf("%w: entry %d is missing", ErrJournalDamaged, *newest+1)
		}
		if e.chained(before) != e.hash || outlived && e.hash != k.Hash {
			return nil, fmt.Errorf("%w: entry %d of %s (%s %s %s)", ErrJournalDamaged, e.n, e.time, e.kind, e.run, e.host)
		}
		if !outlived {
			*newest, *last = e.n, e.hash
		}
		names, err := e.blobs()
		if err != nil {
			return nil, fmt.Errorf("%w: entry %d: %v", ErrJournalDamaged, e.n, err)
		}
		for _, name := range names {
			named[name] = e.n
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	for n := range kept {
		return nil, fmt.Errorf("%w: entry %d is missing", ErrJournalDamaged, n)
	}
	return named, nil
}
