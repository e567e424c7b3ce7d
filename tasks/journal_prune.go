package tasks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// checkpointBody stands for the entries that were pruned: those up to Through, whose
// hash the chain goes on from. Being an entry itself, it is held by the chain too. The
// newest one counts.
type checkpointBody struct {
	Through int64  `json:"through"`
	Hash    string `json:"hash"`
	Dropped int64  `json:"dropped"` // by this pruning
	Rest    string `json:"rest"`    // the blob with its checkpointRest
}

// checkpointRest is what is kept of the time before a checkpoint.
type checkpointRest struct {
	// Kept are the entries up to Through that are still there.
	Kept []keptEntry `json:"kept"`
	// Runs are those that are gone, each with the digest of its plan: none is unknown
	// on a host, and no plan is applied twice, because the journal forgot.
	Runs map[string]string `json:"runs"`
}

// keptEntry is an entry that outlived the one before it: the chain holds it here.
type keptEntry struct {
	N      int64  `json:"n"`
	Before string `json:"before"`
	Hash   string `json:"hash"`
}

// checkpoint returns the newest checkpoint; the zero one where nothing was pruned.
func checkpoint(ctx context.Context, q queryer) (checkpointBody, checkpointRest, error) {
	var text []byte
	var c checkpointBody
	rest := checkpointRest{Runs: map[string]string{}}
	err := q.QueryRowContext(ctx, `SELECT body FROM entries WHERE kind = ? ORDER BY n DESC LIMIT 1`, kindCheckpoint).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return c, rest, nil
	}
	if err != nil {
		return c, rest, fmt.Errorf("journal: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, rest, fmt.Errorf("%w: checkpoint: %v", ErrJournalDamaged, err)
	}
	data, err := blob(ctx, q, c.Rest)
	if err != nil {
		return c, rest, err
	}
	if err := json.Unmarshal(data, &rest); err != nil {
		return c, rest, fmt.Errorf("%w: checkpoint: %v", ErrJournalDamaged, err)
	}
	return c, rest, nil
}

// pruned says by which of the runs that are gone a plan was applied, if any.
func pruned(ctx context.Context, q queryer, plan string) (string, error) {
	_, rest, err := checkpoint(ctx, q)
	for run, digest := range rest.Runs {
		if err == nil && digest == plan {
			return run, nil
		}
	}
	return "", err
}

// Pruned is what Prune took away.
type Pruned struct {
	Entries int64     `json:"entries"`
	Blobs   int64     `json:"blobs"`
	Through time.Time `json:"through,omitzero"` // the newest entry of those looked at; zero: there was nothing to do
}

// Prune forgets entries of before keep, and notes in the chain where it goes on from.
// Whole runs stay that are the last one confirmed on some host, that left a host
// unfinished or were broken off, or that go on after keep; so drift, recover and rollback find what they
// need. Nothing happens while the oldest entry is within slack of keep. A journal that
// was changed is not pruned: ErrJournalDamaged.
func (j *Journal) Prune(ctx context.Context, keep time.Time, slack time.Duration) (Pruned, error) {
	var done Pruned
	due, err := j.pruneDue(ctx, j.db, keep.Add(-slack))
	if err != nil || !due {
		return done, err
	}
	err = j.within(ctx, func(tx *sql.Tx) error {
		done, err = j.prune(context.WithoutCancel(ctx), tx, keep)
		return err
	})
	return done, err
}

// pruneDue says whether an entry that is not yet behind a checkpoint is of before keep.
func (j *Journal) pruneDue(ctx context.Context, q queryer, keep time.Time) (bool, error) {
	c, _, err := checkpoint(ctx, q)
	if err != nil {
		return false, err
	}
	var at string
	err = q.QueryRowContext(ctx, `SELECT time FROM entries WHERE n > ? ORDER BY n LIMIT 1`, c.Through).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("journal: %w", err)
	}
	return moment(at).Before(keep), nil
}

func (j *Journal) prune(ctx context.Context, tx *sql.Tx, from time.Time) (Pruned, error) {
	var done Pruned
	var last int64
	var hash string
	if _, err := j.verifyChain(ctx, tx, &last, &hash); err != nil {
		return done, err
	}
	before, rest, err := checkpoint(ctx, tx)
	if err != nil {
		return done, err
	}
	next := checkpointBody{}
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MIN(n), ?) - 1 FROM entries WHERE n > ? AND time >= ?`,
		last+1, before.Through, from.UTC().Format("2006-01-02T15:04:05")).Scan(&next.Through); err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	if next.Through <= before.Through {
		return done, nil
	}
	var at string
	if err := tx.QueryRowContext(ctx, `SELECT hash, time FROM entries WHERE n = ?`, next.Through).Scan(&next.Hash, &at); err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	done.Through = moment(at)
	if err := markNeeded(ctx, tx, next.Through); err != nil {
		return done, err
	}
	if rest, err = restBehind(ctx, tx, next.Through, before, rest); err != nil {
		return done, err
	}
	gone, err := tx.ExecContext(ctx, `DELETE FROM entries WHERE n <= ? AND n NOT IN (SELECT n FROM needed)`, next.Through)
	if err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	if done.Entries, err = gone.RowsAffected(); err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	next.Dropped = done.Entries
	data, err := json.Marshal(rest)
	if err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	if next.Rest, err = keep(tx, data); err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	if err := j.add(tx, entry{kind: kindCheckpoint}, next); err != nil {
		return done, err
	}
	if done.Blobs, err = dropBlobs(ctx, tx, next.Rest); err != nil {
		return done, err
	}
	if _, err := tx.ExecContext(ctx, `DROP TABLE needed`); err != nil {
		return done, fmt.Errorf("journal: %w", err)
	}
	return done, nil
}

// markNeeded fills the table needed with the entries up to through that must stay.
func markNeeded(ctx context.Context, tx *sql.Tx, through int64) error {
	_, err := tx.ExecContext(ctx, `
CREATE TEMP TABLE needed AS
SELECT n FROM entries WHERE n <= ?1 AND kind <> 'checkpoint' AND run <> '' AND run IN (
	SELECT run FROM entries WHERE n > ?1 AND kind IN ('begin', 'intend', 'finish', 'end')
	UNION
	SELECT run FROM entries WHERE n IN (SELECT MAX(n) FROM entries WHERE kind = 'finish' AND status = 'changed' GROUP BY farm, host)
	UNION
	SELECT run FROM entries i WHERE kind = 'intend' AND NOT EXISTS
		(SELECT 1 FROM entries f WHERE f.kind = 'finish' AND f.run = i.run AND f.farm = i.farm AND f.host = i.host AND f.n > i.n)
	UNION
	SELECT run FROM entries b WHERE kind = 'begin' AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.kind = 'end' AND e.run = b.run))`, through)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// restBehind gathers what is kept of the time up to through.
func restBehind(ctx context.Context, tx *sql.Tx, through int64, before checkpointBody, old checkpointRest) (checkpointRest, error) {
	rest := checkpointRest{Kept: []keptEntry{}, Runs: old.Runs}
	// The hash before an entry may be gone with its entry.
	known := map[int64]string{before.Through + 1: before.Hash}
	for _, k := range old.Kept {
		known[k.N] = k.Before
	}
	rows, err := tx.QueryContext(ctx, `
SELECT e.n, e.hash, COALESCE((SELECT hash FROM entries b WHERE b.n = e.n - 1), '') FROM entries e WHERE e.n IN (SELECT n FROM needed) ORDER BY e.n`)
	if err != nil {
		return rest, fmt.Errorf("journal: %w", err)
	}
	for rows.Next() {
		var k keptEntry
		if err := rows.Scan(&k.N, &k.Hash, &k.Before); err != nil {
			rows.Close()
			return rest, fmt.Errorf("journal: %w", err)
		}
		if earlier, ok := known[k.N]; ok {
			k.Before = earlier
		}
		rest.Kept = append(rest.Kept, k)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return rest, fmt.Errorf("journal: %w", err)
	}
	rows, err = tx.QueryContext(ctx, `SELECT run, body FROM entries WHERE kind = 'begin' AND n <= ? AND n NOT IN (SELECT n FROM needed)`, through)
	if err != nil {
		return rest, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var run string
		var body []byte
		if err := rows.Scan(&run, &body); err != nil {
			return rest, fmt.Errorf("journal: %w", err)
		}
		var b beginBody
		if err := json.Unmarshal(body, &b); err != nil {
			return rest, fmt.Errorf("%w: run %s: %v", ErrJournalDamaged, run, err)
		}
		rest.Runs[run] = b.PlanDigest
	}
	return rest, rows.Err()
}

// dropBlobs deletes the blobs that no entry names any more.
func dropBlobs(ctx context.Context, tx *sql.Tx, rest string) (int64, error) {
	if _, err := tx.ExecContext(ctx, `CREATE TEMP TABLE named (hash TEXT PRIMARY KEY); INSERT INTO named VALUES ('`+rest+`')`); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	names, err := namedBlobs(ctx, tx)
	if err != nil {
		return 0, err
	}
	for name := range names {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO named VALUES (?)`, name); err != nil {
			return 0, fmt.Errorf("journal: %w", err)
		}
	}
	gone, err := tx.ExecContext(ctx, `DELETE FROM blobs WHERE hash NOT IN (SELECT hash FROM named)`)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	n, err := gone.RowsAffected()
	if err == nil {
		_, err = tx.ExecContext(ctx, `DROP TABLE named`)
	}
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return n, nil
}

func namedBlobs(ctx context.Context, tx *sql.Tx) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT kind, body FROM entries`)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	names := map[string]bool{}
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.kind, &e.body); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		list, err := e.blobs()
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
		}
		for _, name := range list {
			names[name] = true
		}
	}
	return names, rows.Err()
}

// Compact gives the space of what was pruned back to the disk.
func (j *Journal) Compact(ctx context.Context) error {
	if _, err := j.db.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
