package windows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
	dialect "farmwall/rules/windows"
	"farmwall/transport"
	"farmwall/transport/lab/windows"
)

// The contract of an engine: farmwall's own scripts, run on each of them, do the same to
// the host and give the same answers.

var engine = sync.OnceValues(windows.FindEngine)

type object = map[string]any

// machine is a host and what a controller does to it.
type machine struct {
	*windows.Host
	t      *testing.T
	engine windows.Engine
}

// oftenInPowerShell says which cases run in the real engine in every run; make soak
// runs all of them there: each costs it from seconds to a minute.
func oftenInPowerShell(test string) bool {
	test, _, _ = strings.Cut(test, "/")
	switch test {
	case "TestContractChangeAndConfirm", "TestContractSwitchFires", "TestContractRevert", "TestContractStaleAndTaken",
		"TestContractRebootInsideTheWindow", "TestContractHostsThatRunNothing":
		return true
	}
	return os.Getenv("FARMWALL_SOAK") == "1"
}

// onBoth runs a case on a host of each engine. Processes of PowerShell are one after the
// other: two at a time make each other late.
func onBoth(t *testing.T, o windows.Options, do func(t *testing.T, m *machine)) {
	t.Helper()
	for _, e := range []windows.Engine{windows.Model, windows.PowerShell} {
		if e == windows.PowerShell && !oftenInPowerShell(t.Name()) {
			continue
		}
		t.Run(string(e), func(t *testing.T) {
			if e == windows.Model {
				t.Parallel()
			}
			do(t, boot(t, e, o))
		})
	}
}

// window is a short one, with room for an engine that starts slowly on a busy machine.
func (m *machine) window() time.Duration {
	if m.engine == windows.Model {
		return 2 * time.Second
	}
	return 40 * time.Second
}

func boot(t *testing.T, e windows.Engine, o windows.Options) *machine {
	t.Helper()
	o.Name, o.Engine = "RD1", e
	if o.Addresses == nil {
		o.Addresses = []netip.Addr{netip.MustParseAddr("10.0.0.5")}
	}
	if e == windows.PowerShell {
		program, err := engine()
		if err != nil {
			t.Skip(err)
		}
		o.Program, o.Dir = program, t.TempDir()
	}
	h, err := windows.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &machine{h, t, e}
}

var (
	client = netip.MustParseAddrPort("10.0.0.1:50123")
	local  = netip.MustParseAddrPort("10.0.0.5:5985")
)

// run runs a script as an administrator over WinRM would.
func (m *machine) run(ctx context.Context, s rules.Script, change ...func(*windows.Command)) ([]byte, error) {
	call, err := transport.PowerShell(s, "10.0.0.1 50123 10.0.0.5 5985")
	if err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	c := windows.Command{
		Line: call.Command, User: `LAB\adm`, Admin: true, Stdin: bytes.NewReader(call.Input), Stdout: &out, Stderr: &errs,
		Client: client, Local: local,
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

// seen is what observe answers, as far as these tests look at it.
type seen struct {
	System, Version, PowerShell, User, Boot, Now, Folder, Ours, Rest, Switch string
	Admin                                                                    bool
	UptimeMS                                                                 int64 `json:"uptime_ms"`
	Services                                                                 map[string]string
	Policy                                                                   map[string]any
	Registry                                                                 map[string]any
	Local, GPO                                                               [][2]string
	LeftOut                                                                  map[string]int `json:"left_out"`
	Interfaces                                                               []any
	Connection                                                               map[string]string
	Lease                                                                    struct {
		Number      uint64
		Holder, Run string
		SinceMS     int64 `json:"since_ms"`
	}
	Token struct {
		State  string
		LeftMS int64 `json:"left_ms"`
	}
	Record map[string]string
}

func (m *machine) observe(change ...func(*windows.Command)) seen {
	m.t.Helper()
	out, err := m.run(m.t.Context(), dialect.New().Observe(), change...)
	if err != nil {
		m.t.Fatal("observe:", err)
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		m.t.Fatalf("observe answered %.500q: %v", out, err)
	}
	return s
}

// report is the answer of a script of a change.
type report struct {
	Result                         string
	Lease                          uint64
	Ours, Holder, Message, Unsaved string
	LeftMS                         int64 `json:"left_ms"`
}

// ask runs one of the frame's scripts with a request of ours.
func (m *machine) ask(ctx context.Context, name string, request object) (report, error) {
	m.t.Helper()
	d := dialect.New()
	s := map[string]rules.Script{
		"change": d.Change(rules.ChangeRequest{}), "confirm": d.Confirm(rules.ConfirmRequest{}),
		"revert": d.Revert(rules.RevertRequest{}), "recover": d.Recover(),
	}[name]
	s.Input, _ = json.Marshal(request)
	out, err := m.run(ctx, s)
	var r report
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	return r, err
}

// must asks and expects a result.
func (m *machine) must(name string, request object, result string) report {
	m.t.Helper()
	r, err := m.ask(m.t.Context(), name, request)
	if err != nil || r.Result != result {
		m.t.Fatalf("%s answered %+v, %v; want %s", name, r, err, result)
	}
	return r
}

const (
	markA = "farmwall:farm:a:00000001"
	markB = "farmwall:farm:b:00000002"
	markC = "farmwall:farm:c:00000003"
)

func addition(mark, ports string) object {
	return object{"mark": mark, "part": 0, "description": "", "direction": 1, "protocol": 6, "local_ports": ports, "remote_ports": "", "remote_addresses": "10.0.0.0/24"}
}

// request is a change of what was seen.
func request(s seen, window time.Duration, add []object, keep, off []string) object {
	undo := []object{}
	for _, e := range s.Local {
		if name := fieldOf(e[1], "Name"); strings.HasPrefix(name, "farmwall:") {
			undo = append(undo, object{"name": name, "enabled": fieldOf(e[1], "Active") == "TRUE", "text": e[1]})
		}
	}
	none := func(l []string) []string { return append([]string{}, l...) }
	return object{
		"format": 1, "run": "run-1", "controller": "u@c", "lease": s.Lease.Number, "ours": s.Ours, "rest": s.Rest, "window_ms": window.Milliseconds(),
		"target": object{"format": 1, "keep": none(keep), "add": append([]object{}, add...), "off": none(off)},
		"undo":   object{"format": 1, "rules": undo}, "digest": strings.Repeat("d", 64),
	}
}

func confirmation(lease uint64) object {
	return object{"format": 1, "run": "run-1", "controller": "u@c", "lease": lease, "time": "2026-11-23T13:20:00Z"}
}

func reversion(lease uint64) object { return object{"format": 1, "run": "run-1", "lease": lease} }

func fieldOf(text, key string) string {
	_, rest, _ := strings.Cut(text, "|"+key+"=")
	v, _, _ := strings.Cut(rest, "|")
	return v
}

// names are those of our rules, each with "+" where it is enabled and "-" where not.
func (m *machine) names() []string {
	out := []string{}
	for _, text := range m.Named("farmwall:") {
		sign := "-"
		if fieldOf(text, "Active") == "TRUE" {
			sign = "+"
		}
		name, _, _ := strings.Cut(fieldOf(text, "Name"), " off ") // a twin's, meanwhile
		out = append(out, sign+name)
	}
	slices.Sort(out)
	return out
}

func (m *machine) mustBe(names ...string) {
	m.t.Helper()
	slices.Sort(names)
	if got := m.names(); !slices.Equal(got, append([]string{}, names...)) {
		m.t.Fatalf("our rules are %v, want %v", got, names)
	}
}

// settled waits until no task and no live token are left.
func (m *machine) settled(within time.Duration) seen {
	m.t.Helper()
	end := time.Now().Add(within)
	for len(m.Tasks()) > 0 && time.Now().Before(end) {
		time.Sleep(20 * time.Millisecond)
	}
	s := m.observe()
	if s.Token.State != "" && s.Token.State != "done" || s.Switch != "" {
		m.t.Fatalf("after %v: token %+v, tasks %q", within, s.Token, s.Switch)
	}
	return s
}

// applied applies and confirms a change and returns what is seen then.
func (m *machine) applied(add []object, keep, off []string) seen {
	m.t.Helper()
	s := m.observe()
	m.must("change", request(s, 10*time.Minute, add, keep, off), "applied")
	m.must("confirm", confirmation(s.Lease.Number+1), "confirmed")
	return m.observe()
}

var plain = windows.Foreign(windows.Server2019, windows.BuiltIn(windows.Server2019), 120)

func exitError(err error) bool {
	var e *transport.ExitError
	return errors.As(err, &e)
}
