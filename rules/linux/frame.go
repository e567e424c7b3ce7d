package linux

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"farmwall/rules"
)

// The frame of a change, in the order in which the host reads it. Everything from
// ground.sh to main.sh is one program, which enter.sh writes to a file and starts.
var (
	//go:embed folder.sh
	folderSh string
	//go:embed enter.sh
	enterSh string
	//go:embed ground.sh
	groundSh string
	//go:embed walls.sh
	wallsSh string
	//go:embed change.sh
	changeSh string
	//go:embed switch.sh
	switchSh string
	//go:embed confirm.sh
	confirmSh string
	//go:embed persist.sh
	persistSh string
	//go:embed early.sh
	earlySh string
	//go:embed main.sh
	mainSh string
	//go:embed enter_end.sh
	enterEndSh string
)

// program is what runs on the host: by a request, as the switch, and at boot.
func (s *System) program() string {
	var b strings.Builder
	b.WriteString(groundSh)
	b.WriteString(folderSh)
	b.WriteString("fingerprint_awk='" + Compact(fingerprintAwk) + "'\nsaves_awk='" + Compact(savesAwk) + "'\n" + fingerprintSh + s.reads())
	for _, m := range s.Managers {
		b.WriteString(m.Functions())
	}
	b.WriteString(wallsSh)
	b.WriteString(changeSh)
	b.WriteString(switchSh)
	b.WriteString(confirmSh)
	b.WriteString(persistSh)
	b.WriteString(earlySh)
	b.WriteString(mainSh)
	return b.String()
}

// script is the program with a request as its data.
func (s *System) script(name string, input []byte) rules.Script {
	return rules.Script{
		Name: name, Shell: rules.Sh,
		Body:  folderSh + enterSh + s.program() + enterEndSh,
		Input: input,
	}
}

// request is lines KEY VALUE, an empty line, then the copies one after the other.
type request struct{ b bytes.Buffer }

// add writes one line. The host refuses values that it does not like; here a value
// must only not be able to become a second line.
func (q *request) add(key, value string) {
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		value = strconv.QuoteToASCII(value)
	}
	fmt.Fprintf(&q.b, "%s %s\n", key, value)
}

func (q *request) end(copies ...rules.Copy) []byte {
	q.b.WriteByte('\n')
	for _, c := range copies {
		q.b.Write(c)
	}
	return q.b.Bytes()
}

// Change is steps 3 to 6 of the protocol.
func (s *System) Change(r rules.ChangeRequest) rules.Script {
	var q request
	q.add("do", "change")
	q.add("run", r.Run)
	q.add("controller", r.Controller)
	q.add("lease", strconv.FormatUint(r.Lease, 10))
	q.add("ours", r.Ours)
	q.add("rest", r.Rest)
	q.add("window", strconv.FormatInt(int64(r.Window/time.Second), 10))
	q.add("digest", r.Digest)
	target, undo := whole(r.Target), whole(r.Undo)
	for _, c := range []struct {
		key  string
		text rules.Copy
	}{{"target", target}, {"undo", undo}} {
		q.add(c.key, strconv.Itoa(bytes.Count(c.text, []byte("\n"))))
		q.add(c.key+"-hash", fmt.Sprintf("%x", sha256.Sum256(c.text)))
	}
	return s.script("change", q.end(target, undo))
}

// Confirm is steps 8 to 10.
func (s *System) Confirm(r rules.ConfirmRequest) rules.Script {
	var q request
	q.add("do", "confirm")
	q.add("run", r.Run)
	q.add("controller", r.Controller)
	q.add("lease", strconv.FormatUint(r.Lease, 10))
	q.add("time", strconv.FormatInt(r.Time.Unix(), 10))
	return s.script("confirm", q.end())
}

// Revert asks the switch to undo now and waits for it.
func (s *System) Revert(r rules.RevertRequest) rules.Script {
	var q request
	q.add("do", "revert")
	q.add("run", r.Run)
	q.add("lease", strconv.FormatUint(r.Lease, 10))
	return s.script("revert", q.end())
}

// Recover finishes what a token found confirming or undoing began.
func (s *System) Recover() rules.Script {
	var q request
	q.add("do", "recover")
	return s.script("recover", q.end())
}

// whole ends the copy with a newline, because the host counts lines.
func whole(c rules.Copy) rules.Copy {
	if len(c) == 0 || c[len(c)-1] != '\n' {
		return append(bytes.Clone(c), '\n')
	}
	return c
}
