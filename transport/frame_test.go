package transport

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const mark = framePrefix + "0123456789abcdef0123456789abcdef"

func TestFrame(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		done   bool
		output string
		status int
		wrong  bool
	}{
		"plain":             {mark + " begin\nhello\n" + mark + " end 0\n", true, "hello\n", 0, false},
		"noise":             {"Welcome!\n$ " + mark + " begin\nx" + mark + " end 255\nbye\n", true, "x", 255, false},
		"empty":             {mark + " begin\n" + mark + " end 1\n", true, "", 1, false},
		"no end":            {mark + " begin\nhello\n", false, "", 0, false},
		"status cut":        {mark + " begin\nhello\n" + mark + " end 1", false, "", 0, false},
		"only end":          {mark + " end 0\n", false, "", 0, false},
		"other mark":        {framePrefix + "ffff begin\nx" + framePrefix + "ffff end 0\n", false, "", 0, false},
		"no number":         {mark + " begin\nx" + mark + " end x\n", true, "", 0, true},
		"too big":           {mark + " begin\nx" + mark + " end 256\n", true, "", 0, true},
		"too long":          {mark + " begin\nx" + mark + " end 00000\n", true, "", 0, true},
		"half a mark":       {mark + " begin\n" + mark[:20] + mark + " end 0\n", true, mark[:20], 0, false},
		"begin in output":   {mark + " begin\n" + mark + " begin\n" + mark + " end 0\n", true, mark + " begin\n", 0, false},
		"long noise before": {strings.Repeat("n", 100_000) + mark + " begin\nx" + mark + " end 0\n", true, "x", 0, false},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			f := newFrame(mark)
			var err error
			for rest := []byte(c.text); len(rest) > 0 && err == nil; {
				n := min(step, len(rest))
				err = f.feed(rest[:n])
				rest = rest[n:]
			}
			if c.wrong != (err != nil) {
				t.Errorf("%s by %d: %v", name, step, err)
			}
			if !c.wrong && (f.done != c.done || c.done && (string(f.output()) != c.output || f.status != c.status)) {
				t.Errorf("%s by %d: done %v, %q, status %d", name, step, f.done, f.output(), f.status)
			}
			if !c.done && !c.wrong && !f.begun && len(f.buf) > maxNoise {
				t.Errorf("%s: keeps %d bytes of noise", name, len(f.buf))
			}
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("noise"), []byte("output"), []byte("bye"), uint8(0), uint8(3))
	f.Add([]byte(mark[:10]), []byte(mark[:30]), []byte(mark), uint8(255), uint8(1))
	f.Add([]byte(mark+" begin"), []byte("\n"), []byte(" end 0\n"), uint8(7), uint8(40))
	f.Fuzz(func(t *testing.T, before, output, after []byte, status, step uint8) {
		begin, end := []byte(mark+" begin\n"), []byte(mark+" end ")
		// Nobody but us can print our mark: it is random.
		if bytes.Contains(append(append([]byte(nil), before...), begin[:len(begin)-1]...), begin) || bytes.Contains(output, end) {
			t.Skip()
		}
		whole := fmt.Appendf(nil, "%s%s%s%s%d\n", before, begin, output, end, status)
		if i := bytes.Index(whole, begin); i != len(before) {
			t.Skip()
		}
		if i := bytes.Index(whole[len(before)+len(begin):], end); i != len(output) {
			t.Skip()
		}
		f := newFrame(mark)
		text := append(append([]byte(nil), whole...), after...)
		for at := 0; at < len(text); {
			n := min(int(step)+1, len(text)-at)
			if err := f.feed(text[at : at+n]); err != nil {
				t.Fatal(err)
			}
			if at += n; f.done && at < len(whole) {
				t.Fatalf("done after %d of %d bytes", at, len(whole))
			}
		}
		if !f.done || !bytes.Equal(f.output(), output) || f.status != int(status) {
			t.Fatalf("done %v, %q, %d; want %q, %d", f.done, f.output(), f.status, output, status)
		}
	})
}
