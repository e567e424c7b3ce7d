// Package catalog is the port reference of Parallels RAS as data: edition 16,
// row by row, and what newer versions are known to add. It is embedded in the
// program and checked strictly when it is read.
package catalog

import (
	"embed"
	"fmt"
	"strings"

	"farmwall/rules"
)

//go:embed edition-*.yaml
var files embed.FS

// Info says what an edition is and how much of it was seen.
type Info struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Complete is false where the vendor's tables were seen in part only: more
	// rows exist than the edition has.
	Complete bool `json:"complete"`
	// Unseen names what was not seen.
	Unseen []string `json:"unseen,omitempty"`
	// Sources explains the tags in Row.Source.
	Sources map[string]string `json:"sources,omitempty"`
	Rows    int               `json:"rows"`
}

// Editions returns the editions, oldest first. Rules are made from edition 16
// and the later rows whose version bounds fit.
func Editions() []string { return []string{"16", "17", "18", "19", "20", "21"} }

// Edition returns the rows that the edition introduced, in its own order.
func Edition(id string) ([]rules.Row, error) {
	e, err := read(id)
	if err != nil {
		return nil, err
	}
	return e.rows(), nil
}

// Describe says what an edition is.
func Describe(id string) (Info, error) {
	e, err := read(id)
	if err != nil {
		return Info{}, err
	}
	return Info{ID: e.Edition, Title: e.Title, Complete: *e.Complete, Unseen: e.Unseen, Sources: e.Sources, Rows: len(e.rows())}, nil
}

// All returns the rows of all editions, oldest first: what rules.NewPolicy takes.
func All() ([]rules.Row, error) {
	var all []rules.Row
	for _, id := range Editions() {
		rows, err := Edition(id)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	if err := checkAll(all); err != nil {
		return nil, err
	}
	return all, nil
}

func read(id string) (*edition, error) {
	known := false
	for _, e := range Editions() {
		known = known || e == id
	}
	if !known {
		return nil, fmt.Errorf("no edition %q of the port reference (there are %s)", id, strings.Join(Editions(), ", "))
	}
	b, err := files.ReadFile("edition-" + id + ".yaml")
	if err != nil {
		return nil, err
	}
	e, err := parse(b)
	if err == nil && e.Edition != id {
		err = fmt.Errorf("it calls itself edition %q", e.Edition)
	}
	if err != nil {
		return nil, fmt.Errorf("port reference, edition %s: %w", id, err)
	}
	return e, nil
}
