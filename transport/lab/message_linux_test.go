package lab

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"reflect"
	"testing"
	"time"
)

func TestMessagesCarryDescriptors(t *testing.T) {
	near, far := linePair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		sendMessage(near, request{Op: "first", Argv: []string{string(bytes.Repeat([]byte("x"), 300_000))}}, int(w.Fd()))
		sendMessage(near, request{Op: "second"})
		w.Close()
		near.Close()
	}()
	var q request
	files, err := receiveMessage(far, &q)
	if err != nil || q.Op != "first" || len(q.Argv[0]) != 300_000 || len(files) != 1 {
		t.Fatalf("%v %s %d", err, q.Op, len(files))
	}
	if more, err := receiveMessage(far, &q); err != nil || len(more) != 0 || q.Op != "second" {
		t.Fatalf("%v %s %d", err, q.Op, len(more))
	}
	go func() {
		io.WriteString(files[0], "through")
		files[0].Close()
	}()
	if got, _ := io.ReadAll(r); string(got) != "through" {
		t.Errorf("%q", got)
	}
	if _, err := receiveMessage(far, &q); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func linePair(t testing.TB) (near, far *net.UnixConn) {
	t.Helper()
	near, file, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	if far, err = unixConn(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

// Whatever a peer sends, a message is whole or an error.
func FuzzReceiveMessage(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0d{\"op\":\"list\"}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far := linePair(t)
		near.SetDeadline(time.Now().Add(5 * time.Second))
		far.SetDeadline(time.Now().Add(5 * time.Second))
		go func() {
			near.Write(sent)
			near.Close()
		}()
		var q request
		if files, err := receiveMessage(far, &q); err == nil && (len(files) != 0 || len(sent) < 6) {
			t.Errorf("%q made %+v and %d files", sent, q, len(files))
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	whole, err := makeFrame([6]byte{1}, [6]byte{2, 3}, sentinel{Session: 7, Round: 2, Sources: []netip.Addr{netip.MustParseAddr("fd77::1")}, Arrived: []int{1, 149}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := parseFrame(b)
		if !ok {
			return
		}
		again, err := makeFrame([6]byte{1}, s.from, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > 0xffff {
			return
		}
		if back, ok := parseFrame(again); !ok || !reflect.DeepEqual(back, s) {
			t.Errorf("%+v came back as %+v", s, back)
		}
	})
}

func FuzzReadDatagram(f *testing.F) {
	f.Add(datagram(0xfeedbeef, 149))
	f.Add([]byte(datagramMark))
	f.Fuzz(func(t *testing.T, b []byte) {
		if session, number, ok := readDatagram(b); ok && !bytes.Equal(datagram(session, number), b) {
			t.Errorf("%x is session %d, number %d", b, session, number)
		}
	})
}

// A sentinel for a full load of probes must fit into one frame.
func TestSentinelsFitIntoAFrame(t *testing.T) {
	s := sentinel{Answer: true, Session: 1<<32 - 1, Round: 2, Last: true}
	for i := range probesAtOnce {
		s.Arrived = append(s.Arrived, i)
	}
	frame, err := makeFrame([6]byte{}, [6]byte{}, s)
	if err != nil || len(frame) > 1514 {
		t.Errorf("%d bytes, %v", len(frame), err)
	}
	s = sentinel{Session: 1<<32 - 1, Sources: make([]netip.Addr, sourcesAtOnce)}
	for i := range s.Sources {
		s.Sources[i] = netip.MustParseAddr("fd77:1111:2222:3333:4444:5555:6666:7777")
	}
	if frame, err = makeFrame([6]byte{}, [6]byte{}, s); err != nil || len(frame) > 1514 {
		t.Errorf("%d bytes with sources, %v", len(frame), err)
	}
}

func TestHundredHosts(t *testing.T) {
	begin := time.Now()
	f := up(t, numbered(100)...)
	took := time.Since(begin)
	t.Logf("100 hosts answer after %v", took)
	if took > 30*time.Second {
		t.Errorf("100 hosts took %v", took)
	}
	var probes []Probe
	for _, h := range f.Hosts() {
		for _, a := range h.Addresses {
			probes = append(probes, Probe{To: a, Protocol: 6, Port: 22})
		}
	}
	begin = time.Now()
	answers, err := f.Probe(testContext(t), probes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d probes to 100 hosts in %v", len(probes), time.Since(begin))
	for _, a := range answers {
		if a.Reach != Connected {
			t.Errorf("%s: %s %s", a.To, a.Reach, a.Why)
		}
	}
	begin = time.Now()
	f.Close()
	t.Logf("gone after %v", time.Since(begin))
}
