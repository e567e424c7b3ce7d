package tasks

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Begin records a run before its first host.
func (j *Journal) Begin(ctx context.Context, run RunRecord) error {
	if err := j.hold(run.ID); err != nil {
		return err
	}
	err := j.within(ctx, func(tx *sql.Tx) error {
		if run.PlanDigest != "" {
			var earlier, at string
			err := tx.QueryRow(`SELECT run, time FROM entries WHERE kind = ? AND json_extract(body, '$.plan_digest') = ? LIMIT 1`,
				kindBegin, run.PlanDigest).Scan(&earlier, &at)
			if err == nil {
				return fmt.Errorf("%w: by run %s at %s", ErrAppliedBefore, earlier, at)
			}
			if err != sql.ErrNoRows {
				return fmt.Errorf("journal: %w", err)
			}
			if earlier, err = pruned(ctx, tx, run.PlanDigest); err != nil {
				return err
			}
			if earlier != "" {
				return fmt.Errorf("%w: by run %s", ErrAppliedBefore, earlier)
			}
		}
		return j.add(tx, entry{kind: kindBegin, run: run.ID},
			beginBody{Verb: run.Verb, Controller: run.Controller, PlanDigest: run.PlanDigest,
				OnFail: run.OnFail, MaxFail: run.MaxFail, Batches: run.Batches, Of: run.Of})
	})
	if err != nil {
		j.release(run.ID)
	}
	return err
}

// Intend records a host's target and undo before the host changes.
func (j *Journal) Intend(ctx context.Context, h HostRecord) error {
	return j.within(ctx, func(tx *sql.Tx) error {
		body := intendBody{Lease: h.Lease, Ours: h.Ours, Drifted: h.Drifted, Lists: map[string]string{}}
		changes, err := json.Marshal(h.Changes)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		for _, blob := range []struct {
			name *string
			make func() (string, error)
		}{
			{&body.Before, func() (string, error) { return keepSet(tx, h.Before, body.Lists) }},
			{&body.Target, func() (string, error) { return keepSet(tx, h.Target, body.Lists) }},
			{&body.Baseline, func() (string, error) {
				if len(h.Baseline) == 0 {
					return "", nil
				}
				return keepSet(tx, h.Baseline, body.Lists)
			}},
			{&body.Undo, func() (string, error) { return keep(tx, h.Undo) }},
			{&body.Changes, func() (string, error) { return keep(tx, changes) }},
		} {
			if *blob.name, err = blob.make(); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
		}
		return j.add(tx, entry{kind: kindIntend, run: h.Run, farm: h.Farm, host: h.Host}, body)
	})
}

// Finish records what came of a host.
func (j *Journal) Finish(ctx context.Context, run, farm, host string, status Status, detail, ours string) error {
	return j.within(ctx, func(tx *sql.Tx) error {
		return j.add(tx, entry{kind: kindFinish, run: run, farm: farm, host: host, status: status},
			finishBody{Detail: detail, Ours: ours})
	})
}

// End records the end of a run.
func (j *Journal) End(ctx context.Context, run string, exit int) error {
	err := j.within(ctx, func(tx *sql.Tx) error {
		return j.add(tx, entry{kind: kindEnd, run: run}, endBody{Exit: exit})
	})
	if err == nil {
		j.release(run)
	}
	return err
}

// cycleName is what the journal calls a drift cycle.
func cycleName(at time.Time) string { return "drift-" + at.UTC().Format("20060102-150405.000") }

// Cycle records a drift cycle.
func (j *Journal) Cycle(ctx context.Context, at time.Time, hosts, differing int) error {
	return j.within(ctx, func(tx *sql.Tx) error {
		return j.add(tx, entry{kind: kindCycle, run: cycleName(at)},
			cycleBody{Hosts: hosts, Differing: differing})
	})
}
