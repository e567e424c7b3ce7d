package linux

import (
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

func TestAnswer(t *testing.T) {
	s := New()
	r, err := s.Answer([]byte("farmwall answer 1\nresult taken\nlease 7\nleft 12\nholder a@b run r-1\nmessage one\nmessage two  three\nend\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := rules.Report{Result: rules.Taken, Lease: 7, Left: 12 * time.Second, Holder: "a@b run r-1", Message: "one\ntwo  three"}
	if *r != want {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{
		"", "end\n", "farmwall answer 1\nend\n", "farmwall answer 1\nlease 1\nend\n",
		"farmwall answer 1\nresult applied\nlease 7\n",            // cut off
		"farmwall answer 1\nresult applied\nresult undone\nend\n", // twice
		"farmwall answer 1\nresult wonderful\nend\n",
		"farmwall answer 1\nresult applied\nlease -1\nend\n",
		"farmwall answer 1\nresult applied\nlease 99999999999999999999\nend\n",
		"farmwall answer 1\nresult applied\nleft 1.5\nend\n",
		"farmwall answer 1\nresult applied\nwords\nend\n",
		"noise\nfarmwall answer 1\nresult applied\nend\n",
	} {
		if r, err := s.Answer([]byte(bad)); err == nil {
			t.Errorf("%q is %+v", bad, r)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("farmwall answer 1\nresult applied\nlease 7\nleft 12\nend\n"))
	f.Add([]byte("farmwall answer 1\nresult refused\nlease 0\nmessage x\nunsaved y\nours z\nend\n"))
	s := New()
	f.Fuzz(func(t *testing.T, out []byte) {
		r, err := s.Answer(out)
		if err != nil {
			if r != nil {
				t.Error("an answer and an error")
			}
			return
		}
		if r.Result == "" || r.Left < 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestRequestIsLines makes sure that no value can become a line of its own.
func TestRequestIsLines(t *testing.T) {
	s := New()
	evil := "x\nlease 9\n\ndata\x00\r"
	in := string(s.Change(rules.ChangeRequest{
		Run: evil, Controller: evil, Ours: evil, Rest: evil, Digest: evil,
		Target: rules.Copy("farmwall copy 1 evil;$(reboot)\nend\n"), Undo: rules.Copy("no newline"),
	}).Input)
	head, data, ok := strings.Cut(in, "\n\n")
	if !ok {
		t.Fatal("no end of the head")
	}
	if n := strings.Count(head, "\n") + 1; n != 12 {
		t.Errorf("%d lines:\n%s", n, head)
	}
	for _, l := range strings.Split(head, "\n") {
		if strings.ContainsAny(l, "\r\x00") {
			t.Errorf("control bytes in %q", l)
		}
	}
	if want := "farmwall copy 1 evil;$(reboot)\nend\nno newline\n"; data != want {
		t.Errorf("the data is %q", data)
	}
}
