package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"farmwall/tasks"
)

// one makes a single receiver.
func one(t *testing.T, text string) Receiver {
	t.Helper()
	all, err := Parse([]string{text}, FromSystem(noKeyring))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func message() *Message {
	return &Message{Format: 1, Delivery: "d1", Event: Changed, Farm: "north", Condition: Drifted, Before: OK, Since: time.Unix(1795000000, 0).UTC(), Time: time.Unix(1795000000, 0).UTC(),
		Controller: "ann@desk", Exit: 2, Text: "farmwall: farm north: hosts have drifted; 1 of 2 hosts: rds1 (differs)", Counts: map[tasks.Status]int{tasks.Differs: 1, tasks.OK: 1},
		Hosts: []HostReport{{Host: "rds1", Status: tasks.Differs, Changes: 3, Error: "grün"}}}
}

func TestAWebhookIsSignedJSON(t *testing.T) {
	var got []byte
	var header http.Header
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		header = r.Header
	}))
	defer s.Close()
	ca := authority(t, s)
	if err := one(t, s.URL+"/hook#hmac=the%20key&ca="+ca).Send(context.Background(), message()); err != nil {
		t.Fatal(err)
	}
	var m Message
	if err := json.Unmarshal(got, &m); err != nil || m.Farm != "north" || m.Hosts[0].Error != "grün" {
		t.Errorf("%s: %v", got, err)
	}
	at := header.Get("X-Farmwall-Timestamp")
	if want := "sha256=" + Signature("the key", at, got); header.Get("X-Farmwall-Signature") != want || at == "" || header.Get("X-Farmwall-Delivery") != "d1" {
		t.Errorf("%v", header)
	}
	if Signature("k", "1", []byte("x")) == Signature("k", "2", []byte("x")) {
		t.Error("the time is not signed")
	}
	err := one(t, s.URL+"/hook/s3cr3tpath").Send(context.Background(), message())
	if err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "s3cr3tpath") {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
}

// authority writes the certificate of a test server into a file.
func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAWebhookIsTriedAgainOnlyWhereThatHelps(t *testing.T) {
	for _, c := range []struct {
		codes []int
		tries int
		heard bool
	}{{[]int{500, 503, 200}, 3, true}, {[]int{429, 204}, 2, true}, {[]int{404, 200}, 1, false}, {[]int{302, 200}, 1, false}, {[]int{401, 200}, 1, false}} {
		n := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.codes[min(n, len(c.codes)-1)])
			n++
		}))
		w := newTown(t, one(t, s.URL+"/s3cr3tpath"))
		told := w.cycle(t, tasks.Differs)
		if told[0].Tries != c.tries || n != c.tries || (told[0].Err == nil) != c.heard {
			t.Errorf("%v: %+v after %d requests", c.codes, told[0], n)
		}
		if told[0].Err != nil && strings.Contains(told[0].Err.Error(), "s3cr3tpath") {
			t.Errorf("%v", told[0].Err)
		}
		s.Close()
	}
}

func TestADeadAndASlowWebhookHoldNobodyUp(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + gone.Addr().String() + "/s3cr3tpath"
	gone.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	slow := "http://" + silent.Addr().String() + "/s3cr3tpath"
	mute := "smtp://u:s3cr3tpath@" + silent.Addr().String() + "?from=a@example.com&to=b@example.com"
	chatty := "gotify://" + silent.Addr().String() + "/Aaaaaaaaaaaaaaa?DisableTLS=Yes"
	w := newTown(t, one(t, dead), one(t, slow), one(t, mute), one(t, chatty))
	w.Sleep, w.Patience = nil, 600*time.Millisecond
	begun := time.Now()
	told := w.cycle(t, tasks.Differs)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	for _, one := range told {
		if one.Err == nil || strings.Contains(one.Err.Error(), "s3cr3tpath") || strings.Contains(one.Err.Error(), "Aaaaaa") {
			t.Errorf("%+v", one)
		}
	}
	// The chat still hangs, and is not asked a second time.
	if told := w.cycle(t, tasks.Differs); told[3].Err == nil || !strings.Contains(told[3].Err.Error(), "still on its way") {
		t.Errorf("%+v", told[3])
	}
}

func TestTeamsGetsACard(t *testing.T) {
	var got map[string]any
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	m := message()
	m.Text = "a *b* [c](http://x)"
	if err := one(t, "teams+"+s.URL+"/workflows/x?sig=abc#ca="+authority(t, s)).Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got)
	for _, want := range []string{`"type":"message"`, `"contentType":"application/vnd.microsoft.card.adaptive"`, `"type":"AdaptiveCard"`, `a b (c)(http://x)`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}

// The library's services, against a server of our own.
func TestChatsGoThroughTheLibrary(t *testing.T) {
	var path, body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		path, body = r.URL.Path, string(text)
		fmt.Fprint(w, "{}")
	}))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	for _, text := range []string{"ntfy://" + host + "/alerts?scheme=http", "gotify://" + host + "/Aaaaaaaaaaaaaaa?DisableTLS=Yes", "mattermost://" + host + "/tokentoken?disabletls=yes"} {
		path, body = "", ""
		m := message()
		m.Text += " <!channel>"
		if err := one(t, text).Send(context.Background(), m); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !strings.Contains(body, "hosts have drifted") || strings.Contains(body, "<!channel>") || path == "" {
			t.Errorf("%s: %s %s", text, path, body)
		}
	}
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no "+r.URL.String(), http.StatusInternalServerError)
	}))
	defer down.Close()
	host = strings.TrimPrefix(down.URL, "http://")
	for _, text := range []string{"gotify://" + host + "/ABbbbbbbbbbbbbb?DisableTLS=Yes", "mattermost://" + host + "/downdowntoken?disabletls=yes"} {
		err := one(t, text).Send(context.Background(), message())
		if err == nil || strings.Contains(err.Error(), "ABbbb") || strings.Contains(err.Error(), "downdown") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestACommandGetsJSONAndNoShell(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program of this test is a script for sh")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "tell me")
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"${0%/*}/args\"\ncat > \"${0%/*}/in\"\n[ \"$1\" != fail ] || { echo 'no such room' >&2; exit 3; }\n[ \"$1\" != slow ] || exec sleep 60\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	address := "exec:" + strings.ReplaceAll(program, " ", "%20")
	if err := one(t, address+"?arg=a+b&arg=$(id)").Send(context.Background(), message()); err != nil {
		t.Fatal(err)
	}
	args, _ := os.ReadFile(filepath.Join(dir, "args"))
	in, _ := os.ReadFile(filepath.Join(dir, "in"))
	var m Message
	if err := json.Unmarshal(in, &m); err != nil || string(args) != "a b\n$(id)\n" || m.Farm != "north" {
		t.Errorf("%q, %s, %v", args, in, err)
	}
	if err := one(t, address+"?arg=fail").Send(context.Background(), message()); err == nil || !strings.Contains(err.Error(), "no such room") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := one(t, address+"?arg=slow").Send(ctx, message()); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}
