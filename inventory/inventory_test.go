package inventory

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// tree writes files into a fresh folder and returns it.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadText loads one inventory; INI unless the text begins with "---".
func loadText(t testing.TB, text string) (*Inventory, error) {
	t.Helper()
	name := "hosts"
	if strings.HasPrefix(text, "---") {
		name = "hosts.yml"
	}
	dir := tree(t, map[string]string{name: text})
	t.Chdir(dir)
	return Load(context.Background(), []string{name}, Options{})
}

// must loads one inventory that has no mistakes.
func must(t testing.TB, text string) *Inventory {
	t.Helper()
	inv, err := loadText(t, text)
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	return inv
}

// withRole makes an inventory loadable that is not about roles.
const withRole = "\n[gateway]\nrole.example\n"

func hostNames(hosts []*Host) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	return strings.Join(names, " ")
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %#v\nwant %#v", what, got, want)
	}
}

func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
