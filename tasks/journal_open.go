package tasks

import (
	"context"
	"fmt"
)

// Open returns, the oldest first, the runs that came to no end: those that were
// never ended, and those of which hosts are still to be taken back.
func (j *Journal) Open(ctx context.Context) ([]OpenRun, error) {
	rows, err := j.db.QueryContext(ctx, `
SELECT b.run, COALESCE(json_extract(b.body, '$.of'), ''),
	COALESCE((SELECT json_extract(e.body, '$.exit') FROM entries e WHERE e.kind = 'end' AND e.run = b.run ORDER BY e.n DESC LIMIT 1), -1)
FROM entries b WHERE b.kind = 'begin' ORDER BY b.n`)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var order []string
	ended := map[string]bool{}
	takes, taken := map[string][]string{}, map[string]bool{}
	for rows.Next() {
		var run, of string
		var exit int
		if err := rows.Scan(&run, &of, &exit); err != nil {
			rows.Close()
			return nil, fmt.Errorf("journal: %w", err)
		}
		if of == "" {
			order, ended[run] = append(order, run), exit >= 0
		} else {
			takes[of], taken[of] = append(takes[of], run), exit == 0
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	rows.Close()
	var open []OpenRun
	for _, run := range order {
		if ended[run] && (len(takes[run]) == 0 || taken[run]) {
			continue
		}
		rec, err := j.Run(ctx, run)
		if err != nil {
			return nil, err
		}
		o := OpenRun{RunRecord: *rec}
		for _, id := range takes[run] {
			take, err := j.runs(ctx, `SELECT kind, run, time, body FROM entries WHERE kind IN ('begin', 'end') AND run = ? ORDER BY n`, id)
			if err != nil {
				return nil, err
			}
			o.Takes = append(o.Takes, take...)
		}
		open = append(open, o)
	}
	return open, nil
}

// takenBack says whether every host that was to be taken back is.
func (o *OpenRun) takenBack() bool {
	last := len(o.Takes) - 1
	return last >= 0 && !o.Takes[last].Ended.IsZero() && o.Takes[last].Exit == 0
}
