package tasks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"farmwall/rules"
)

// Why a plan file is not used.
var (
	ErrPlanDamaged = errors.New("the plan file is damaged")
	ErrPlanNewer   = errors.New("the plan file was written by a newer farmwall")
)

// planFile is a plan as it lies on disk: address lists once, named by their
// hash, and a SHA-256 over the plan's bytes. The hash is against accident; it is
// no signature.
type planFile struct {
	Format int             `json:"farmwall_plan"`
	SHA256 string          `json:"sha256"`
	Plan   json.RawMessage `json:"plan"`
}

// planBody is what the hash is over.
type planBody struct {
	Lists map[string]*rules.Addresses `json:"lists"`
	Plan
	Hosts []hostBody `json:"hosts"`
}

type hostBody struct {
	HostPlan
	Wanted  []ruleBody   `json:"wanted,omitempty"`
	Changes []changeBody `json:"changes,omitempty"`
	Flows   []flowBody   `json:"flows,omitempty"`
}

type changeBody struct {
	rules.Change
	Have *ruleBody `json:"have,omitempty"`
	Want *ruleBody `json:"want,omitempty"`
}

// ruleBody and flowBody name address lists by their hash; empty is anywhere.
type ruleBody struct {
	rules.Rule
	Remotes string `json:"remotes,omitempty"`
}

type flowBody struct {
	JudgedFlow
	Remotes string `json:"remotes,omitempty"`
	Not     string `json:"not,omitempty"`
}

// Write writes the plan file. The caller opens it with mode 0600.
func (p *Plan) Write(w io.Writer) error {
	body, err := json.Marshal(pack(p))
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	p.digest = sum(body)
	text, err := planFile{Format: p.Format, SHA256: p.digest, Plan: body}.text()
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	_, err = w.Write(text)
	return err
}

func (f planFile) text() ([]byte, error) {
	text, err := json.Marshal(f)
	return append(text, '\n'), err
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// ReadPlan reads a plan file and refuses one that was altered or is newer than
// PlanFormat.
func ReadPlan(src io.Reader) (*Plan, error) {
	text, err := io.ReadAll(src)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	var f planFile
	if err := strictly(text, &f); err != nil {
		// A newer format may have other fields; its number is told all the same.
		var head struct {
			Format int `json:"farmwall_plan"`
		}
		if json.Unmarshal(text, &head) != nil || head.Format <= PlanFormat {
			return nil, fmt.Errorf("%w: %v", ErrPlanDamaged, err)
		}
		f.Format = head.Format
	}
	switch {
	case f.Format > PlanFormat:
		return nil, fmt.Errorf("%w: it has format %d, this one reads up to %d", ErrPlanNewer, f.Format, PlanFormat)
	case f.Format < 1:
		return nil, fmt.Errorf("%w: it has no format number", ErrPlanDamaged)
	case sum(f.Plan) != f.SHA256:
		return nil, fmt.Errorf("%w: it was altered after it was written", ErrPlanDamaged)
	}
	// The hash is over the plan only; this is what surrounds it.
	if again, err := f.text(); err != nil || !bytes.Equal(again, text) {
		return nil, fmt.Errorf("%w: it was altered after it was written", ErrPlanDamaged)
	}
	var body planBody
	if err := strictly(f.Plan, &body); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPlanDamaged, err)
	}
	p, err := body.unpack()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPlanDamaged, err)
	}
	if p.Format != f.Format {
		return nil, fmt.Errorf("%w: it has two format numbers", ErrPlanDamaged)
	}
	p.digest = f.SHA256
	return p, nil
}

// strictly reads one JSON value that has no fields but those of v and nothing
// behind it.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more behind its end")
	}
	return nil
}
