package winrm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/winrm"
)

// once dials and runs echo; the error is that of whichever failed.
func once(d *winrm.Dialer, h *inventory.Host, input string) (string, error) {
	c, err := d.Dial(context.Background(), h)
	if err != nil {
		return "", err
	}
	defer c.Close()
	out, err := c.Run(context.Background(), script("echo", input))
	return string(out), err
}

// TestWhatHostsDo are the habits and mishaps of hosts that a script must survive.
func TestWhatHostsDo(t *testing.T) {
	long := strings.Repeat("\u00e4\u65e5", 100_000)
	for name, c := range map[string]struct {
		faults  wsman.Faults
		options func(*wsman.Options)
		logons  int
	}{
		"plain":             {wsman.Faults{}, nil, 1},
		"slow output":       {wsman.Faults{SlowOutput: 1700 * time.Millisecond}, nil, 1},
		"busy once":         {wsman.Faults{Busy: 1}, nil, 1},
		"chunked":           {wsman.Faults{Chunked: true}, nil, 1},
		"split runes":       {wsman.Faults{SplitRunes: true}, nil, 1},
		"clixml":            {wsman.Faults{Clixml: true}, nil, 1},
		"no shell body":     {wsman.Faults{NoShellBody: true}, nil, 1},
		"empty post ok":     {wsman.Faults{EmptyOK: true}, nil, 1},
		"forgets at once":   {wsman.Faults{Forget: 1}, nil, 2},
		"forgets later":     {wsman.Faults{Forget: 2}, nil, 2},
		"shell vanishes":    {wsman.Faults{Vanish: 1}, nil, 1},
		"2008 R2":           {wsman.Faults{NoShellBody: true}, func(o *wsman.Options) { o.Release = wsman.Server2008R2 }, 1},
		"answers in pieces": {wsman.Faults{}, func(o *wsman.Options) { o.Gather = -1 }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := wsman.Options{Faults: c.faults}
			if c.options != nil {
				c.options(&o)
			}
			h := serve(t, o)
			d := dialer(t, winrm.Config{OperationTimeout: 500 * time.Millisecond})
			line := dial(t, d, h.access())
			for range 2 {
				if out, err := line.Run(context.Background(), script("echo", long)); err != nil || string(out) != long {
					t.Fatalf("%d bytes, %v", len(out), err)
				}
			}
			line.Close()
			if n := h.Counts(); n.Shells > 0 || n.Commands > 0 || n.Unsealed > 0 || n.Logons != c.logons || n.Open > 0 && n.Connections > c.logons {
				t.Errorf("%+v", n)
			}
			if h.machine.begun.Load() != 2 {
				t.Errorf("ran %d times", h.machine.begun.Load())
			}
		})
	}
}

// TestFailuresOfHosts: each has its own error, with what to do, and says whether
// the script may have run.
func TestFailuresOfHosts(t *testing.T) {
	for name, c := range map[string]struct {
		options wsman.Options
		change  func(*host, *inventory.Access)
		is      error
		words   string
		notRun  bool
	}{
		"wrong password":    {wsman.Options{}, func(_ *host, a *inventory.Access) { a.Password = inventory.NewSecret("wrong") }, transport.ErrRejected, "the host offers Negotiate", true},
		"unknown user":      {wsman.Options{}, func(_ *host, a *inventory.Access) { a.User = `LAB\nobody` }, transport.ErrRejected, "401", true},
		"not an admin":      {wsman.Options{Accounts: []wsman.Account{{Name: "adm", Domain: "LAB", Password: password}}}, nil, transport.ErrNoPrivilege, "Access is denied", true},
		"access denied":     {wsman.Options{Faults: wsman.Faults{AccessDenied: true}}, nil, transport.ErrNoPrivilege, "Access is denied", true},
		"shells disabled":   {wsman.Options{Faults: wsman.Faults{ShellsDisabled: true}}, nil, transport.ErrNoPrivilege, "2150859180", true},
		"quota":             {wsman.Options{Faults: wsman.Faults{Quota: 1}}, nil, transport.ErrQuota, "21508591", true},
		"quota by WMI":      {wsman.Options{Faults: wsman.Faults{Quota: 1, QuotaWMI: true}}, nil, transport.ErrQuota, "21508591", true},
		"no Negotiate":      {wsman.Options{Schemes: wsman.Schemes{Basic: true}, AllowUnencrypted: true}, nil, transport.ErrScheme, "the host offers Basic", true},
		"IIS":               {wsman.Options{Faults: wsman.Faults{Status: 404}}, nil, transport.ErrNotWinRM, "404", true},
		"a page":            {wsman.Options{Faults: wsman.Faults{Status: 200}}, nil, transport.ErrNotWinRM, "text/html", true},
		"proxy":             {wsman.Options{Faults: wsman.Faults{Status: 502}}, nil, transport.ErrNotWinRM, "proxy", true},
		"proxy wants login": {wsman.Options{Faults: wsman.Faults{Status: 407}}, nil, transport.ErrNotWinRM, "proxy", true},
		"too busy":          {wsman.Options{Faults: wsman.Faults{Status: 503}}, nil, transport.ErrBusy, "503", true},
		"redirect":          {wsman.Options{Faults: wsman.Faults{Status: 302}}, nil, transport.ErrNotWinRM, "302", true},
		"forbidden":         {wsman.Options{Faults: wsman.Faults{Status: 403}}, nil, transport.ErrNoPrivilege, "403", true},
		"never answers":     {wsman.Options{Faults: wsman.Faults{Silent: true}}, nil, transport.ErrTimeout, "timed out", true},
		"no listener":       {wsman.Options{}, func(_ *host, a *inventory.Access) { a.Port = 1 }, transport.ErrRefused, "refused", true},
		"no name":           {wsman.Options{}, func(_ *host, a *inventory.Access) { a.Address = "no-such-host.invalid" }, transport.ErrUnreachable, "does not resolve", true},
		"TLS on HTTP":       {wsman.Options{}, func(_ *host, a *inventory.Access) { a.WinRM.TLS = true }, transport.ErrNotWinRM, "no TLS", true},
		"Basic on HTTP":     {wsman.Options{Schemes: wsman.Schemes{Basic: true}}, func(_ *host, a *inventory.Access) { a.WinRM.Auth = "basic" }, transport.ErrScheme, "over HTTP", true},
		"certificate, HTTP": {wsman.Options{}, func(_ *host, a *inventory.Access) { a.WinRM.Auth = "certificate" }, transport.ErrScheme, "over HTTP", true},
		"no password":       {wsman.Options{}, func(_ *host, a *inventory.Access) { a.Password = inventory.Secret{} }, transport.ErrRejected, "no password", true},
		"sspi":              {wsman.Options{}, func(_ *host, a *inventory.Access) { a.WinRM.Auth = "sspi" }, transport.ErrScheme, "Windows controllers", true},
		"no such scheme":    {wsman.Options{}, func(_ *host, a *inventory.Access) { a.WinRM.Auth = "digest" }, transport.ErrScheme, "digest", true},
		"line too long":     {wsman.Options{}, says("The command line is too long.\r\n", 1), transport.ErrCommandLine, "too long", true},
		"no PowerShell":     {wsman.Options{}, says("'powershell' is not recognized as an internal or external command,\r\n", 9009), transport.ErrToolMissing, "powershell", true},
		"blocked":           {wsman.Options{}, says("This program is blocked by group policy.\r\n", 1), transport.ErrNoPrivilege, "group policy", true},
		"killed":            {wsman.Options{}, says("#< CLIXML\r\n<Objs><S S=\"Error\">out of memory_x000D__x000A_</S></Objs>", 0xC0000005), transport.ErrLineBroke, "exit code 3221225477: out of memory", false},
		"line reset":        {wsman.Options{Faults: wsman.Faults{Reset: 1}}, nil, transport.ErrLineBroke, "hung up", false},
		"vanishes in it":    {wsman.Options{Faults: wsman.Faults{Vanish: 3}}, nil, transport.ErrLineBroke, "2150858843", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, c.options)
			access := h.access()
			if c.change != nil {
				c.change(h, &access.Access)
			}
			d := dialer(t, winrm.Config{OperationTimeout: 500 * time.Millisecond, Margin: 500 * time.Millisecond})
			_, err := once(d, access, "x")
			var e *transport.Error
			switch {
			case !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.words):
				t.Errorf("got %v", err)
			case !errors.As(err, &e) || e.Host != "srv1" || e.Op == "" || e.NotRun != c.notRun:
				t.Errorf("got %#v", e)
			case e.Hint == "" && e.NotRun:
				t.Errorf("no hint: %v", err)
			case errors.Is(err, transport.ErrLineBroke) && !errors.Is(c.is, transport.ErrLineBroke):
				t.Errorf("a broken line too: %v", err)
			}
			if n := h.machine.begun.Load(); c.notRun && n > 0 {
				t.Error("and yet the script ran")
			}
			if n := h.Counts(); n.Shells > 0 || n.Commands > 0 {
				t.Errorf("left on the host: %+v", n)
			}
		})
	}
}

func says(text string, exit int64) func(*host, *inventory.Access) {
	return func(h *host, _ *inventory.Access) { h.machine.said, h.machine.exit = text, exit }
}

// TestAnUnknownOutcomeStaysUnknown: nothing is sent twice once the script may have
// begun.
func TestAnUnknownOutcomeStaysUnknown(t *testing.T) {
	for name, f := range map[string]wsman.Faults{"reset": {Reset: 1}, "vanish": {Vanish: 3}} {
		h := serve(t, wsman.Options{Faults: f})
		c := dial(t, dialer(t, winrm.Config{}), h.access())
		_, err := c.Run(context.Background(), script("slow", "100ms"))
		var e *transport.Error
		if !errors.As(err, &e) || e.NotRun || !errors.Is(err, transport.ErrLineBroke) {
			t.Errorf("%s: %v", name, err)
		}
		n := h.Counts()
		if h.machine.begun.Load() != 1 || n.Command != 1 || n.Create != 1 {
			t.Errorf("%s: %+v, ran %d times", name, n, h.machine.begun.Load())
		}
		// The line itself recovers for what comes next.
		if out, err := c.Run(context.Background(), script("echo", "again")); err != nil || string(out) != "again" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
		c.Close()
		if n := h.Counts(); n.Shells > 0 {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

func TestADeadlineEndsAScriptThatHostsOnlyWaitFor(t *testing.T) {
	h := serve(t, wsman.Options{})
	d := dialer(t, winrm.Config{OperationTimeout: 500 * time.Millisecond, Longest: 1500 * time.Millisecond})
	c := dial(t, d, h.access())
	start := time.Now()
	_, err := c.Run(context.Background(), script("idle", ""))
	if !errors.Is(err, transport.ErrTimeout) || !errors.Is(err, transport.ErrLineBroke) || time.Since(start) > 6*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	for end := time.Now().Add(3 * time.Second); h.machine.running.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the program still runs")
		}
	}
}
