package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house rules of docs/architecture.md, as tests.

// top is the repository's folder.
const top = "../.."

// source is one Go file of the repository.
type source struct {
	path string // "tasks/plan.go"
	pkg  string // "tasks"
	test bool
	file *ast.File
	size int // lines
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	walk(t, func(name string, text []byte) {
		if path.Ext(name) != ".go" {
			return
		}
		f, err := parser.ParseFile(set, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), f, bytes.Count(text, []byte("\n"))})
	})
	if len(all) < 20 {
		t.Fatalf("only %d Go files found below %s", len(all), top)
	}
	return all
}

// walk calls do with every file of the repository that is not built.
func walk(t *testing.T, do func(name string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, name)
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (rel == ".git" || rel == "dist" || rel == "build") {
			return filepath.SkipDir
		}
		if d.IsDir() || rel == "farmwall" || !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		do(rel, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sentence is the order of packages: one may import only those after it.
var sentence = []string{"cmd", "tasks", "transport", "rules", "inventory"}

// mayImport says whether a package may import another one of this module.
func mayImport(from, to string) bool {
	if from == to || from == "cmd/farmwall" && !strings.HasPrefix(to, "cmd") {
		return true
	}
	if strings.HasPrefix(from, to+"/") { // a child knows its parents
		return true
	}
	fromTop, _, _ := strings.Cut(from, "/")
	// Only cmd knows children by name, so the rest may name only the tops after their own.
	return slices.Index(sentence, fromTop) < slices.Index(sentence, to)
}

func TestPackagesImportOnlyWhatTheSentenceAllows(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imp := range imports(s.file) {
			if to, ours := strings.CutPrefix(imp, "farmwall/"); ours && !mayImport(s.pkg, to) {
				t.Errorf("%s imports %s", s.path, to)
			}
		}
	}
	for _, wrong := range [][2]string{{"rules", "rules/linux"}, {"rules/linux", "rules/catalog"}, {"tasks", "transport/ssh"}, {"inventory", "rules"}, {"transport/lab", "rules/linux"}, {"rules", "tasks"}} {
		if mayImport(wrong[0], wrong[1]) {
			t.Errorf("the rule lets %s import %s", wrong[0], wrong[1])
		}
	}
}

// homes says which packages may use a library.
var homes = map[string][]string{
	"github.com/masterzen/winrm":         {"transport/winrm"},
	"github.com/jcmturner/gokrb5":        {"transport/winrm", "transport/lab/windows/wsman"},
	"github.com/alexbrainman/sspi":       {"transport/winrm"},
	"golang.org/x/crypto":                {"transport/ssh", "transport/winrm", "transport/lab", "transport/lab/windows/wsman", "transport/lab/windows/sshd"},
	"golang.org/x/sys":                   {"transport", "transport/ssh", "transport/lab", "rules/linux/linuxtest"},
	"golang.org/x/term":                  {"cmd/farmwall", "transport/ssh"},
	"github.com/urfave/cli":              {"cmd/farmwall"},
	"github.com/hashicorp/go-multierror": {"tasks"},
	"modernc.org/sqlite":                 {"tasks"},
	"go.yaml.in/yaml":                    {"inventory", "inventory/ras", "rules/catalog"},
	"github.com/zalando/go-keyring":      {"cmd/farmwall"},
	"github.com/Microsoft/go-winio":      {"transport/ssh"},
	"github.com/nicholas-fedor/shoutrrr": {"tasks/notify"},
	"github.com/rogpeppe/go-internal":    nil, // tests only
	"github.com/bodgit/ntlmssp":          nil, // tests only
	"github.com/owenrumney/go-sarif/v3":  nil, // tests only
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range imports(s.file) {
			first, _, _ := strings.Cut(imp, "/")
			if !strings.Contains(first, ".") {
				continue
			}
			allowed, known := false, false
			for library, where := range homes {
				if imp == library || strings.HasPrefix(imp, library+"/") {
					known = true
					allowed = slices.Contains(where, s.pkg) || s.test
				}
			}
			if !known {
				t.Errorf("%s imports %s, which is no dependency of this program", s.path, imp)
			} else if !allowed {
				t.Errorf("%s imports %s, which does not belong there", s.path, imp)
			}
		}
	}
}

func imports(f *ast.File) []string {
	var out []string
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}

func TestEachPackageHasOneComment(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		comments[s.pkg] = append(comments[s.pkg], nil...)
		if s.file.Doc != nil {
			comments[s.pkg] = append(comments[s.pkg], s.path)
		}
	}
	for pkg, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments: %v", pkg, len(files), files)
		}
	}
}

func TestFilesAreSmallAndWellNamed(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "types", "misc"}
	for _, s := range sources(t) {
		if s.size > 450 {
			t.Errorf("%s has %d lines; 450 is the most", s.path, s.size)
		}
		words := append(strings.Split(s.pkg, "/"), strings.TrimSuffix(path.Base(s.path), ".go"))
		for _, word := range words {
			if slices.Contains(banned, word) {
				t.Errorf("%s: %q says nothing; name it after what it holds", s.path, word)
			}
		}
	}
}

func TestNothingRunsBeforeMainAndNoPackageVariableChanges(t *testing.T) {
	all := sources(t)
	vars := map[string]map[string]bool{}
	for _, s := range all {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has a func init", s.path)
			}
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if vars[s.pkg] == nil {
						vars[s.pkg] = map[string]bool{}
					}
					vars[s.pkg][name.Name] = true
				}
			}
		}
	}
	for _, s := range all {
		if s.test {
			continue
		}
		written := func(e ast.Expr) {
			for {
				index, ok := e.(*ast.IndexExpr)
				if !ok {
					break
				}
				e = index.X
			}
			name, ok := e.(*ast.Ident)
			if !ok || !vars[s.pkg][name.Name] || name.Name == "_" {
				return
			}
			// The parser resolves names inside one file: nil means declared elsewhere in the package.
			if name.Obj == nil || s.file.Scope.Lookup(name.Name) == name.Obj {
				t.Errorf("%s writes the package variable %s", s.path, name.Name)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						written(e)
					}
				}
			case *ast.IncDecStmt:
				written(n.X)
			}
			return true
		})
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	fixed := []string{"cmd", "inventory", "tasks", "transport", "rules", "examples", "docs", "go.mod", "go.sum", "Makefile",
		"README.md", "CHANGELOG.md", "LICENSE", ".ci", ".gitignore"}
	built := []string{".git", "dist", "build", "farmwall"}
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
		if !slices.Contains(fixed, e.Name()) && !slices.Contains(built, e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
	for _, name := range fixed {
		if !there[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestShellScriptsParse(t *testing.T) {
	n := 0
	walk(t, func(name string, text []byte) {
		// A pair of files that stand around a script parse together only.
		if begin, first := strings.CutSuffix(name, "_begin.sh"); first {
			end, err := os.ReadFile(filepath.Join(top, begin+"_end.sh"))
			if err != nil {
				t.Error(err)
			}
			text = slices.Concat(text, []byte(":\n"), end)
		}
		if path.Ext(name) != ".sh" || strings.HasSuffix(name, "_end.sh") {
			return
		}
		n++
		c := exec.Command("sh", "-n")
		c.Stdin = bytes.NewReader(text)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", name, err, out)
		}
	})
	if n == 0 {
		t.Error("no shell script found")
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	walk(t, func(name string, text []byte) {
		if name == "cmd/farmwall/house_test.go" || path.Ext(name) == ".sum" || bytes.IndexByte(text, 0) >= 0 {
			return
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, word := range []string{"TODO", "FIXME", "XXX", "not yet implemented"} {
				if strings.Contains(line, word) {
					t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
				}
			}
		}
	})
}
