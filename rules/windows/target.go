package windows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"farmwall/rules"
)

// Target is the copy that makes want true of the host: what stays, what is new, and
// what goes off. Loopback rules are the platform's own and are in no copy.
func (s *System) Target(st *rules.State, want rules.Set) (rules.Copy, error) {
	r := reading(st)
	if r == nil {
		return nil, errNotWindows
	}
	return encode(r.target(writable(want))), nil
}

var errNotWindows = fmt.Errorf("this state was not read from a Windows host")

// writable is what of a set is written: Windows Firewall does not filter loopback.
func writable(want rules.Set) rules.Set {
	out := make(rules.Set, 0, len(want))
	for i := range want {
		if !want[i].Loopback {
			out = append(out, want[i])
		}
	}
	return out
}

func (r *Reading) target(want rules.Set) *targetCopy {
	t := &targetCopy{Format: format, Keep: []string{}, Add: []addition{}, Off: []string{}}
	have, _ := r.owned()
	kept := map[*rule]bool{}
	for name := range r.muddled() {
		for i := range have {
			have[i].parts = slices.DeleteFunc(have[i].parts, func(p part) bool { return p.rule.name == name })
		}
	}
	keep := func(p *part) {
		kept[p.rule] = true
		t.Keep = append(t.Keep, p.rule.name)
	}
	for i := range want {
		w := &want[i]
		if o := asWanted(have, w); o != nil && !o.lacking() {
			for j := range o.parts {
				keep(&o.parts[j])
			}
			continue
		}
		for _, wp := range partsOf(w) {
			if p := alike(have, &wp, kept); p != nil {
				keep(p)
			} else {
				t.Add = append(t.Add, say(&wp))
			}
		}
	}
	for _, x := range r.own() {
		if !kept[x] {
			t.Off = append(t.Off, x.name)
		}
	}
	slices.Sort(t.Keep)
	slices.Sort(t.Off)
	return t
}

// muddled are the names under which several rules of ours stand that are not alike. By
// its name the firewall cannot tell which is which, so none of them is kept.
func (r *Reading) muddled() map[string]bool {
	texts := map[string]string{}
	out := map[string]bool{}
	for _, x := range r.own() {
		if text, twin := texts[x.name]; twin && text != x.text {
			out[x.name] = true
		}
		texts[x.name] = x.text
	}
	return out
}

// asWanted is the first rule that is there as it is wanted, mark and all.
func asWanted(have []owned, w *rules.Rule) *owned {
	for i := range have {
		if o := &have[i]; o.rule.ID == w.ID && len(rules.Diff([]rules.Rule{o.rule}, rules.Set{*w})) == 0 {
			return o
		}
	}
	return nil
}

// alike is a part of ours that is there exactly as the wanted one.
func alike(have []owned, w *wantedPart, kept map[*rule]bool) *part {
	for i := range have {
		for j := range have[i].parts {
			p := &have[i].parts[j]
			if p.rule.active && p.trouble == "" && !kept[p.rule] && p.number == w.number && p.mark == w.rule.Mark() && p.said.Same(&w.rule) {
				return p
			}
		}
	}
	return nil
}

// Undo is the copy that puts back exactly what is ours now. It names the rules; the
// strings are for people, and for a rollback that has to make rules again.
func (s *System) Undo(st *rules.State) (rules.Copy, error) {
	r := reading(st)
	if r == nil {
		return nil, errNotWindows
	}
	u := undoCopy{Format: format, Rules: []undoRule{}}
	for _, x := range r.own() {
		u.Rules = append(u.Rules, undoRule{Name: x.name, Enabled: x.active, Text: x.text})
	}
	slices.SortFunc(u.Rules, func(a, b undoRule) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text)) })
	return encode(u), nil
}

// encode writes a form of ours; no character is written as an escape that a reader of
// JSON need not know.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // our own forms hold nothing that JSON cannot say
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
