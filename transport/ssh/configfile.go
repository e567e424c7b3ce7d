package ssh

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// directive is one line of an ssh_config file.
type directive struct {
	file string
	line int
	key  string // lower case
	args []string
	// included is what an Include line names, read already. Its Host lines count
	// only while the line itself does.
	included [][]directive
}

func (d *directive) at() string {
	if d.line == 0 {
		return d.file
	}
	return fmt.Sprintf("%s:%d", d.file, d.line)
}

// configFile reads one file; a missing one is empty. Relative names in Include
// lines are below dir.
//
// kevinburke/ssh_config is not used: it takes "Match host a,b" and
// "Match host a exec ..." for lists of host patterns without a word, lets "?"
// match nothing, and refuses a whole file for one Match that it does not know.
func configFile(path, dir, home string, depth int) ([]directive, error) {
	if depth > 16 {
		return nil, fmt.Errorf("%s: Include goes more than 16 files deep", path)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parseConfig(string(text), path)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].key != "include" {
			continue
		}
		for _, name := range list[i].args {
			name = tilde(name, home)
			if !filepath.IsAbs(name) {
				name = filepath.Join(dir, name)
			}
			paths, err := filepath.Glob(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", list[i].at(), err)
			}
			for _, p := range paths {
				sub, err := configFile(p, dir, home, depth+1)
				if err != nil {
					return nil, err
				}
				list[i].included = append(list[i].included, sub)
			}
		}
	}
	return list, nil
}

// parseConfig reads the lines of one file; all mistakes are reported at once.
func parseConfig(text, file string) ([]directive, error) {
	var list []directive
	var wrong []error
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.IndexAny(line, " \t=")
		if end < 0 {
			end = len(line)
		}
		rest := strings.TrimLeft(line[end:], " \t")
		rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
		args, err := configWords(rest)
		if err == nil && len(args) == 0 {
			err = fmt.Errorf("%s has no value", line[:end])
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", file, n+1, err))
			continue
		}
		list = append(list, directive{file: file, line: n + 1, key: strings.ToLower(line[:end]), args: args})
	}
	return list, errors.Join(wrong...)
}

// configWords splits a value into words, with quotes and backslashes as
// OpenSSH has them; a "#" at the start of a word begins a comment.
func configWords(s string) ([]string, error) {
	var words []string
	for {
		s = strings.TrimLeft(s, " \t\r")
		if s == "" || s[0] == '#' {
			return words, nil
		}
		var w strings.Builder
		var quote byte
		i := 0
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\'' || s[i+1] == '\\' || quote == 0 && s[i+1] == ' '):
				i++
				w.WriteByte(s[i])
				continue
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
				continue
			case c == quote && quote != 0:
				quote = 0
				continue
			}
			if quote == 0 && (c == ' ' || c == '\t' || c == '\r') {
				break
			}
			w.WriteByte(c)
		}
		if quote != 0 {
			return nil, fmt.Errorf("a quote is not closed")
		}
		words = append(words, w.String())
		s = s[i:]
	}
}

// tilde puts the user's home in place of a leading "~/".
func tilde(path, home string) string {
	if path == "~" {
		return home
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(home, rest)
	}
	return path
}
