package rules

// NoteKind says what a note is about.
type NoteKind string

// The kinds of notes.
const (
	NoteNobody  NoteKind = "nobody"  // a wanted row makes no rule: there is nobody to open to
	NoteOff     NoteKind = "off"     // a setting keeps a row of the host's roles from making a rule
	NoteWider   NoteKind = "wider"   // a rule opens a port wider than another rule of the host asks for
	NoteDefault NoteKind = "default" // a default decided much: look at it
	NoteAdvice  NoteKind = "advice"  // what is known about a row that a person may need
)

// Note is something about a host's wanted rules that a person should see; none
// of them stops a plan.
type Note struct {
	Kind NoteKind `json:"kind"`
	Rule string   `json:"rule,omitempty"` // the catalogue row or the user's rule
	Text string   `json:"text"`
}

func (n Note) String() string {
	if n.Rule == "" {
		return n.Text
	}
	return n.Rule + ": " + n.Text
}
