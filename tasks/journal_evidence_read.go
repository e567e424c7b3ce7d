package tasks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"farmwall/rules"
)

// EvidenceOf returns what was seen of each host in one run, in the order in which
// it was journalled, several entries for a host joined.
func (j *Journal) EvidenceOf(ctx context.Context, run string) ([]Evidence, error) {
	return j.evidence(ctx, `SELECT n, time, run, farm, host, status, body FROM entries WHERE kind = 'evidence' AND run = ? ORDER BY n`, run)
}

// LatestEvidence returns what was last seen of each host, by verbs that held it
// against all that it should be, not before the time; of each the newest run alone.
func (j *Journal) LatestEvidence(ctx context.Context, since time.Time) ([]Evidence, error) {
	return j.evidence(ctx, `
SELECT e.n, e.time, e.run, e.farm, e.host, e.status, e.body FROM entries e JOIN
	(SELECT run, farm, host FROM entries WHERE n IN
		(SELECT MAX(n) FROM entries WHERE kind = 'evidence' AND time >= ? GROUP BY farm, host)) l
	ON e.run = l.run AND e.farm = l.farm AND e.host = l.host
WHERE e.kind = 'evidence' ORDER BY e.n`, since.UTC().Format(time.RFC3339Nano))
}

// FirstEvidence returns what was first seen of each host since the time: the other
// end of LatestEvidence.
func (j *Journal) FirstEvidence(ctx context.Context, since time.Time) ([]Evidence, error) {
	return j.evidence(ctx, `
SELECT n, time, run, farm, host, status, body FROM entries WHERE n IN
	(SELECT MIN(n) FROM entries WHERE kind = 'evidence' AND time >= ? AND json_extract(body, '$.after') IS NOT NULL GROUP BY farm, host)
ORDER BY n`, since.UTC().Format(time.RFC3339Nano))
}

// CycleRecord is one drift cycle.
type CycleRecord struct {
	Run       string    `json:"run"`
	Time      time.Time `json:"time"`
	Hosts     int       `json:"hosts"`
	Differing int       `json:"differing"`
}

// Cycles returns the drift cycles since a time, the oldest first.
func (j *Journal) Cycles(ctx context.Context, since time.Time) ([]CycleRecord, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT run, time, body FROM entries WHERE kind = 'cycle' AND time >= ? ORDER BY n`, since.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	var out []CycleRecord
	for rows.Next() {
		var c CycleRecord
		var at string
		var body []byte
		if err := rows.Scan(&c.Run, &at, &body); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		var b cycleBody
		if err := json.Unmarshal(body, &b); err != nil {
			return nil, fmt.Errorf("%w: cycle %s: %v", ErrJournalDamaged, c.Run, err)
		}
		c.Time, c.Hosts, c.Differing = moment(at), b.Hosts, b.Differing
		out = append(out, c)
	}
	return out, rows.Err()
}

// blobReader reads blobs, each once.
type blobReader struct {
	j    *Journal
	sets map[string]rules.Set
	read map[string]any
}

// evidence reads entries and joins those of one host in one run.
func (j *Journal) evidence(ctx context.Context, query string, args ...any) ([]Evidence, error) {
	rows, err := j.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	type found struct {
		e    entry
		n    int64
		at   string
		body []byte
	}
	var all []found
	for rows.Next() {
		var f found
		if err := rows.Scan(&f.n, &f.at, &f.e.run, &f.e.farm, &f.e.host, &f.e.status, &f.body); err != nil {
			rows.Close()
			return nil, fmt.Errorf("journal: %w", err)
		}
		all = append(all, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	rows.Close()
	b := &blobReader{j: j, sets: map[string]rules.Set{}, read: map[string]any{}}
	var out []Evidence
	place := map[[3]string]int{}
	for _, f := range all {
		e, err := b.evidence(ctx, f.body)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", f.n, err)
		}
		e.Run, e.Farm, e.Host, e.Status, e.Time = f.e.run, f.e.farm, f.e.host, f.e.status, moment(f.at)
		key := [3]string{e.Run, e.Farm, e.Host}
		if i, there := place[key]; there {
			out[i].join(e)
			continue
		}
		place[key] = len(out)
		out = append(out, *e)
	}
	return out, nil
}

func (b *blobReader) evidence(ctx context.Context, text []byte) (*Evidence, error) {
	var body evidenceBody
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrJournalDamaged, err)
	}
	e := &body.Evidence
	var err error
	if body.Wanted != "" {
		if e.Wanted = b.sets[body.Wanted]; e.Wanted == nil {
			if e.Wanted, err = loadSet(ctx, b.j.db, body.Wanted, body.Lists); err != nil {
				return nil, err
			}
			b.sets[body.Wanted] = e.Wanted
		}
	}
	for _, s := range []struct {
		from *sightBody
		to   **Sight
	}{{body.Before, &e.Before}, {body.After, &e.After}} {
		if s.from == nil {
			continue
		}
		sight := &Sight{Pairs: s.from.Pairs}
		if sight.Flows, err = blobAs[[]SeenFlow](ctx, b, s.from.Flows); err != nil {
			return nil, err
		}
		*s.to = sight
	}
	if e.Changes, err = blobAs[[]rules.Change](ctx, b, body.Changes); err != nil {
		return nil, err
	}
	if e.Pending, err = blobAs[[]rules.Change](ctx, b, body.Pending); err != nil {
		return nil, err
	}
	e.Probes, err = blobAs[[]Probed](ctx, b, body.Probes)
	return e, err
}

// blobAs reads a blob of JSON; without a name it is the zero value. Equal blobs
// are one value, which nobody must change.
func blobAs[T any](ctx context.Context, b *blobReader, name string) (T, error) {
	var value T
	if name == "" {
		return value, nil
	}
	key := fmt.Sprintf("%T %s", value, name)
	if v, there := b.read[key]; there {
		return v.(T), nil
	}
	data, err := blob(ctx, b.j.db, name)
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(data, &value); err != nil {
		return value, fmt.Errorf("%w: blob %s: %v", ErrJournalDamaged, name, err)
	}
	b.read[key] = value
	return value, nil
}

// join takes over what a later entry says.
func (e *Evidence) join(later *Evidence) {
	if later.Status != "" {
		e.Status, e.Step, e.Error, e.Hint, e.Time = later.Status, later.Step, later.Error, later.Hint, later.Time
	}
	if later.Before != nil {
		e.Before = later.Before
	}
	if later.After != nil {
		e.After = later.After
	}
	if len(later.Wanted) > 0 {
		e.Wanted = later.Wanted
	}
	if len(later.Probes) > 0 {
		e.Probes = later.Probes
	}
	if len(later.Changes) > 0 {
		e.Changes = later.Changes
	}
	if len(later.Steps) > 0 {
		e.Steps, e.Started, e.Elapsed = later.Steps, later.Started, later.Elapsed
	}
	e.Findings = append(e.Findings, later.Findings...)
	e.Warnings = append(e.Warnings, later.Warnings...)
}
