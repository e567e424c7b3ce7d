package linux

import (
	"fmt"
	"strconv"
	"strings"
)

// Save is what one of iptables' save programs printed. One host may have up to four:
// both families, each of both back ends, and packets pass all of them.
type Save struct {
	Family  string // "ip" or "ip6"
	Backend string // "legacy" or "nft"
	Text    string
}

// SaveTables is a save, read.
type SaveTables struct {
	Tables []*SaveTable
	// Incompatible are the tables of which the nft back end says that it cannot show
	// them, or not all base chains of them, because nft itself made them.
	Incompatible []string
}

// SaveTable is one table: "filter", "mangle" ...
type SaveTable struct {
	Name   string
	Chains []*SaveChain // in the order of the save
}

// SaveChain is one chain with its rules in order.
type SaveChain struct {
	Name   string
	Policy string // "ACCEPT", "DROP"; "-" for a user's chain
	// Counters are packets and bytes.
	Counters [2]uint64
	Rules    []*SaveRule
}

// SaveRule is one rule.
type SaveRule struct {
	// Text is the rule from its -A on, byte for byte as the save has it; it may hold
	// newlines, in a comment.
	Text    string
	Chain   string
	Options []SaveOption // after -A CHAIN, in order
	// Unclear says why the rule could not be read beyond Options; empty where it was read
	// to its end.
	Unclear string
	// Counters are packets and bytes, where the save has them.
	Counters [2]uint64
}

// SaveOption is one option with its values: "-s" "10.0.0.0/8"; "--tcp-flags" "SYN,RST" "SYN".
type SaveOption struct {
	Not    bool // a ! stood before it or before its value
	Name   string
	Values []string
}

// Table returns the table, or nil.
func (s *SaveTables) Table(name string) *SaveTable {
	if s != nil {
		for _, t := range s.Tables {
			if t.Name == name {
				return t
			}
		}
	}
	return nil
}

// Chain returns the chain, or nil.
func (t *SaveTable) Chain(name string) *SaveChain {
	if t != nil {
		for _, c := range t.Chains {
			if c.Name == name {
				return c
			}
		}
	}
	return nil
}

// Option returns the first value of the first option of that name, and whether there is one.
func (r *SaveRule) Option(name string) (value string, ok bool) {
	for i := range r.Options {
		if o := &r.Options[i]; o.Name == name {
			if len(o.Values) > 0 {
				value = o.Values[0]
			}
			return value, true
		}
	}
	return "", false
}

// Comment is the rule's comment, empty where it has none.
func (r *SaveRule) Comment() string {
	comment, _ := r.Option("--comment")
	return comment
}

// Target is what the rule jumps or goes to, a chain or an extension; empty where it
// only counts.
func (r *SaveRule) Target() string {
	for _, name := range []string{"-j", "-g"} {
		if to, ok := r.Option(name); ok {
			return to
		}
	}
	return ""
}

// ParseSave reads the output of iptables-save or ip6tables-save, of either back end,
// with or without counters. An error says where it is not one: text that was cut
// off, a line that is none of iptables', a rule in a chain that is not there. A rule with
// words that are no options does not make one; its Unclear says so.
func ParseSave(text string) (*SaveTables, error) {
	out := &SaveTables{}
	var table *SaveTable
	chains := map[string]*SaveChain{}
	for number, rest := 1, text; rest != ""; {
		line, tail, whole := logicalLine(rest)
		here := number
		number, rest = number+strings.Count(rest[:len(rest)-len(tail)], "\n"), tail
		wrong := func(what string) error {
			return fmt.Errorf("line %d of the save: %s: %s", here, what, brief([]byte(line)))
		}
		switch {
		case !whole:
			return nil, wrong("a quote is not closed")
		case strings.TrimSpace(line) == "":
		case line[0] == '#':
			if name, ok := strings.CutPrefix(line, "# Table `"); ok && strings.Contains(name, "incompatible") {
				name, _, _ = strings.Cut(name, "'")
				out.Incompatible = append(out.Incompatible, name)
			}
		case line[0] == '*':
			name := line[1:]
			if table != nil || name == "" || out.Table(name) != nil {
				return nil, wrong("a table begins where none can")
			}
			table, chains = &SaveTable{Name: name}, map[string]*SaveChain{}
			out.Tables = append(out.Tables, table)
		case table == nil:
			return nil, wrong("it stands in no table")
		case strings.TrimSpace(line) == "COMMIT":
			table = nil
		case line[0] == ':':
			c, ok := chainLine(line)
			if !ok || chains[c.Name] != nil {
				return nil, wrong("not a chain, or one that is there already")
			}
			table.Chains, chains[c.Name] = append(table.Chains, c), c
		default:
			r, err := saveRule(line)
			if err != nil {
				return nil, wrong(err.Error())
			}
			c := chains[r.Chain]
			if c == nil {
				return nil, wrong("the chain " + brief([]byte(r.Chain)) + " is not there")
			}
			c.Rules = append(c.Rules, r)
		}
	}
	if table != nil {
		return nil, fmt.Errorf("the save ends inside table %s", brief([]byte(table.Name)))
	}
	return out, nil
}

// chainLine reads ":NAME POLICY [PACKETS:BYTES]".
func chainLine(line string) (*SaveChain, bool) {
	f := strings.Fields(line[1:])
	if len(f) < 2 || len(f) > 3 {
		return nil, false
	}
	c := &SaveChain{Name: f[0], Policy: f[1]}
	ok := true
	if len(f) == 3 {
		c.Counters, ok = counters(f[2])
	}
	return c, ok
}

// counters reads "[PACKETS:BYTES]".
func counters(s string) (n [2]uint64, ok bool) {
	packets, bytes, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), ":")
	if !ok || s[0] != '[' || s[len(s)-1] != ']' {
		return n, false
	}
	var e1, e2 error
	n[0], e1 = strconv.ParseUint(packets, 10, 64)
	n[1], e2 = strconv.ParseUint(bytes, 10, 64)
	return n, e1 == nil && e2 == nil
}
