package main

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"

	"farmwall/tasks"
)

// document is what a verb prints as JSON: its result, the exit code, and for plan
// the plan as its file has it.
type document struct {
	*tasks.Summary
	Exit  int             `json:"exit"`
	Plan  json.RawMessage `json:"plan,omitempty"`
	Pongs []tasks.Pong    `json:"pongs,omitempty"`
}

// jsonPrinter writes one document at the end.
type jsonPrinter struct {
	w        io.Writer
	progress *progress
}

func (j *jsonPrinter) event(e tasks.Event) { j.progress.event(e) }

func (j *jsonPrinter) plan(p *tasks.Plan, s *tasks.Summary, exit int) error {
	j.progress.stop()
	doc, err := planDocument(p, s, exit)
	if err != nil {
		return err
	}
	return writeJSON(j.w, doc)
}

func (j *jsonPrinter) summary(s *tasks.Summary, exit int) error {
	j.progress.stop()
	return writeJSON(j.w, document{Summary: s, Exit: exit})
}

func (j *jsonPrinter) pongs(list []tasks.Pong, s *tasks.Summary, exit int) error {
	j.progress.stop()
	return writeJSON(j.w, document{Summary: s, Exit: exit, Pongs: list})
}

func planDocument(p *tasks.Plan, s *tasks.Summary, exit int) (document, error) {
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		return document{}, err
	}
	return document{Summary: s, Exit: exit, Plan: bytes.TrimSpace(file.Bytes())}, nil
}

// jsonLines writes each event when it happens, then each outcome, then the end.
type jsonLines struct {
	mu  sync.Mutex
	out *json.Encoder
}

func newJSONLines(w io.Writer) *jsonLines { return &jsonLines{out: json.NewEncoder(w)} }

func (j *jsonLines) event(e tasks.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	// A reader that has gone away shows at the end, when the result is written.
	_ = j.out.Encode(e)
}

func (j *jsonLines) plan(p *tasks.Plan, s *tasks.Summary, exit int) error {
	doc, err := planDocument(p, s, exit)
	if err != nil {
		return err
	}
	return j.result(doc, nil)
}

func (j *jsonLines) summary(s *tasks.Summary, exit int) error {
	return j.result(document{Summary: s, Exit: exit}, nil)
}

func (j *jsonLines) pongs(list []tasks.Pong, s *tasks.Summary, exit int) error {
	return j.result(document{Summary: s, Exit: exit}, list)
}

func (j *jsonLines) result(doc document, pongs []tasks.Pong) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range doc.Outcomes {
		var o any = &doc.Outcomes[i]
		if i < len(pongs) {
			o = &pongs[i]
		}
		if err := j.out.Encode(struct {
			Kind    string `json:"event"`
			Outcome any    `json:"outcome"`
		}{"outcome", o}); err != nil {
			return err
		}
	}
	end := *doc.Summary
	end.Outcomes = nil
	doc.Summary = &end
	return j.out.Encode(struct {
		Kind string `json:"event"`
		document
		Hosts *struct{} `json:"hosts,omitempty"` // hides the document's: each host had its own line
	}{"end", doc, nil})
}
