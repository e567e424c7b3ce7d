package tasks

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// Evidence is what a verb saw of one host, kept for reports. A host may have
// several for one run; a field that is set in a later one counts.
type Evidence struct {
	// Run is the run, or the name of a verb that only looked ("verify-...", "drift-...").
	Run  string    `json:"run"`
	Farm string    `json:"farm"`
	Host string    `json:"host"`
	Time time.Time `json:"time"` // when it was journalled
	Verb string    `json:"verb"`

	// At is where the inventory names the host.
	At        inventory.Position `json:"at"`
	Roles     []inventory.Role   `json:"roles,omitempty"`
	Addresses []netip.Addr       `json:"addresses,omitempty"`
	System    string             `json:"system,omitempty"`
	Manager   string             `json:"manager,omitempty"`

	Status  Status        `json:"status,omitempty"`
	Step    string        `json:"step,omitempty"`
	Error   string        `json:"error,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Cause   string        `json:"cause,omitempty"`
	Started time.Time     `json:"started,omitzero"`
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
	Steps   []StepTime    `json:"steps,omitempty"`

	// Wanted is what the verb held the host against, settled.
	Wanted rules.Set `json:"wanted,omitempty"`
	// Before is of a host that was changed, as it was until then; After is what the
	// verb found, or left.
	Before   *Sight          `json:"before,omitempty"`
	After    *Sight          `json:"after,omitempty"`
	Changes  []rules.Change  `json:"changes,omitempty"`
	Pending  []rules.Change  `json:"pending,omitempty"`
	Accepted []Accepted      `json:"accepted,omitempty"` // differences that farmwall_accept lets be
	Probes   []Probed        `json:"probes,omitempty"`
	Findings []rules.Finding `json:"findings,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
}

// StepTime is when a step of a host began, counted from Evidence.Started.
type StepTime struct {
	Step  string        `json:"step"`
	After time.Duration `json:"after_ns"`
}

// Sight is what flows met on a host at one moment.
type Sight struct {
	Flows []SeenFlow `json:"flows,omitempty"`
	// Pairs are counted only where the farm's members are known.
	Pairs *Pairs `json:"pairs,omitempty"`
}

// SeenFlow is a verdict without the address lists: these are the rule's.
type SeenFlow struct {
	Rule      string          `json:"rule"`
	Direction rules.Direction `json:"direction"`
	Protocol  rules.Protocol  `json:"protocol"`
	Port      uint16          `json:"port,omitempty"` // the first of its range that met this
	Loopback  bool            `json:"loopback,omitempty"`
	// Outsider: the flow is of all those whom no rule names for the port.
	Outsider bool         `json:"outsider,omitempty"`
	Answer   rules.Answer `json:"answer"`
	By       string       `json:"by,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	// Part is the addresses that the answer is for, where it is not for all of them;
	// at most shownPart, PartMore counts the rest.
	Part     []netip.Prefix `json:"part,omitempty"`
	PartMore int            `json:"part_more,omitempty"`
}

// shownPart is how many prefixes of a flow's part are kept.
const shownPart = 8

// evidenceBody is Evidence as the journal has it: what many hosts share lies in
// blobs, named by their content.
type evidenceBody struct {
	Evidence
	Wanted  string            `json:"wanted,omitempty"` // hides the set itself, and so below
	Lists   map[string]string `json:"lists,omitempty"`  // as in intendBody
	Before  *sightBody        `json:"before,omitempty"`
	After   *sightBody        `json:"after,omitempty"`
	Changes string            `json:"changes,omitempty"`
	Pending string            `json:"pending,omitempty"`
	Probes  string            `json:"probes,omitempty"`
	// The columns of the entry say these.
	Run    *struct{} `json:"run,omitempty"`
	Farm   *struct{} `json:"farm,omitempty"`
	Host   *struct{} `json:"host,omitempty"`
	Time   *struct{} `json:"time,omitempty"`
	Status *struct{} `json:"status,omitempty"`
}

type sightBody struct {
	Flows string `json:"flows,omitempty"`
	Pairs *Pairs `json:"pairs,omitempty"`
}

func (b *evidenceBody) blobs() []string {
	var names []string
	for _, name := range []string{b.Wanted, b.Changes, b.Pending, b.Probes} {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, s := range []*sightBody{b.Before, b.After} {
		if s != nil && s.Flows != "" {
			names = append(names, s.Flows)
		}
	}
	for _, name := range b.Lists {
		names = append(names, name)
	}
	return names
}

// Witness keeps evidence, all of it in one write.
func (j *Journal) Witness(ctx context.Context, seen []Evidence) error {
	if len(seen) == 0 {
		return nil
	}
	return j.within(ctx, func(tx *sql.Tx) error {
		for i := range seen {
			body, err := evidenceInto(tx, &seen[i])
			if err != nil {
				return fmt.Errorf("journal: %w", err)
			}
			e := &seen[i]
			if err := j.add(tx, entry{kind: kindEvidence, run: e.Run, farm: e.Farm, host: e.Host, status: e.Status}, body); err != nil {
				return err
			}
		}
		return nil
	})
}

func evidenceInto(tx *sql.Tx, e *Evidence) (*evidenceBody, error) {
	b := &evidenceBody{Evidence: *e}
	into := func(name *string, value any, n int) error {
		if n == 0 {
			return nil
		}
		data, err := json.Marshal(value)
		if err == nil {
			*name, err = keep(tx, data)
		}
		return err
	}
	sight := func(s *Sight) (*sightBody, error) {
		if s == nil {
			return nil, nil
		}
		out := &sightBody{Pairs: s.Pairs}
		return out, into(&out.Flows, s.Flows, len(s.Flows))
	}
	var err error
	if len(e.Wanted) > 0 {
		b.Lists = map[string]string{}
		if b.Wanted, err = keepSet(tx, e.Wanted, b.Lists); err != nil {
			return nil, err
		}
	}
	if b.Before, err = sight(e.Before); err != nil {
		return nil, err
	}
	if b.After, err = sight(e.After); err != nil {
		return nil, err
	}
	if err := into(&b.Changes, e.Changes, len(e.Changes)); err != nil {
		return nil, err
	}
	if err := into(&b.Pending, e.Pending, len(e.Pending)); err != nil {
		return nil, err
	}
	return b, into(&b.Probes, e.Probes, len(e.Probes))
}
