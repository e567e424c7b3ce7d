package tasks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// summaryBody is a SummaryRecord as the journal has it: its hosts lie in a blob.
type summaryBody struct {
	SummaryRecord
	Hosts string `json:"hosts,omitempty"`
	Count int    `json:"count"`
	// The columns of the entry say these.
	Run   *struct{} `json:"run,omitempty"`
	Ended *struct{} `json:"ended,omitempty"`
}

func (b *summaryBody) blobs() []string {
	if b.Hosts == "" {
		return nil
	}
	return []string{b.Hosts}
}

// Summarise keeps how every host of a verb fared, in one row.
func (j *Journal) Summarise(ctx context.Context, s SummaryRecord) error {
	return j.within(ctx, func(tx *sql.Tx) error {
		body := &summaryBody{SummaryRecord: s, Count: len(s.Hosts)}
		hosts, err := json.Marshal(s.Hosts)
		if err == nil {
			body.Hosts, err = keep(tx, hosts)
		}
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		return j.add(tx, entry{kind: kindSummary, run: s.Run}, body)
	})
}

// Summary returns how the hosts of a run fared, or nil where the journal does not say.
func (j *Journal) Summary(ctx context.Context, run string) (*SummaryRecord, error) {
	row := j.db.QueryRowContext(ctx, `SELECT run, time, body FROM entries WHERE kind = 'summary' AND run = ? ORDER BY n DESC LIMIT 1`, run)
	s, hosts, err := scanSummary(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil || hosts == "" {
		return s, err
	}
	data, err := blob(ctx, j.db, hosts)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &s.Hosts); err != nil {
		return nil, fmt.Errorf("%w: run %s: %v", ErrJournalDamaged, run, err)
	}
	return s, nil
}

// Summaries returns the verbs that ended since a time, without their hosts, the
// oldest first.
func (j *Journal) Summaries(ctx context.Context, since time.Time) ([]SummaryRecord, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT run, time, body FROM entries WHERE kind = 'summary' AND time >= ? ORDER BY n`, since.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	var out []SummaryRecord
	for rows.Next() {
		s, _, err := scanSummary(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, *s)
	}
	return out, rows.Err()
}

func scanSummary(row interface{ Scan(...any) error }) (*SummaryRecord, string, error) {
	var run, at string
	var text []byte
	if err := row.Scan(&run, &at, &text); errors.Is(err, sql.ErrNoRows) {
		return nil, "", err
	} else if err != nil {
		return nil, "", fmt.Errorf("journal: %w", err)
	}
	var b summaryBody
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, "", fmt.Errorf("%w: run %s: %v", ErrJournalDamaged, run, err)
	}
	b.SummaryRecord.Run, b.SummaryRecord.Ended = run, moment(at)
	return &b.SummaryRecord, b.Hosts, nil
}
