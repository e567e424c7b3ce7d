package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
)

// The CSV of edition 16 is the table that the edition was transcribed from.
func TestCatalogCSVIsThePortReference(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"farmwall", "catalog", "--edition", "16", "--output", "csv"}
	if code := run(context.Background(), args, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	got, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("../../rules/catalog/testdata/edition-16.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimRight(string(table), "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if line := strings.Split(strings.TrimSuffix(want[i], "\r"), "\t"); !slices.Equal(got[i], line) {
			t.Errorf("line %d\n got %q\nwant %q", i+1, got[i], line)
		}
	}
}
