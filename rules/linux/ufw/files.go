package ufw

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"farmwall/rules/linux"
)

// files is what ufw's own files say.
type files struct {
	enabled, six bool
	ours, others []tuple // of both families, in their order; IPv6 only where six
	// loopback and answers: before.rules lets pass what comes by the loopback interface, and
	// what belongs to a connection that stands; of every family that ufw rules.
	loopback, answers bool
	protocols         []string // that this ufw knows, empty where that could not be found out
	inputPolicy       string
}

// read reads what the host printed; nil where ufw is not there.
func read(r *linux.Reading) *files {
	if r == nil {
		return nil
	}
	w, ok := r.Walls[name]
	if !ok {
		return nil
	}
	texts := printed(w.Rest)
	f := &files{
		enabled:     isYes(value(texts["/etc/ufw/ufw.conf"], "ENABLED")),
		six:         isYes(value(texts["/etc/default/ufw"], "IPV6")),
		inputPolicy: strings.ToUpper(value(texts["/etc/default/ufw"], "DEFAULT_INPUT_POLICY")),
	}
	for file, lines := range texts {
		if path.Base(file) == "util.py" && len(lines) > 0 {
			f.protocols = quoted.FindAllString(lines[0], -1)
		}
	}
	f.loopback = has(texts["/etc/ufw/before.rules"], loopbackLine) && (!f.six || has(texts["/etc/ufw/before6.rules"], loopbackLine))
	f.answers = has(texts["/etc/ufw/before.rules"], answersLine) && (!f.six || has(texts["/etc/ufw/before6.rules"], answersLine))
	f.ours = oursOf(w.Ours, f.six)
	f.others = append(blocks(false, texts["/etc/ufw/user.rules"]), blocksIf(f.six, texts["/etc/ufw/user6.rules"])...)
	return f
}

var (
	quoted       = regexp.MustCompile(`[a-z0-9]+"|[a-z0-9]+'`)
	loopbackLine = regexp.MustCompile(`^-A ufw6?-before-input -i lo -j ACCEPT\s*$`)
	answersLine  = regexp.MustCompile(`^-A ufw6?-before-input -m (conntrack --ctstate|state --state) (RELATED,ESTABLISHED|ESTABLISHED,RELATED) -j ACCEPT\s*$`)
)

// printed splits "file PATH" and the lines of that file, each behind a tab.
func printed(text string) map[string][]string {
	out := map[string][]string{}
	file := ""
	for _, l := range strings.Split(text, "\n") {
		if name, ok := strings.CutPrefix(l, "file "); ok {
			file = name
			out[file] = []string{}
		} else if line, ok := strings.CutPrefix(l, "\t"); ok && file != "" {
			out[file] = append(out[file], line)
		}
	}
	return out
}

// value is the last KEY=VALUE, as a shell reads the file.
func value(lines []string, key string) string {
	out := ""
	for _, l := range lines {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), key+"="); ok {
			out = strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return out
}

func isYes(s string) bool { return strings.EqualFold(s, "yes") }

func has(lines []string, form *regexp.Regexp) bool {
	for _, l := range lines {
		if form.MatchString(l) {
			return true
		}
	}
	return false
}

// knows says whether this ufw takes the protocol's name.
func (f *files) knows(protocol string) bool {
	for _, p := range f.protocols {
		if strings.Trim(p, `"'`) == protocol {
			return true
		}
	}
	return protocol == "tcp" || protocol == "udp"
}

// families are those that ufw rules here, v6 or not.
func (f *files) families() []bool {
	if f.six {
		return []bool{false, true}
	}
	return []bool{false}
}

// oursOf reads our tuples: a line "FILE PLACE", then their lines behind tabs.
func oursOf(text string, six bool) []tuple {
	var out []tuple
	v6, at := false, 0
	for _, l := range strings.Split(text, "\n") {
		line, inside := strings.CutPrefix(l, "\t")
		if !inside {
			file, place, _ := strings.Cut(l, " ")
			v6 = path.Base(file) == "user6.rules"
			at, _ = strconv.Atoi(place)
			continue
		}
		if v6 && !six {
			continue
		}
		out = extend(out, v6, line, at)
	}
	return out
}

func blocksIf(six bool, lines []string) []tuple {
	if !six {
		return nil
	}
	return blocks(true, lines)
}

func blocks(v6 bool, lines []string) []tuple {
	var out []tuple
	open := false
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, tupleMark):
			open = true
			out = extend(out, v6, l, 0)
		case open && strings.HasPrefix(l, "-A "):
			out = extend(out, v6, l, 0)
		default:
			open = false
		}
	}
	return out
}

// extend begins a tuple, or adds a line to the last one.
func extend(list []tuple, v6 bool, line string, at int) []tuple {
	if strings.HasPrefix(line, tupleMark) {
		return append(list, newTuple(v6, line, nil, at))
	}
	if len(list) > 0 {
		last := &list[len(list)-1]
		last.body = append(last.body, line)
	}
	return list
}
