package inventory

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"
)

// defaultScriptTime is how long an inventory script may take for one answer.
const defaultScriptTime = 30 * time.Second

// isScript says whether a file is an inventory script: it may be run, and begins
// as a program does. On Windows its name says so.
func isScript(path string, info fs.FileInfo, head []byte) bool {
	return mayRun(path, info) && (looksProgram(head) || filepath.Separator == '\\')
}

func looksProgram(head []byte) bool {
	for _, mark := range []string{"#!", "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return true
		}
	}
	return false
}

// script runs an inventory script and reads its answer.
func (s *sources) script(path string) {
	at := Position{File: path}
	full, err := filepath.Abs(path)
	if err != nil {
		s.problem(at, "", "cannot run it: %s", reason(err))
		return
	}
	run := &scriptRun{ctx: s.ctx, path: full, name: path, time: s.scriptTime}
	out, err := run.answer("--list")
	if err != nil {
		s.problem(at, run.hint(err), "the inventory script is of no use: %s", err)
		return
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out.stderr)), "\n") {
		if line != "" && i < 5 {
			s.warn(at, "", "the inventory script says: %s", show(line))
		}
	}
	root := s.scriptJSON(path+" --list", out.stdout)
	if root == nil {
		return
	}
	y := &yamlDraft{draft: s.draft, yamlReader: s.yamlReader(path+" --list", false)}
	y.addScript(root, run)
}

// scriptJSON parses an answer; nil where it is none, which is reported.
func (s *draft) scriptJSON(source string, data []byte) *yaml.Node {
	at := Position{File: source}
	hint := "an inventory script prints one JSON object on standard output, and nothing else"
	if len(bytes.TrimSpace(data)) == 0 {
		s.problem(at, hint, "the inventory script printed nothing")
		return nil
	}
	root, err := parseJSON(source, data)
	var p Problem
	if errors.As(err, &p) {
		p.Text, p.Hint = "the inventory script printed no JSON: "+strings.TrimPrefix(p.Text, "broken JSON: "), hint
		s.report.add(&s.problems, p)
		return nil
	}
	if root.Kind != yaml.MappingNode {
		s.problem(at, hint, "the inventory script printed JSON, but no object")
		return nil
	}
	return root
}

// scriptRun is one inventory script.
type scriptRun struct {
	ctx  context.Context
	path string // absolute
	name string // as the user wrote it
	time time.Duration
}

func (r *scriptRun) answer(args ...string) (programOutput, error) {
	limit := r.time
	if limit == 0 {
		limit = defaultScriptTime
	}
	return runProgram(r.ctx, append([]string{r.path}, args...), programLimits{time: limit, bytes: maxFile})
}

func (r *scriptRun) hint(err error) string {
	if strings.Contains(err.Error(), "did not end within") {
		return "run it by hand: " + r.name + " --list; --script-timeout gives it more time"
	}
	return "run it by hand: " + r.name + " --list"
}

// maxScriptCalls is how many calls of "--host NAME" run at once.
const maxScriptCalls = 8

// hostAnswers asks for each host by itself, which scripts without _meta want. The
// answers come in the order of the names; after an error no host is asked any more,
// and the first in order is told.
func (r *scriptRun) hostAnswers(names []string) ([][]byte, string, error) {
	answers := make([][]byte, len(names))
	errs := make([]error, len(names))
	var failed atomic.Bool
	var group sync.WaitGroup
	slots := make(chan struct{}, maxScriptCalls)
	for i, name := range names {
		slots <- struct{}{}
		if failed.Load() || r.ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-slots }()
			out, err := r.answer("--host", name)
			answers[i], errs[i] = out.stdout, err
			if err != nil {
				failed.Store(true)
			}
		})
	}
	group.Wait()
	if err := r.ctx.Err(); err != nil {
		return nil, "", err
	}
	for i, err := range errs {
		if err != nil {
			return nil, names[i], err
		}
	}
	return answers, "", nil
}
