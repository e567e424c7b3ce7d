package tasks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"farmwall/rules"
)

// latestConfirmed picks, for every host, its newest finish that left the
// target confirmed on it, with the intent that the finish belongs to.
const latestConfirmed = `
SELECT f.run, f.time, f.body, f.farm, f.host,
	(SELECT i.body FROM entries i WHERE i.kind = 'intend' AND i.run = f.run AND i.farm = f.farm AND i.host = f.host AND i.n < f.n ORDER BY i.n DESC LIMIT 1)
FROM entries f
WHERE f.n IN (SELECT MAX(n) FROM entries WHERE kind = 'finish' AND status = 'changed' GROUP BY farm, host)`

// Last returns what was last confirmed on a host, or nil.
func (j *Journal) Last(ctx context.Context, farm, host string) (*Confirmed, error) {
	row := j.db.QueryRowContext(ctx, `
SELECT f.run, f.time, f.body,
	(SELECT i.body FROM entries i WHERE i.kind = 'intend' AND i.run = f.run AND i.farm = f.farm AND i.host = f.host AND i.n < f.n ORDER BY i.n DESC LIMIT 1)
FROM entries f WHERE f.kind = 'finish' AND f.status = 'changed' AND f.farm = ? AND f.host = ? ORDER BY f.n DESC LIMIT 1`, farm, host)
	var run, at string
	var finish, intend []byte
	if err := row.Scan(&run, &at, &finish, &intend); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	set, err := j.target(ctx, intend)
	if err != nil {
		return nil, err
	}
	var f finishBody
	var i intendBody
	if err := errors.Join(json.Unmarshal(finish, &f), json.Unmarshal(intend, &i)); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	c := &Confirmed{Run: run, Time: moment(at), Set: set, Digest: set.Digest(), Ours: f.Ours}
	if i.Baseline != "" {
		c.Set, err = loadSet(ctx, j.db, i.Baseline, i.Lists)
	}
	return c, err
}

func (j *Journal) target(ctx context.Context, intend []byte) (rules.Set, error) {
	var b intendBody
	if err := json.Unmarshal(intend, &b); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	return loadSet(ctx, j.db, b.Target, b.Lists)
}

// Known returns the hosts with a confirmed, non-empty last set: farm and name.
func (j *Journal) Known(ctx context.Context) ([][2]string, error) {
	type found struct {
		farm, host string
		intend     []byte
	}
	rows, err := j.db.QueryContext(ctx, latestConfirmed+` ORDER BY f.farm, f.host`)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var all []found
	for rows.Next() {
		var f found
		var run, at string
		var finish []byte
		if err := rows.Scan(&run, &at, &finish, &f.farm, &f.host, &f.intend); err != nil {
			rows.Close()
			return nil, fmt.Errorf("journal: %w", err)
		}
		all = append(all, f)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var known [][2]string
	for _, f := range all {
		set, err := j.target(ctx, f.intend)
		if err != nil {
			return nil, err
		}
		if len(set) > 0 {
			known = append(known, [2]string{f.farm, f.host})
		}
	}
	return known, nil
}

// Knows says whether the journal holds the run.
func (j *Journal) Knows(ctx context.Context, run string) (bool, error) {
	var n int
	if err := j.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM entries WHERE run = ? AND kind = 'begin'`, run).Scan(&n); err != nil {
		return false, fmt.Errorf("journal: %w", err)
	}
	if n > 0 {
		return true, nil
	}
	_, rest, err := checkpoint(ctx, j.db)
	_, forgotten := rest.Runs[run]
	return forgotten, err
}

// Unfinished returns the hosts that were begun and never finished, the oldest first.
func (j *Journal) Unfinished(ctx context.Context) ([]HostRecord, error) {
	return j.hosts(ctx, `
SELECT n, time, run, farm, host, body FROM entries i WHERE kind = 'intend' AND NOT EXISTS
	(SELECT 1 FROM entries f WHERE f.kind = 'finish' AND f.run = i.run AND f.farm = i.farm AND f.host = i.host AND f.n > i.n) ORDER BY n`)
}

// Runs returns every run without its hosts, the oldest first.
func (j *Journal) Runs(ctx context.Context) ([]RunRecord, error) {
	return j.runs(ctx, `SELECT kind, run, time, body FROM entries WHERE kind IN ('begin', 'end') ORDER BY n`)
}

// Run returns one run with its hosts, or ErrNoRun.
func (j *Journal) Run(ctx context.Context, id string) (*RunRecord, error) {
	runs, err := j.runs(ctx, `SELECT kind, run, time, body FROM entries WHERE kind IN ('begin', 'end') AND run = ? ORDER BY n`, id)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		if known, err := j.Knows(ctx, id); err == nil && known {
			return nil, fmt.Errorf("%w: %q is older than what the journal was told to keep", ErrNoRun, id)
		}
		return nil, fmt.Errorf("%w: %q; `farmwall history list` names those that there are", ErrNoRun, id)
	}
	run := runs[0]
	if run.Hosts, err = j.hosts(ctx, `SELECT n, time, run, farm, host, body FROM entries WHERE kind = 'intend' AND run = ? ORDER BY n`, id); err != nil {
		return nil, err
	}
	return &run, nil
}

func (j *Journal) runs(ctx context.Context, query string, args ...any) ([]RunRecord, error) {
	rows, err := j.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	var runs []RunRecord
	place := map[string]int{}
	for rows.Next() {
		var kind, id, at string
		var body []byte
		if err := rows.Scan(&kind, &id, &at, &body); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if kind == kindBegin {
			var b beginBody
			if err := json.Unmarshal(body, &b); err != nil {
				return nil, fmt.Errorf("%w: run %s: %v", ErrJournalDamaged, id, err)
			}
			place[id] = len(runs)
			runs = append(runs, RunRecord{ID: id, Verb: b.Verb, Controller: b.Controller, PlanDigest: b.PlanDigest, Started: moment(at),
				OnFail: b.OnFail, MaxFail: b.MaxFail, Batches: b.Batches, Of: b.Of})
			continue
		}
		var b endBody
		if err := json.Unmarshal(body, &b); err != nil {
			return nil, fmt.Errorf("%w: run %s: %v", ErrJournalDamaged, id, err)
		}
		if i, ok := place[id]; ok {
			runs[i].Ended, runs[i].Exit = moment(at), b.Exit
		}
	}
	return runs, rows.Err()
}

// hosts reads intents and joins each with the finish that followed it.
func (j *Journal) hosts(ctx context.Context, query string, args ...any) ([]HostRecord, error) {
	type found struct {
		n    int64
		h    HostRecord
		body []byte
	}
	rows, err := j.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var all []found
	for rows.Next() {
		var f found
		var at string
		if err := rows.Scan(&f.n, &at, &f.h.Run, &f.h.Farm, &f.h.Host, &f.body); err != nil {
			rows.Close()
			return nil, fmt.Errorf("journal: %w", err)
		}
		f.h.Started = moment(at)
		all = append(all, f)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	hosts := make([]HostRecord, len(all))
	for i, f := range all {
		if err := j.fill(ctx, f.n, f.body, &f.h); err != nil {
			return nil, err
		}
		hosts[i] = f.h
	}
	return hosts, nil
}

func (j *Journal) fill(ctx context.Context, n int64, body []byte, h *HostRecord) error {
	var b intendBody
	if err := json.Unmarshal(body, &b); err != nil {
		return fmt.Errorf("%w: entry %d: %v", ErrJournalDamaged, n, err)
	}
	h.Lease, h.Ours, h.Drifted = b.Lease, b.Ours, b.Drifted
	var err error
	if h.Before, err = loadSet(ctx, j.db, b.Before, b.Lists); err != nil {
		return err
	}
	if h.Target, err = loadSet(ctx, j.db, b.Target, b.Lists); err != nil {
		return err
	}
	if b.Baseline != "" {
		if h.Baseline, err = loadSet(ctx, j.db, b.Baseline, b.Lists); err != nil {
			return err
		}
	}
	undo, err := blob(ctx, j.db, b.Undo)
	if err != nil {
		return err
	}
	h.Undo = undo
	changes, err := blob(ctx, j.db, b.Changes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(changes, &h.Changes); err != nil {
		return fmt.Errorf("%w: entry %d: %v", ErrJournalDamaged, n, err)
	}
	return j.finished(ctx, n, h)
}

// finished adds the newest finish that belongs to the intent with number n:
// those before the next intent for the same host in the same run.
func (j *Journal) finished(ctx context.Context, n int64, h *HostRecord) error {
	row := j.db.QueryRowContext(ctx, `
SELECT time, status, body FROM entries WHERE kind = 'finish' AND run = ?1 AND farm = ?2 AND host = ?3 AND n > ?4
	AND n < COALESCE((SELECT MIN(n) FROM entries WHERE kind = 'intend' AND run = ?1 AND farm = ?2 AND host = ?3 AND n > ?4), 9223372036854775807)
	ORDER BY n DESC LIMIT 1`, h.Run, h.Farm, h.Host, n)
	var at, status string
	var body []byte
	if err := row.Scan(&at, &status, &body); errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	var f finishBody
	if err := json.Unmarshal(body, &f); err != nil {
		return fmt.Errorf("%w: run %s, host %s: %v", ErrJournalDamaged, h.Run, h.Host, err)
	}
	h.Ended, h.Status, h.Detail, h.OursThen = moment(at), Status(status), f.Detail, f.Ours
	return nil
}

// moment reads a time that add wrote; a damaged one is the zero time, and
// Verify says so.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
