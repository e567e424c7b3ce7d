package inventory

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

// sources reads inventory sources into a draft.
type sources struct {
	*draft
	ctx context.Context
	// places are the folders, in order, where group_vars and host_vars may lie.
	places []string
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

// file reads one inventory in the format that its content has: YAML and JSON
// where the name allows it and the root is a map, else INI.
func (s *sources) file(path string) {
	at := Position{File: path}
	data, ok := s.read(path)
	if !ok {
		return
	}
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case strings.HasPrefix(string(data[:min(len(data), 2)]), "#!") || strings.HasPrefix(string(data[:min(len(data), 4)]), "\x7fELF"):
		s.problem(at, "write its answer to a file: ansible-inventory -i FILE --list --yaml --export", "this is an inventory script, which farmwall does not run")
		return
	case ext == ".toml":
		s.problem(at, "write it as YAML or INI", "farmwall reads no TOML inventories")
		return
	case ext != "" && ext != ".yml" && ext != ".yaml" && ext != ".json":
		s.addINI(parseINI(s.report, path, data))
		return
	}
	root, err := parseYAML(path, data)
	switch {
	case err == nil && root != nil && followed(root).Kind == yaml.MappingNode:
		s.addYAML(path, followed(root))
		return
	case err == nil && root == nil:
		return // only comments
	}
	trial := newReport()
	sections := parseINI(trial, path, data)
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

// read returns a file's content as UTF-8 without a byte order mark.
func (s *sources) read(path string) ([]byte, bool) {
	data, p := readFile(path)
	if p != nil {
		s.report.add(&s.problems, *p)
		return nil, false
	}
	return data, true
}

func readFile(path string) ([]byte, *Problem) {
	at := Position{File: path}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Problem{At: at, Text: "cannot read it: " + reason(err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Problem{At: at, Text: "cannot read it: " + reason(err)}
	}
	if len(data) > maxFile {
		return nil, &Problem{At: at, Text: "the file is larger than 64 MiB", Hint: "is this an inventory?"}
	}
	text := string(data[:min(len(data), 16)])
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), len(text) > 3 && !utf8.ValidString(text) && strings.Contains(text, "\x00"):
		return nil, &Problem{At: at, Text: "the file is UTF-16", Hint: "save it as UTF-8"}
	case strings.HasPrefix(text, "\xef\xbb\xbf"):
		data = data[3:]
		text = text[3:]
	}
	if strings.HasPrefix(text, "$ANSIBLE_VAULT") {
		return nil, &Problem{At: Position{path, 1}, Text: "the file is encrypted with Ansible Vault", Hint: vaultHint}
	}
	return data, nil
}
