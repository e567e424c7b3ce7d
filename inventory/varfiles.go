package inventory

import (
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// varExtensions are tried in this order; only the first file or folder of a name
// counts.
var varExtensions = [...]string{"", ".yml", ".yaml", ".json"}

// addVarFiles reads group_vars and host_vars beside every source.
func (s *sources) addVarFiles() {
	// A folder that several sources share is read once, at its last place.
	last := map[string]int{}
	for i, place := range s.places {
		last[filepath.Clean(place)] = i
	}
	for i, place := range s.places {
		if last[filepath.Clean(place)] != i {
			continue
		}
		files := placeVars{groups: map[*draftGroup]Vars{}, hosts: map[*draftHost]Vars{}}
		if dir := s.varFolder(filepath.Join(place, "group_vars")); dir != nil {
			for _, g := range s.groupOrder {
				if vars := dir.vars(g.name); len(vars) > 0 {
					files.groups[g] = vars
				}
			}
		}
		if dir := s.varFolder(filepath.Join(place, "host_vars")); dir != nil {
			for _, h := range s.hostOrder {
				if vars := dir.vars(h.name); len(vars) > 0 {
					files.hosts[h] = vars
				}
			}
		}
		if len(files.groups)+len(files.hosts) > 0 {
			s.files = append(s.files, files)
		}
	}
}

// varFolder is a folder of vars files, listed once.
type varFolder struct {
	*sources
	path  string
	names map[string]bool
}

// varFolder is nil where there is no such folder.
func (s *sources) varFolder(path string) *varFolder {
	entries, err := os.ReadDir(path)
	if err != nil {
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			s.problem(Position{File: path}, "", "cannot read the folder: %s", reason(err))
		}
		return nil
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	return &varFolder{s, path, names}
}

// vars reads what the folder holds for a group or host of that name.
func (f *varFolder) vars(name string) Vars {
	if f.ctx.Err() != nil || !filepath.IsLocal(name) || filepath.Clean(name) != name {
		return nil // such a name leads out of the folder
	}
	var found Vars
	chosen := ""
	for _, ext := range varExtensions {
		path := filepath.Join(f.path, name+ext)
		if !f.names[name+ext] && !strings.Contains(name, string(filepath.Separator)) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			if f.names[name+ext] {
				f.problem(Position{File: path}, "", "cannot read it: %s", reason(err))
			}
			continue
		}
		if chosen != "" {
			f.warn(Position{File: path}, "keep one of the two", "the file is not read, because %s comes first", chosen)
			continue
		}
		chosen = path
		found = Vars{}
		if !info.IsDir() {
			f.file(path, found)
			continue
		}
		f.folder(path, found, 0)
	}
	return found
}

// maxFolders bounds the depth of folders, which links could make endless.
const maxFolders = 32

// folder adds the variables of every vars file under a folder, in byte order.
func (f *varFolder) folder(dir string, into Vars, depth int) {
	entries, err := os.ReadDir(dir)
	if err != nil || depth > maxFolders {
		f.problem(Position{File: dir}, "", "cannot read the folder")
		return
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			f.problem(Position{File: path}, "", "cannot read it: %s", reason(err))
			continue
		}
		ext := filepath.Ext(name)
		switch {
		case info.IsDir() && ext == "":
			f.folder(path, into, depth+1)
		case !info.IsDir() && (ext == "" || ext == ".yml" || ext == ".yaml" || ext == ".json"):
			f.file(path, into)
		}
	}
}

// file adds the variables of one vars file.
func (f *varFolder) file(path string, into Vars) {
	data, secret, ok := f.read(path)
	if !ok {
		return
	}
	f.masked = secret
	defer func() { f.masked = false }()
	root, err := parseYAML(path, data)
	if err != nil {
		f.report.add(&f.problems, err.(Problem))
		return
	}
	y := f.yamlReader(path, secret)
	if root == nil {
		return
	}
	if followed(root).Kind != yaml.MappingNode {
		if v := y.value(root); v != nil {
			f.problem(y.at(root), "write name: value", "a vars file must be a map, not %s", kindOf(v))
		}
		return
	}
	for _, p := range y.pairs(followed(root)) {
		into[p.name] = y.variable(p.key, p.value)
	}
}
