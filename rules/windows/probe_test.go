package windows_test

import (
	"net/netip"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/windows"
)

func askedEnds() []rules.FlowEnd {
	return []rules.FlowEnd{flowEnd(rules.TCP, netip.MustParseAddr("10.0.0.1"), 443), flowEnd(112, netip.MustParseAddr("10.0.0.1"), 0), flowEnd(rules.UDP, netip.MustParseAddr("fd00::1"), 30006)}
}

func TestProbesOfWindowsAreData(t *testing.T) {
	ask := rules.ProbeRequest{Ends: askedEnds(), Listener: []bool{true, false, false}, Nonce: "p0123456789", Wait: time.Second, AtOnce: 5}
	// Windows is slow to say that it was refused, so it gets more time.
	if got, want := string(windows.New().Probe(ask).Input), `{"format":1,"wait_ms":4000,"at_once":5,"nonce":"p0123456789","ends":[["tcp","10.0.0.1","443","listener"],["udp","fd00::1","30006",""]]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	listen := rules.ListenRequest{Ends: askedEnds(), Nonce: "p0123456789", Life: 30 * time.Second}
	if got, want := string(windows.New().Listen(listen).Input), `{"format":1,"do":"open","nonce":"p0123456789","life_s":30,"ends":[["tcp","10.0.0.1","443"],["udp","fd00::1","30006"]]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	told, err := windows.New().ReadProbe(ask, []byte(`{"format":1,"replies":[["connected","10.0.0.9","ours",""],["silent","fd00::9%4","",""]]}`))
	if err != nil || !told.Replies[0].Ours || told.Replies[1].Answer != rules.ProbeUnanswerable || told.Replies[2].Local != netip.MustParseAddr("fd00::9") {
		t.Errorf("%+v, %v", told, err)
	}
	for _, bad := range []string{``, `{}`, `{"format":2,"replies":[]}`, `{"format":1,"replies":[["connected","","",""]]}`, `{"format":1,"replies":[["open","","",""],["silent","","",""]]}`,
		`{"format":1,"replies":[["connected","x","",""],["silent","","",""]]}`, `{"format":1,"replies":[["connected","","whose",""],["silent","","",""]]}`,
		`{"format":1,"replies":[["connected","","",""],["silent","","",""],["silent","","",""]]}`, `{"format":1,"replies":[["connected","",""],["silent","","",""]]}`} {
		if r, err := windows.New().ReadProbe(ask, []byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	for _, bad := range []string{``, `{"format":1,"waits":[],"opened":["yes"],"cannot":"","closed":false}`, `{"format":1,"waits":[["tcp","x","1"]],"opened":["yes","yes"],"cannot":"","closed":false}`,
		`{"format":1,"waits":[["tcp","::","99999"]],"opened":["yes","yes"],"cannot":"","closed":false}`, `{"format":1,"waits":[["ip","::","9"]],"opened":["yes","yes"],"cannot":"","closed":false}`} {
		if r, err := windows.New().ReadListen(listen, []byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}

func FuzzReadProbes(f *testing.F) {
	f.Add([]byte(`{"format":1,"replies":[["connected","10.0.0.9","ours",""],["silent","","",""]]}`), []byte(`{"format":1,"waits":[["tcp","0.0.0.0","80"]],"opened":["yes","taken"],"cannot":"","closed":true}`))
	f.Fuzz(func(t *testing.T, probed, listened []byte) {
		d := windows.New()
		told, err := d.ReadProbe(rules.ProbeRequest{Ends: askedEnds(), Listener: make([]bool, 3)}, probed)
		if err == nil {
			for i, r := range told.Replies {
				if r.Answer == "" {
					t.Errorf("reply %d is none", i)
				}
			}
		}
		if heard, err := d.ReadListen(rules.ListenRequest{Ends: askedEnds()}, listened); err == nil && heard.Opened[1] {
			t.Error("something waits on VRRP")
		}
	})
}
