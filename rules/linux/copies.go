package linux

import (
	"bytes"
	"strings"

	"farmwall/rules"
)

// sameCopy says whether two copies make the same of a host. A section that holds nothing
// cleans a wall that is one no more, and is not there in the next copy.
func sameCopy(a, b rules.Copy) bool { return bytes.Equal(filled(a), filled(b)) }

// filled is the copy without the sections that hold nothing.
func filled(c rules.Copy) []byte {
	head, body, _ := bytes.Cut(c, []byte("\n"))
	names := strings.Fields(string(head))
	kept := names[:0:0]
	for _, name := range names {
		empty := []byte("farmwall copy 1 " + name + "\nend\n")
		if at := bytes.Index(body, empty); at == 0 || at > 0 && body[at-1] == '\n' {
			body = append(bytes.Clone(body[:at]), body[at+len(empty):]...)
			continue
		}
		kept = append(kept, name)
	}
	return append([]byte(strings.Join(kept, " ")+"\n"), body...)
}
