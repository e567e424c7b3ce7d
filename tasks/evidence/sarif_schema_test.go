package evidence_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	// Its module holds OASIS' schema as a constant.
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// publishedSARIF writes the schema that OASIS published for SARIF 2.1.0 to a file. The
// library has it as a constant of its own, validating with it only what it has read
// into its own types, without what it does not know; so the constant is read from its
// source.
func publishedSARIF(t *testing.T) string {
	t.Helper()
	var _ *sarif.Report
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	schema := ""
	ast.Inspect(source, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && schema == "" {
			schema, err = strconv.Unquote(l.Value)
		}
		return true
	})
	if err != nil || !strings.Contains(schema, "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema") {
		t.Fatalf("no schema in the library's source: %.200s %v", schema, err)
	}
	path := filepath.Join(t.TempDir(), "published.json")
	if err := os.WriteFile(path, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
