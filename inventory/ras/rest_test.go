package ras

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
)

// service answers as the documentation of the REST API says: log-on with a name and
// a password for a token, which every further request carries in auth_token.
type service struct {
	*httptest.Server
	agents string // the answer to GET /api/Agent
	status int    // of that answer; 0: 200
	calls  []string
	open   int // sessions
}

const (
	goodUser     = "admin@corp.example"
	goodPassword = `p"ä<&>ss`
	goodToken    = "Lj+KddoJkANhzvbDRvB=K=DFC"
)

func serve(t *testing.T, agents string) *service {
	s := &service{agents: agents}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.answer))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	if r.Header.Get("Content-Type") != contentType {
		http.Error(w, "", http.StatusUnsupportedMediaType)
		return
	}
	path := strings.ToLower(r.URL.Path)
	if path == "/api/session/logon" && r.Method == http.MethodPost {
		var in struct{ Username, Password string }
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.Username != goodUser || in.Password != goodPassword {
			http.Error(w, `{"title":"Unauthorized","status":401}`, http.StatusUnauthorized)
			return
		}
		s.open++
		fmt.Fprintf(w, `{"authToken": %q}`, goodToken)
		return
	}
	if r.Header.Get("auth_token") != goodToken {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	switch {
	case path == "/api/session/logoff" && r.Method == http.MethodPost:
		s.open--
		w.WriteHeader(http.StatusNoContent)
	case path == "/api/agent" && r.Method == http.MethodGet:
		w.Header().Set("Content-Type", contentType)
		if s.status != 0 {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(s.status)
		}
		fmt.Fprint(w, s.agents)
	default:
		http.NotFound(w, r)
	}
}

// farm is the way to the server, with its certificate as the only one trusted.
func (s *service) farm(t *testing.T) *Farm {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Farm{Server: s.Listener.Addr().String(), User: goodUser, Password: inventory.NewSecret(goodPassword), CAFile: ca}
}

const farmAnswer = `[
 {"id": "1", "siteId": 1, "agentState": "OK", "server": "pa1.corp.example", "serverType": "Broker", "agentVer": "20.1.0-25889", "serverOS": "Windows Server 2022", "ip": "10.0.0.21"},
 {"id": "2", "siteId": 1, "agentState": 0, "server": "gw1.corp.example", "serverType": 3, "agentVer": "20.1.0-25889", "ip": "10.0.0.11;fd00::11"},
 {"Server": "rds1.corp.example", "ServerType": "RDSHost", "AgentVer": "20.0.0-1", "IP": "10.0.0.31", "SiteId": 2},
 {"server": "10.0.0.41", "serverType": "HALBDevice", "siteId": 2, "ip": null, "enabled": true},
 {"server": "Pool 1", "serverType": "RDSGroup"}, {"server": "Main", "serverType": 9},
 {"server": "es1.corp.example", "serverType": "Enrollment", "agentVer": ""}]`

func TestImportOverREST(t *testing.T) {
	s := serve(t, farmAnswer)
	agents, err := s.farm(t).Agents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.open != 0 || strings.Join(s.calls, ", ") != "POST /api/session/logon, GET /api/Agent, POST /api/session/logoff" {
		t.Errorf("%d sessions left open after %v", s.open, s.calls)
	}
	inv := written(t, agents, "main")
	for name, want := range map[string]string{
		"pa1.corp.example": "winrm [publishing_agent] [10.0.0.21] 20.1 main", "gw1.corp.example": "winrm [gateway] [10.0.0.11 fd00::11] 20.1 main",
		"rds1.corp.example": "winrm [rdsh] [10.0.0.31] 20.0 main", "10.0.0.41": "ssh [halb] [10.0.0.41] 20.1 main",
	} {
		h := inv.Host(name)
		if h == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if got := fmt.Sprint(h.Access.Connection, " ", h.Roles, " ", h.Addresses.Value, " ", h.Version.Value, " ", h.Farm); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if len(inv.Hosts) != 4 || inv.Group("site_2") == nil {
		t.Errorf("%d hosts", len(inv.Hosts))
	}
}

// written writes an inventory and reads it as any other.
func written(t *testing.T, agents []Agent, farm string) *inventory.Inventory {
	t.Helper()
	var out strings.Builder
	if _, err := Write(&out, agents, farm, "a test"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "farm.yml")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(context.Background(), []string{file}, inventory.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return inv
}

func TestPinInsteadOfCA(t *testing.T) {
	s := serve(t, farmAnswer)
	f := s.farm(t)
	f.CAFile, f.Pin = "", fmt.Sprintf("%X", sha256.Sum256(s.Certificate().Raw))
	if _, err := f.Agents(t.Context()); err != nil {
		t.Error(err)
	}
	f.Pin = strings.Repeat("0", 64)
	if _, err := f.Agents(t.Context()); err == nil || !strings.Contains(err.Error(), "another SHA-256") {
		t.Errorf("got %v", err)
	}
	f.Pin = ""
	_, err := f.Agents(t.Context())
	if want := fmt.Sprintf("--tls-pin %x", sha256.Sum256(s.Certificate().Raw)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if n := len(s.calls); n != 3 {
		t.Errorf("%d calls reached the server, the password among them", n)
	}
}

func TestRefusalsOverREST(t *testing.T) {
	tests := []struct {
		name, want string
		change     func(*service, *Farm)
	}{
		{"password", "refuses the user name or the password", func(_ *service, f *Farm) { f.Password = inventory.NewSecret("wrong") }},
		{"redirect", "redirects elsewhere", func(s *service, _ *Farm) { s.status = 302 }},
		{"server error", "500 Internal Server Error", func(s *service, _ *Farm) { s.status = 500 }},
		{"no JSON", "is no list of agents", func(s *service, _ *Farm) { s.agents = "<html>" }},
		{"an object", "is no list of agents", func(s *service, _ *Farm) { s.agents = `{"a": 1}` }},
		{"type", `server type "99"`, func(s *service, _ *Farm) { s.agents = `[{"server": "a", "serverType": 99}]` }},
		{"name", "is no name of a host", func(s *service, _ *Farm) { s.agents = `[{"server": "a b", "serverType": 3}]` }},
		{"address", "an address that is none", func(s *service, _ *Farm) { s.agents = `[{"server": "a", "serverType": 3, "ip": "x"}]` }},
		{"nobody there", "refused", func(s *service, _ *Farm) { s.Close() }},
		{"no server", "is no server", func(_ *service, f *Farm) { f.Server = "https://x/y" }},
		{"bad pin", "is no SHA-256", func(_ *service, f *Farm) { f.Pin = "12" }},
		{"bad CA", "holds no certificate", func(_ *service, f *Farm) {
			if err := os.WriteFile(f.CAFile, []byte("x"), 0o600); err != nil {
				panic(err)
			}
		}},
	}
	for _, test := range tests {
		s := serve(t, farmAnswer)
		f := s.farm(t)
		f.Timeout = 5 * time.Second
		test.change(s, f)
		agents, err := f.Agents(t.Context())
		if err == nil || agents != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.name, err)
			continue
		}
		for _, secret := range []string{goodPassword, goodToken, "wrong"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error holds a secret: %v", test.name, err)
			}
		}
		if s.open != 0 {
			t.Errorf("%s: %d sessions left open", test.name, s.open)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(farmAnswer))
	f.Add([]byte(`[{"server": {}, "serverType": [1]}, null]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		agents, err := parseAgents(body)
		if err == nil {
			checkWrite(t, agents)
		}
	})
}
