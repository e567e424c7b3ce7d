package inventory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// sources reads inventory sources into a draft.
type sources struct {
	*draft
	ctx context.Context
	// places are the folders, in order, where group_vars and host_vars may lie.
	places     []string
	vault      *Vault
	scriptTime time.Duration // for one answer of an inventory script; 0: the default
}

// add reads one source: a file, a folder or a list of hosts with a comma.
func (s *sources) add(source string) {
	info, err := os.Stat(source)
	switch {
	case err == nil && info.IsDir():
		s.places = append(s.places, source)
		before := len(s.hostOrder)
		found := s.folder(source, map[string]bool{})
		if !found {
			s.problem(Position{File: source}, "name an inventory file", "the folder holds no inventory")
		} else if len(s.hostOrder) == before && len(s.problems) == 0 {
			s.warn(Position{File: source}, "", "the folder names no new host")
		}
	case err == nil:
		s.places = append(s.places, filepath.Dir(source))
		s.file(source)
	case strings.Contains(source, ","):
		s.list(source)
	default:
		s.problem(Position{File: source}, "a list of hosts needs a comma, as in \"host,\"", "cannot read the inventory: %s", reason(err))
	}
}

// reason is an error of the file system without the path, which the position has.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// list reads hosts with commas between them; ports work, ranges do not.
func (s *sources) list(source string) {
	s.current = ""
	at := Position{File: source}
	some := false
	for _, word := range strings.Split(source, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		some = true
		name, port := splitPort(word)
		s.addHost(s.group("ungrouped", at), name, port, at, nil)
	}
	if !some {
		s.problem(at, "", "the list names no host")
	}
}

// skippedNames are what a folder of inventories may hold besides inventories.
var skippedNames = regexp.MustCompile(`^\.|^(?:group_vars|host_vars|vars_plugins)$|(?:~|\.(?:pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry))$`)

// folder reads every inventory under a folder, in byte order of their names. It
// says whether there was any.
func (s *sources) folder(dir string, above map[string]bool) bool {
	target, err := filepath.EvalSymlinks(dir)
	if err == nil && above[target] {
		s.problem(Position{File: dir}, "", "the folder is linked into itself")
		return true
	}
	above[target] = true
	defer delete(above, target)
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.problem(Position{File: dir}, "", "cannot read the folder: %s", reason(err))
		return true
	}
	found := false
	for _, e := range entries {
		if skippedNames.MatchString(e.Name()) || s.ctx.Err() != nil {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil:
			s.problem(Position{File: path}, "", "cannot read it: %s", reason(err))
			found = true
		case info.IsDir():
			found = s.folder(path, above) || found
		default:
			s.file(path)
			found = true
		}
	}
	return found
}

// file reads one inventory: a script's answer, YAML and JSON where the name allows
// it and the root is a map, else INI.
func (s *sources) file(path string) {
	at := Position{File: path}
	s.current, _ = filepath.Abs(path)
	data, secret, ok := s.read(path)
	if !ok {
		return
	}
	info, err := os.Stat(path)
	if err == nil && isScript(path, info, data) {
		s.script(path)
		return
	}
	before := len(s.problems)
	s.masked = secret
	s.static(path, data, secret)
	s.masked = false
	if len(s.problems) > before && looksProgram(data) {
		s.problems = s.problems[:before]
		s.problem(at, "chmod +x "+path+", or ansible-inventory -i FILE --list --yaml --export", "this is an inventory script that may not be run")
	}
}

// static reads an inventory that is no script.
func (s *sources) static(path string, data []byte, secret bool) {
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case ext == ".toml":
		s.problem(Position{File: path}, "write it as YAML or INI", "farmwall reads no TOML inventories")
		return
	case ext != "" && ext != ".yml" && ext != ".yaml" && ext != ".json":
		s.addINI(parseINI(s.report, path, data, secret))
		return
	}
	root, err := parseYAML(path, data)
	switch {
	case err == nil && root != nil && followed(root).Kind == yaml.MappingNode:
		s.addYAML(path, followed(root), secret)
		return
	case err == nil && root == nil:
		return // only comments
	}
	trial := newReport()
	sections := parseINI(trial, path, data, secret)
	if len(trial.problems) > 0 && (ext != "" || looksYAML(data)) {
		if err == nil {
			err = Problem{At: Position{path, root.Line}, Text: "the file holds no map of groups", Hint: "begin with a group's name and a colon"}
		}
		var p Problem
		if errors.As(err, &p) {
			s.report.add(&s.problems, p)
			return
		}
	}
	for _, p := range trial.problems {
		s.report.add(&s.problems, p)
	}
	for _, w := range trial.warnings {
		s.report.add(&s.warnings, w)
	}
	s.addINI(sections)
}

var yamlStart = regexp.MustCompile(`(?m)\A(?:\s*(?:#.*)?\n)*(?:---|%YAML|\{|["']?[\w.-]+["']?:\s*(?:#.*)?(?:\n|\z))`)

// looksYAML says whether the first line that counts is one of YAML.
func looksYAML(data []byte) bool { return yamlStart.Match(data) }
