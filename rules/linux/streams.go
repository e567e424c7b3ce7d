package linux

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// streams are what fingerprint.awk makes of nft's text, made again here: the host
// hashes them under the lock of a change, and observe need not pay for it. The two
// are one definition, written twice; tests hold them against each other byte by byte.
type streams struct {
	own    []string   // of our table, our chains and sets in foreign tables
	jumps  []string   // "jump FAMILY TABLE CHAIN INDEX TEXT", our rules in foreign chains
	facts  []string   // what nft 1.0.6 leaves out of its JSON
	chains []textRule // the handles of the rules, for comparison with the JSON

	table, block, kind string
	whole, mine        bool // the table is ours, the block is
	place              int
	listing, verdicts  bool
	skip               map[string]bool // tables that a save of iptables shows better
	opened             map[string]bool
	flags, known       map[string]string
	line               map[string][]string
	queue              []string
	reached            map[string]bool
}

// textRule is one chain of nft's text.
type textRule struct {
	table, chain string // "inet filter", "input"
	handles      []int
	texts        []string // of the rules, as the handles
	nested       bool     // it holds chains without names, whose rules the JSON has elsewhere
}

var (
	handleEnd  = regexp.MustCompile(` # handle ([0-9]+)$`)
	tableBegin = regexp.MustCompile(`^table [^ ]+ [^ ]+ [{]`)
	blockBegin = regexp.MustCompile(`^\t[^\t ]+ [^ ]+ [{]`)
	ownComment = regexp.MustCompile(` comment "farmwall:[^"]*"$`)
	expiry     = regexp.MustCompile(` expires [0-9a-z]+`)
	deviceHook = regexp.MustCompile(` hook [a-z]+ devices? `)
	beforeDev  = regexp.MustCompile(`^.* hook [a-z]+ devices? `)
	afterDev   = regexp.MustCompile(` priority .*$`)
	devMarks   = regexp.MustCompile(`[={},"]`)
	wordMarks  = strings.NewReplacer(",", "", ";", "", "}", "")
)

// readText reads nft -a -s -n list ruleset. Lines are told apart by their indent and
// first words, and a comment of ours by the end of its line. skip names tables that
// are left out: "ip filter".
func readText(text string, skip map[string]bool) *streams {
	s := &streams{skip: skip, opened: map[string]bool{}, flags: map[string]string{}, known: map[string]string{},
		line: map[string][]string{}, reached: map[string]bool{}}
	for _, line := range strings.Split(text, "\n") {
		handle := -1
		if at := handleEnd.FindStringSubmatchIndex(line); at != nil {
			if n, err := strconv.Atoi(line[at[2]:at[3]]); err == nil {
				handle = n
			}
			line = line[:at[0]]
		}
		s.read(line, handle)
	}
	return s
}

func (s *streams) read(line string, handle int) {
	switch {
	case line == "# end": // how a listing ends, for awk
	case tableBegin.MatchString(line):
		f := awkFields(line)
		s.table, s.block = field(f, 2)+" "+field(f, 3), ""
		s.whole = s.table == "inet farmwall"
		if s.skip[s.table] {
			s.table = ""
		}
		if s.whole {
			s.own = append(s.own, "table "+s.table+" {")
		}
	case strings.HasPrefix(line, "}"):
		if s.whole || s.opened[s.table] {
			s.own = append(s.own, "}")
		}
		s.table, s.whole = "", false
	case s.table == "":
	case blockBegin.MatchString(line):
		s.begin(line)
	case strings.HasPrefix(line, "\t}"):
		if s.mine {
			s.own = append(s.own, line)
		}
		s.block, s.mine = "", false
	case s.block == "":
		if s.whole {
			s.own = append(s.own, line)
		}
		if field(awkFields(line), 1) == "flags" {
			s.flags[s.table] = line
			if strings.Contains(line, "dormant") {
				s.facts = append(s.facts, "dormant "+s.table)
			}
		}
	default:
		if s.kind == "chain" {
			c := &s.chains[len(s.chains)-1]
			if handle >= 0 {
				c.handles = append(c.handles, handle)
				c.texts = append(c.texts, strings.TrimLeft(line, "\t"))
			}
			c.nested = c.nested || strings.HasSuffix(line, "{")
		}
		s.inside(line)
	}
}

// begin reads the first line of a chain, set, map, or of an object, which decides
// nothing by itself.
func (s *streams) begin(line string) {
	f := awkFields(line)
	s.kind, s.block = field(f, 1), field(f, 2)
	s.place, s.listing = 0, false
	s.mine = s.whole || s.kind == "chain" && ownChain(s.block) || s.kind == "set" && strings.HasPrefix(s.block, "farmwall_")
	if s.mine {
		if !s.whole && !s.opened[s.table] {
			s.opened[s.table] = true
			s.own = append(s.own, "table "+s.table+" {")
		}
		s.own = append(s.own, line)
	}
	switch s.kind {
	case "chain":
		s.chains = append(s.chains, textRule{table: s.table, chain: s.block})
		s.known[s.key()] = s.kind
	case "set", "map":
		s.known[s.key()] = s.kind
	}
}

func (s *streams) key() string {
	if s.kind == "chain" {
		return s.table + "\x1cchain\x1c" + s.block
	}
	return s.table + "\x1cset\x1c" + s.block
}

// inside reads a line of a block.
func (s *streams) inside(line string) {
	f := awkFields(line)
	hook := field(f, 1) == "type" && field(f, 3) == "hook"
	key := s.key()
	switch {
	case s.mine:
		s.own = append(s.own, line)
		if s.kind == "chain" && hook {
			s.devices(line)
		}
	case s.kind == "chain":
		switch {
		case s.place == 0 && hook:
			s.line[key] = append(s.line[key], line)
			switch field(f, 4) {
			case "ingress", "prerouting", "input", "output", "egress":
				s.reach(key)
			}
			s.devices(line)
			return
		case s.place == 0 && field(f, 1) == "comment":
			return
		case ownComment.MatchString(line):
			s.jumps = append(s.jumps, "jump "+s.table+" "+s.block+" "+strconv.Itoa(s.place)+" "+strings.TrimLeft(line, "\t"))
		default:
			s.line[key] = append(s.line[key], line)
		}
		s.place++
	case s.kind == "set" || s.kind == "map":
		switch {
		case field(f, 1) == "type" || field(f, 1) == "typeof":
			s.verdicts = s.kind == "map" && strings.HasSuffix(line, " : verdict")
			s.line[key] = append(s.line[key], line)
		case field(f, 1) == "elements" || s.listing:
			s.listing = true
			if s.verdicts {
				s.line[key] = append(s.line[key], expiry.ReplaceAllString(line, ""))
			}
		}
	}
}

// devices notes what an ingress or egress chain hangs on.
func (s *streams) devices(line string) {
	if !deviceHook.MatchString(line) {
		return
	}
	line = afterDev.ReplaceAllString(beforeDev.ReplaceAllString(line, ""), "")
	line = devMarks.ReplaceAllString(line, " ")
	for strings.Contains(line, "  ") {
		line = strings.ReplaceAll(line, "  ", " ")
	}
	line = strings.TrimSuffix(strings.TrimPrefix(line, " "), " ")
	s.facts = append(s.facts, "devices "+s.table+" "+s.block+" "+line)
}

func (s *streams) reach(key string) {
	if !s.reached[key] {
		s.reached[key] = true
		s.queue = append(s.queue, key)
	}
}

// follow reaches what a line calls: chains by jump and goto, sets and maps by @.
func (s *streams) follow(table, line string) {
	words := awkFields(line)
	for i, w := range words {
		w = wordMarks.Replace(w)
		switch {
		case (w == "jump" || w == "goto") && i+1 < len(words):
			w = table + "\x1cchain\x1c" + wordMarks.Replace(words[i+1])
		case strings.HasPrefix(w, "@"):
			w = table + "\x1cset\x1c" + w[1:]
		default:
			continue
		}
		if s.known[w] != "" {
			s.reach(w)
		}
	}
}

// ours is the stream of what is ours: nft's text, what loads it at boot, and the copy
// that is loaded, nil where there is none.
func (s *streams) ours(unit string, kept []byte) string {
	var b strings.Builder
	for _, line := range slices.Concat(s.own, s.jumps) {
		b.WriteString(line + "\n")
	}
	b.WriteString("unit " + unit + "\n")
	if kept == nil {
		b.WriteString("kept none\n")
	} else {
		b.WriteString("kept\n")
		b.Write(kept)
	}
	return b.String()
}

// rest is the stream of what else decides about traffic from and to this host.
func (s *streams) rest(legacy string) string {
	var b strings.Builder
	b.WriteString("legacy " + legacy + "\n")
	shown := map[string]bool{}
	for q := 0; q < len(s.queue); q++ {
		key := s.queue[q]
		part := strings.SplitN(key, "\x1c", 3)
		if !shown[part[0]] {
			shown[part[0]] = true
			b.WriteString("table " + part[0] + s.flags[part[0]] + "\n")
		}
		b.WriteString(part[0] + " " + s.known[key] + " " + part[2] + "\n")
		for _, line := range s.line[key] {
			b.WriteString(line + "\n")
			s.follow(part[0], line)
		}
	}
	return b.String()
}

// fingerprint is the SHA-256 of a stream, in hex.
func fingerprint(stream string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(stream))) }

// awkFields splits as awk does.
func awkFields(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
}

// field is word n, counted from 1, or nothing.
func field(words []string, n int) string {
	if n > len(words) {
		return ""
	}
	return words[n-1]
}
