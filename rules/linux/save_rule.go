package linux

import (
	"errors"
	"strings"
)

// saveWord is one word of a rule, without its quotes and escapes.
type saveWord struct {
	text   string
	quoted bool
}

// logicalLine cuts the first line off: it ends at the first newline that stands in no
// quotes, for a comment may hold newlines. whole is false where a quote stays open.
func logicalLine(s string) (line, rest string, whole bool) {
	open, escaped := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case i == 0 && c == '#': // the header may hold anything
			line, rest, _ = strings.Cut(s, "\n")
			return line, rest, true
		case escaped:
			escaped = false
		case open && c == '\\':
			escaped = true
		case c == '"':
			open = !open
		case c == '\n' && !open:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", !open
}

// saveWords splits a line as iptables-restore does: blanks end a word and so does a
// closing quote; inside quotes a backslash takes the next byte as it is.
func saveWords(line string) []saveWord {
	var out []saveWord
	var b strings.Builder
	open, escaped, quoted := false, false, false
	end := func() {
		if b.Len() > 0 || quoted {
			out = append(out, saveWord{b.String(), quoted})
		}
		b.Reset()
		quoted = false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case escaped:
			b.WriteByte(c)
			escaped = false
		case open && c == '\\':
			escaped = true
		case c == '"' && open:
			open = false
			end()
		case c == '"':
			open, quoted = true, true
		case !open && (c == ' ' || c == '\t' || c == '\n'):
			end()
		default:
			b.WriteByte(c)
		}
	}
	end()
	return out
}

// saveRule reads "-A CHAIN ..." with or without "[PACKETS:BYTES] " before it.
func saveRule(line string) (*SaveRule, error) {
	r := &SaveRule{Text: line}
	if line[0] == '[' {
		count, text, _ := strings.Cut(line, " ")
		var ok bool
		if r.Counters, ok = counters(count); !ok {
			return nil, errors.New("the counters cannot be read")
		}
		r.Text = text
	}
	words := saveWords(r.Text)
	if len(words) < 2 || words[0].text != "-A" || words[0].quoted {
		return nil, errors.New("not a rule")
	}
	r.Chain = words[1].text
	for words = words[2:]; len(words) > 0; {
		var o SaveOption
		if words[0].text == "!" && !words[0].quoted {
			o.Not, words = true, words[1:]
		}
		if len(words) == 0 || len(words[0].text) < 2 || words[0].text[0] != '-' {
			r.Unclear = "a word of the rule belongs to no option"
			return r, nil
		}
		o.Name, words = words[0].text, words[1:]
		if len(words) > 0 && words[0].text == "!" && !words[0].quoted && !nextIsOption(words[1:]) {
			o.Not, words = !o.Not, words[1:]
		}
		n, fixed := optionValues[o.Name]
		for len(words) > 0 && (fixed && len(o.Values) < n || !fixed && !begins(words)) {
			o.Values, words = append(o.Values, words[0].text), words[1:]
		}
		if len(o.Values) < n {
			r.Unclear = "the rule's option " + brief([]byte(o.Name)) + " lacks a value"
			return r, nil
		}
		r.Options = append(r.Options, o)
	}
	return r, nil
}

// begins says whether the next word begins another option.
func begins(words []saveWord) bool {
	if words[0].quoted {
		return false
	}
	return nextIsOption(words) || words[0].text == "!"
}

func nextIsOption(words []saveWord) bool {
	return len(words) > 0 && !words[0].quoted && len(words[0].text) > 1 && words[0].text[0] == '-'
}

// optionValues is how many values an option takes, for those whose value may look like
// an option: texts are printed without quotes where they hold nothing that needs them,
// and "-" is such a letter (xtables_save_string of libxtables).
var optionValues = map[string]int{
	"-s": 1, "-d": 1, "-p": 1, "-i": 1, "-o": 1, "-j": 1, "-g": 1, "-m": 1, "-f": 0,
	"--comment": 1, "--log-prefix": 1, "--nflog-prefix": 1, "--ulog-prefix": 1,
	"--string": 1, "--hex-string": 1, "--name": 1, "--hashlimit-name": 1, "--label": 1,
	"--path": 1, "--cgroup": 1, "--helper": 1, "--physdev-in": 1, "--physdev-out": 1,
	"--match-set": 2, "--add-set": 2, "--del-set": 2, "--map-set": 2, "--tcp-flags": 2,
	"--tproxy-mark": 1, "--genre": 1, "--object-pinned": 1, "--bytecode": 1, "--u32": 1,
	"--timeout": 1, "--zone": 1, "--outdev": 1, "--rateest": 1, "--rateest1": 1, "--rateest2": 1, "--rateest-name": 1,
}
