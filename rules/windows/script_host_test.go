package windows_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/windows"
	"farmwall/transport"
	lab "farmwall/transport/lab/windows"
)

// These tests run the very scripts in a real PowerShell, on a host of the lab.

var engine = sync.OnceValues(lab.FindEngine)

// machine is a host of the lab and what a controller does to it.
type machine struct {
	*lab.Host
	t *testing.T
}

func boot(t *testing.T, o lab.Options) *machine {
	t.Helper()
	program, err := engine()
	if err != nil {
		t.Skip(err)
	}
	o.Name, o.Engine, o.Program, o.Dir = "RD1", lab.PowerShell, program, t.TempDir()
	h, err := lab.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &machine{h, t}
}

// soak leaves a test to make soak: it takes the engine more than the other tests of its
// kind, which every run has.
func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("make soak runs this: it keeps the PowerShell engine busy for long")
	}
}

// points are all in a soak and every third, from the second on, in an ordinary run.
func points(all ...string) []string {
	if os.Getenv("FARMWALL_SOAK") == "1" {
		return all
	}
	var out []string
	for i := 1; i < len(all); i += 3 {
		out = append(out, all[i])
	}
	return out
}

// run runs a script as an administrator over WinRM would.
func (m *machine) run(ctx context.Context, name string, input []byte, change ...func(*lab.Command)) ([]byte, error) {
	return m.runText(ctx, windows.Body(name), input, change...)
}

func (m *machine) runText(ctx context.Context, body string, input []byte, change ...func(*lab.Command)) ([]byte, error) {
	script := rules.Script{Name: "script", Shell: rules.PowerShell, Body: body, Input: input}
	call, err := transport.PowerShell(script, "10.0.0.1 50123 10.0.0.5 5985")
	if err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	c := lab.Command{
		Line: call.Command, User: `LAB\adm`, Admin: true, Stdin: bytes.NewReader(call.Input), Stdout: &out, Stderr: &errs,
		Client: netip.MustParseAddrPort("10.0.0.1:50123"), Local: netip.MustParseAddrPort("10.0.0.5:5985"),
	}
	for _, f := range change {
		f(&c)
	}
	exit, err := m.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	if _, err := call.Stdout(out.Bytes()); err != nil {
		return nil, err
	}
	call.Stderr(errs.Bytes())
	return call.Result(exit)
}

// seen is what the tests look at of an observation.
type seen struct {
	Admin      bool
	Services   map[string]string
	Policy     struct{ Error string }
	Registry   struct{ Error string }
	Local, GPO [][2]string
	LeftOut    struct{ Local, GPO, Restricted int } `json:"left_out"`
	Connection struct{ Client, Local string }
	Folder     string
	Lease      struct {
		Number  int
		Holder  string
		SinceMS int64 `json:"since_ms"`
	}
	Token struct {
		State  string
		LeftMS int64 `json:"left_ms"`
	}
	Record             struct{ Run, Controller, Digest, Time string }
	Ours, Rest, Switch string
}

func (m *machine) observe() seen {
	m.t.Helper()
	out, err := m.run(m.t.Context(), "observe", []byte(`{"format":1}`))
	if err != nil {
		m.t.Fatal("observe:", err)
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		m.t.Fatalf("observe answered %.500q: %v", out, err)
	}
	return s
}

// look is what an observation says of the rules and the lease, worked out from the
// host's stores by other means.
func (m *machine) look() seen {
	m.t.Helper()
	var s seen
	var ours, rest []string
	for _, e := range m.Local() {
		s.Local = append(s.Local, [2]string{e.ID, e.Text})
		switch {
		case strings.Contains(e.Text, "|AppPkgId="), strings.Contains(e.Text, "|LUOwn="):
		case strings.HasPrefix(field(e.Text, "Name"), "farmwall:"):
			ours = append(ours, withoutLease.ReplaceAllString(e.Text, "$1")+"\n")
		case field(e.Text, "Action") == "Block" && field(e.Text, "Active") == "TRUE":
			rest = append(rest, e.Text+"\n")
		}
	}
	for _, e := range m.GPO() {
		s.GPO = append(s.GPO, [2]string{e.ID, e.Text})
		if field(e.Text, "Action") == "Block" && field(e.Text, "Active") == "TRUE" {
			rest = append(rest, e.Text+"\n")
		}
	}
	slices.Sort(ours)
	slices.Sort(rest)
	var numbers []string
	for store, path := range map[string]string{"local": `SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\`, "gpo": `SOFTWARE\Policies\Microsoft\WindowsFirewall\`} {
		for _, profile := range []string{"DomainProfile", "StandardProfile", "PrivateProfile", "PublicProfile"} {
			values, _ := m.Key(path + profile)
			for _, v := range values {
				if n, ok := v.Data.(uint32); ok {
					numbers = append(numbers, fmt.Sprintf("%s %s %s=%d\n", store, profile, v.Name, n))
				}
			}
		}
	}
	slices.Sort(numbers)
	hash := func(lines ...string) string {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, ""))))
	}
	s.Ours, s.Rest = hash(ours...), hash(append(rest, numbers...)...)
	if text, err := os.ReadFile(filepath.Join(m.Folder(), "lease")); err == nil {
		if err := json.Unmarshal(text, &s.Lease); err != nil {
			m.t.Fatal(err)
		}
	}
	return s
}

var withoutLease = regexp.MustCompile(`(\|Name=farmwall:[a-z0-9-]{1,32}:[a-z0-9.-]{1,64}:[0-9a-f]{8}):[0-9]{1,19}`)

// names are those of our rules, each with "+" where it is enabled and "-" where it is not.
func (m *machine) names() []string {
	var out []string
	for _, text := range m.Named("farmwall:") {
		sign := "-"
		if strings.Contains(text, "|Active=TRUE|") {
			sign = "+"
		}
		out = append(out, sign+field(text, "Name"))
	}
	slices.Sort(out)
	return out
}

func field(text, name string) string {
	_, rest, _ := strings.Cut(text, "|"+name+"=")
	value, _, _ := strings.Cut(rest, "|")
	return value
}

// report is the answer of a script of the frame.
type report struct {
	Result                         string
	Lease                          int
	LeftMS                         int64 `json:"left_ms"`
	Ours, Holder, Message, Unsaved string
}

// ask runs a script of the frame; "" where it did not end well.
func (m *machine) ask(ctx context.Context, name string, request any, change ...func(*lab.Command)) report {
	m.t.Helper()
	return m.answer(m.run(ctx, name, encoded(request), change...))
}

// askText is ask with a script of the test's own.
func (m *machine) askText(body string, request any) report {
	m.t.Helper()
	return m.answer(m.runText(m.t.Context(), body, encoded(request)))
}

func (m *machine) answer(out []byte, err error) report {
	m.t.Helper()
	if err != nil {
		return report{Message: err.Error()}
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		m.t.Errorf("the script answered %.500q: %v", out, err)
	}
	return r
}

func encoded(request any) []byte {
	text, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	return text
}

func itoa(n int) string { return strconv.Itoa(n) }

// object is JSON.
type object map[string]any

// addition is a rule that opens TCP ports.
func addition(mark, ports string) object {
	return object{"mark": mark, "part": 0, "description": "TCP " + ports, "direction": 1, "protocol": 6,
		"local_ports": ports, "remote_ports": "", "remote_addresses": "10.0.0.0/24,192.0.2.7,2001:db8::9"}
}

const (
	markA = "farmwall:farm:gateway-443:0123abcd"
	markB = "farmwall:farm:gateway-443:4567abcd"
	markC = "farmwall:farm:rdp:89ababcd"
)

// plan asks for a change of what was seen.
func plan(s seen, window time.Duration, add []object, keep, off []string) object {
	old := []object{}
	for _, e := range s.Local {
		if text := e[1]; strings.Contains(text, "|Name=farmwall:") {
			old = append(old, object{"name": field(text, "Name"), "enabled": strings.Contains(text, "|Active=TRUE|"), "text": text})
		}
	}
	list := func(l []string) []string { return append([]string{}, l...) }
	return object{
		"format": 1, "run": "run-1", "controller": "adm@ctl", "lease": s.Lease.Number, "ours": s.Ours, "rest": s.Rest,
		"window_ms": window.Milliseconds(), "digest": strings.Repeat("d", 64),
		"target": object{"format": 1, "keep": list(keep), "add": append([]object{}, add...), "off": list(off)},
		"undo":   object{"format": 1, "rules": old},
	}
}

func confirmation(lease int) object {
	return object{"format": 1, "run": "run-1", "controller": "adm@ctl", "lease": lease, "time": "2026-11-23T13:20:00Z"}
}

func reversion(lease int) object { return object{"format": 1, "run": "run-1", "lease": lease} }

// change applies and expects a result.
func (m *machine) change(want string, request object) report {
	m.t.Helper()
	r := m.ask(m.t.Context(), "change", request)
	m.expect(r, want)
	return r
}

func (m *machine) expect(r report, want string) {
	m.t.Helper()
	if r.Result != want {
		m.t.Fatalf("the host answered %+v, not %s\n%s", r, want, m.log())
	}
}

// applied makes a change and confirms it.
func (m *machine) applied(add []object, keep, off []string) seen {
	m.t.Helper()
	r := m.change("applied", plan(m.look(), 5*time.Minute, add, keep, off))
	m.expect(m.ask(m.t.Context(), "confirm", confirmation(r.Lease)), "confirmed")
	return m.look()
}

// settled waits until the change has come to its end.
func (m *machine) settled(within time.Duration) {
	m.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		_, err := os.Stat(filepath.Join(m.Folder(), "token.done"))
		if err == nil && len(m.Tasks()) == 0 {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("the change did not end: %v %v\n%s", m.files(), m.Tasks(), m.log())
		}
	}
}

func (m *machine) log() string {
	text, _ := os.ReadFile(filepath.Join(m.Folder(), "log"))
	return string(text)
}

func (m *machine) files() []string {
	var out []string
	entries, _ := os.ReadDir(m.Folder())
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func (m *machine) mustBe(want ...string) {
	m.t.Helper()
	if got := m.names(); !slices.Equal(got, want) {
		m.t.Fatalf("our rules are\n%s\nnot\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), m.log())
	}
}
