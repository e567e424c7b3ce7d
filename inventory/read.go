package inventory

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

// read returns a file's content as UTF-8 without a byte order mark, decrypted
// where it was encrypted as a whole, which makes it secret.
func (s *sources) read(path string) (data []byte, secret, ok bool) {
	data, secret, p := readFile(path, s.vault)
	if p != nil {
		s.report.add(&s.problems, *p)
	}
	return data, secret, p == nil
}

func readFile(path string, vault *Vault) (data []byte, secret bool, p *Problem) {
	data, p = readRaw(path)
	if p != nil || !isSealed(data) {
		return data, false, p
	}
	plain, err := vault.open(string(data))
	if err != nil {
		at := Position{path, 1}
		var format *vaultFormatError
		if errors.As(err, &format) {
			at.Line = format.line
		}
		return nil, true, &Problem{At: at, Text: "the file cannot be opened: " + err.Error(), Hint: vaultHint(err)}
	}
	return bytes.TrimPrefix(plain, []byte("\xef\xbb\xbf")), true, nil
}

// isSealed says whether a file is encrypted as a whole.
func isSealed(data []byte) bool { return bytes.HasPrefix(data, []byte(vaultMark+";")) }

// readRaw returns a file's content as it is, but for a byte order mark.
func readRaw(path string) ([]byte, *Problem) {
	at := Position{File: path}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Problem{At: at, Text: "cannot read it: " + reason(err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Problem{At: at, Text: "cannot read it: " + reason(err)}
	}
	if len(data) > maxFile {
		return nil, &Problem{At: at, Text: "the file is larger than 64 MiB", Hint: "is this an inventory?"}
	}
	text := string(data[:min(len(data), 16)])
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), len(text) > 3 && !utf8.ValidString(text) && strings.Contains(text, "\x00") && !looksProgram(data):
		return nil, &Problem{At: at, Text: "the file is UTF-16", Hint: "save it as UTF-8"}
	case strings.HasPrefix(text, "\xef\xbb\xbf"):
		data = data[3:]
	}
	return data, nil
}
