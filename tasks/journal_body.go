package tasks

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"

	"farmwall/rules"
)

type beginBody struct {
	Verb       string `json:"verb"`
	Controller string `json:"controller"`
	PlanDigest string `json:"plan_digest,omitempty"`

	OnFail  OnFail     `json:"on_fail,omitempty"`
	MaxFail int        `json:"max_fail,omitempty"`
	Batches [][]string `json:"batches,omitempty"`
	Of      string     `json:"of,omitempty"`
}

type finishBody struct {
	Detail string `json:"detail,omitempty"`
	Ours   string `json:"ours,omitempty"`
}

type endBody struct {
	Exit int `json:"exit"`
}

type cycleBody struct {
	Hosts     int `json:"hosts"`
	Differing int `json:"differing"`
}

// intendBody holds sets and the undo by the names of their blobs.
type intendBody struct {
	Lease  uint64 `json:"lease"`
	Before string `json:"before"`
	Target string `json:"target"`
	// Baseline is empty where it is the target.
	Baseline string `json:"baseline,omitempty"`
	Undo     string `json:"undo"`
	Ours     string `json:"ours"`
	// Drifted: the host did not hold Before.
	Drifted bool `json:"drifted,omitempty"`
	// Lists are the blobs of the address lists in Before and Target, by list hash.
	Lists   map[string]string `json:"lists,omitempty"`
	Changes string            `json:"changes"`
}

func (b *intendBody) blobs() []string {
	names := []string{b.Before, b.Target, b.Undo, b.Changes}
	if b.Baseline != "" {
		names = append(names, b.Baseline)
	}
	for _, name := range b.Lists {
		names = append(names, name)
	}
	return names
}

// keptRule is a rule whose address list is named by its hash.
type keptRule struct {
	rules.Rule
	Remotes string `json:"remotes,omitempty"` // hides the list itself
}

// keepSet stores a set and its address lists as blobs.
func keepSet(tx *sql.Tx, set rules.Set, lists map[string]string) (string, error) {
	kept := make([]keptRule, len(set))
	for i, r := range set {
		kept[i] = keptRule{Rule: r, Remotes: r.Remotes.Hash()}
		if r.Remotes == nil || lists[r.Remotes.Hash()] != "" {
			continue
		}
		data, err := json.Marshal(r.Remotes)
		if err != nil {
			return "", err
		}
		name, err := keep(tx, data)
		if err != nil {
			return "", err
		}
		lists[r.Remotes.Hash()] = name
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return "", err
	}
	return keep(tx, data)
}

// loadSet reads what keepSet stored.
func loadSet(ctx context.Context, q queryer, name string, lists map[string]string) (rules.Set, error) {
	data, err := blob(ctx, q, name)
	if err != nil {
		return nil, err
	}
	var kept []keptRule
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("%w: set %s: %v", ErrJournalDamaged, name, err)
	}
	loaded := map[string]*rules.Addresses{}
	set := make(rules.Set, len(kept))
	for i, k := range kept {
		set[i] = k.Rule
		set[i].Remotes = nil
		if k.Remotes == "" {
			continue
		}
		if loaded[k.Remotes] == nil {
			data, err := blob(ctx, q, lists[k.Remotes])
			if err != nil {
				return nil, err
			}
			var prefixes []netip.Prefix
			if err := json.Unmarshal(data, &prefixes); err != nil {
				return nil, fmt.Errorf("%w: address list %s: %v", ErrJournalDamaged, k.Remotes, err)
			}
			loaded[k.Remotes] = rules.NewAddresses(prefixes)
		}
		set[i].Remotes = loaded[k.Remotes]
	}
	return set, nil
}
