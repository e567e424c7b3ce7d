package windows_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"farmwall/transport/lab/windows"
)

// com is the firewall's objects as a test reaches them: from Go, or from a PowerShell
// whose New-Object makes them. Objects are numbers.
type com interface {
	make() int
	get(o int, property string) (any, error)
	set(o int, property string, v any) error
	add(o int) error
	remove(name string) error
	item(name string) (int, error)
	count() (int, error)
	all() (int, error) // enumerates
	policy(property string, profile int) (any, error)
}

// fromGo reaches the objects without PowerShell.
type fromGo struct {
	h       *windows.Host
	admin   bool
	objects []*windows.RuleObject
}

func (g *fromGo) keep(r *windows.RuleObject) int {
	g.objects = append(g.objects, r)
	return len(g.objects) - 1
}
func (g *fromGo) make() int                               { return g.keep(g.h.NewRule()) }
func (g *fromGo) get(o int, property string) (any, error) { return g.h.Get(g.objects[o], property) }
func (g *fromGo) set(o int, property string, v any) error {
	if _, unsigned := v.(uint32); unsigned {
		return errCast // PowerShell's own; COM never sees it
	}
	return g.h.Set(g.objects[o], property, v, g.admin)
}
func (g *fromGo) add(o int) error          { return g.h.Add(g.objects[o], g.admin) }
func (g *fromGo) remove(name string) error { return g.h.Remove(name, g.admin) }
func (g *fromGo) item(name string) (int, error) {
	r, err := g.h.Item(name)
	if err != nil {
		return 0, err
	}
	return g.keep(r), nil
}
func (g *fromGo) count() (int, error) { return g.h.Count() }
func (g *fromGo) all() (int, error) {
	all, err := g.h.Rules()
	return len(all), err
}
func (g *fromGo) policy(property string, profile int) (any, error) {
	return g.h.Policy(property, profile)
}

var errCast = errors.New("System.InvalidCastException")

// driver is a script that does to the objects what lines of JSON ask for.
const driver = `
$ErrorActionPreference = 'Stop'
$objects = @{}
$next = 0
$policy = New-Object -ComObject HNetCfg.FwPolicy2
while ($null -ne ($line = [Console]::In.ReadLine())) {
	$q = ConvertFrom-Json $line
	$r = @{ v = $null; list = $false; hr = ''; type = '' }
	$x = $q.v
	switch ($q.kind) { 'int' { $x = [int]$x } 'uint32' { $x = [uint32]$x } 'string' { $x = [string]$x } 'list' { $x = [object[]]$x } 'bool' { $x = [bool]$x } default { $x = $null } }
	$o = $objects[[int]$q.o]
	$p = [string]$q.p
	try {
		switch ($q.op) {
			'make' { $next++; $objects[$next] = New-Object -ComObject HNetCfg.FWRule; $r.v = $next }
			'get' { $v = $o.$p; $r.list = $v -is [array]; $r.v = $v }
			'set' { $o.$p = $x }
			'add' { $null = $policy.Rules.Add($o) }
			'remove' { $null = $policy.Rules.Remove($p) }
			'item' { $v = $policy.Rules.Item($p); $next++; $objects[$next] = $v; $r.v = $next }
			'count' { $r.v = $policy.Rules.Count }
			'all' { $n = 0; foreach ($one in $policy.Rules) { $n++ }; $r.v = $n }
			'policy' {
				$i = [int]$q.o
				switch ($p) {
					'FirewallEnabled' { $r.v = $policy.FirewallEnabled($i) }
					'BlockAllInboundTraffic' { $r.v = $policy.BlockAllInboundTraffic($i) }
					'DefaultInboundAction' { $r.v = $policy.DefaultInboundAction($i) }
					'DefaultOutboundAction' { $r.v = $policy.DefaultOutboundAction($i) }
					default { $r.v = $policy.$p }
				}
			}
		}
	} catch {
		$e = $_.Exception.GetBaseException()
		$r.type = $e.GetType().FullName
		$r.hr = '{0:X8}' -f [Runtime.InteropServices.Marshal]::GetHRForException($e)
	}
	[Console]::Out.WriteLine((ConvertTo-Json -Compress -Depth 3 -InputObject $r))
	[Console]::Out.Flush()
}
exit 0`

// fromPowerShell reaches the objects through the engine.
type fromPowerShell struct {
	t   *testing.T
	in  *io.PipeWriter
	out *bufio.Reader
}

func openPowerShell(t *testing.T, h *windows.Host, admin bool) *fromPowerShell {
	var units []byte
	for _, u := range utf16.Encode([]rune(driver)) {
		units = append(units, byte(u), byte(u>>8))
	}
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// It is longer than cmd.exe takes, so it goes as the program of a task would.
		exit, err := h.Start(context.Background(), "powershell.exe", "-NoProfile -NonInteractive -EncodedCommand "+base64.StdEncoding.EncodeToString(units),
			windows.Command{Admin: admin, User: "adm", Stdin: inR, Stdout: outW, Stderr: io.Discard})
		outW.CloseWithError(fmt.Errorf("the driver ended: %d, %v", exit, err))
	}()
	t.Cleanup(func() {
		inW.Close()
		outR.Close()
		<-ended
	})
	return &fromPowerShell{t, inW, bufio.NewReader(outR)}
}

func (p *fromPowerShell) ask(op string, o int, property string, v any) (any, error) {
	p.t.Helper()
	kind := ""
	switch v.(type) {
	case int:
		kind = "int"
	case uint32:
		kind = "uint32"
	case string:
		kind = "string"
	case bool:
		kind = "bool"
	case []string:
		kind = "list"
	}
	line, _ := json.Marshal(map[string]any{"op": op, "o": o, "p": property, "v": v, "kind": kind})
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	said, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	var r struct {
		V        any
		List     bool
		HR, Type string
	}
	if err := json.Unmarshal(said, &r); err != nil {
		p.t.Fatalf("the driver said %q: %v", said, err)
	}
	if r.Type == "System.InvalidCastException" {
		return nil, errCast
	}
	if r.HR != "" {
		n, _ := strconv.ParseUint(r.HR, 16, 32)
		p.mustBeType(windows.HRESULT(n), r.Type)
		return nil, windows.HRESULT(n)
	}
	switch v := r.V.(type) {
	case float64:
		return int(v), nil
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, fmt.Sprint(e))
		}
		return out, nil
	}
	return r.V, nil
}

// mustBeType knows which exception .NET makes of an HRESULT.
func (p *fromPowerShell) mustBeType(h windows.HRESULT, kind string) {
	p.t.Helper()
	want, ok := map[windows.HRESULT]string{
		windows.EInvalidArg: "System.ArgumentException", windows.EAccessDenied: "System.UnauthorizedAccessException",
		windows.ENotFound: "System.IO.FileNotFoundException",
	}[h]
	if !ok {
		want = "System.Runtime.InteropServices.COMException"
	}
	if kind != want {
		p.t.Errorf("%v arrives as %s, not %s", h, kind, want)
	}
}

func number(v any, err error) (int, error) {
	n, _ := v.(int)
	return n, err
}

func (p *fromPowerShell) make() int {
	n, err := number(p.ask("make", 0, "", nil))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}
func (p *fromPowerShell) get(o int, property string) (any, error) {
	return p.ask("get", o, property, nil)
}
func (p *fromPowerShell) set(o int, property string, v any) error {
	_, err := p.ask("set", o, property, v)
	return err
}
func (p *fromPowerShell) add(o int) error { _, err := p.ask("add", o, "", nil); return err }
func (p *fromPowerShell) remove(name string) error {
	_, err := p.ask("remove", 0, name, nil)
	return err
}
func (p *fromPowerShell) item(name string) (int, error) {
	return number(p.ask("item", 0, name, nil))
}
func (p *fromPowerShell) count() (int, error) { return number(p.ask("count", 0, "", nil)) }
func (p *fromPowerShell) all() (int, error)   { return number(p.ask("all", 0, "", nil)) }
func (p *fromPowerShell) policy(property string, profile int) (any, error) {
	return p.ask("policy", profile, property, nil)
}

// bench is where a case tries the objects.
type bench struct {
	com
	t    *testing.T
	h    *windows.Host
	null func(o int, property string) error // assigns a true NULL; nil where nobody can
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// fails expects a failure: an HRESULT, or 0 for any.
func (b *bench) fails(err error, want windows.HRESULT) {
	b.t.Helper()
	if err == nil || want != 0 && !errors.Is(err, want) {
		b.t.Fatalf("got %v, want %v", err, want)
	}
}

// rule makes a detached rule from properties in pairs.
func (b *bench) rule(pairs ...any) int {
	b.t.Helper()
	o := b.make()
	for i := 0; i < len(pairs); i += 2 {
		b.must(b.set(o, pairs[i].(string), pairs[i+1]))
	}
	return o
}

// stored makes a rule and adds it.
func (b *bench) stored(name string, pairs ...any) int {
	b.t.Helper()
	o := b.rule(append([]any{"Name", name}, pairs...)...)
	b.must(b.add(o))
	return o
}

// reads expects properties in pairs.
func (b *bench) reads(o int, pairs ...any) {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		got, err := b.get(o, pairs[i].(string))
		if err != nil || !reflect.DeepEqual(got, pairs[i+1]) {
			b.t.Errorf("%s reads %#v, %v; want %#v", pairs[i], got, err, pairs[i+1])
		}
	}
}

// text is the registry string of the one rule of that name.
func (b *bench) text(name string) string {
	b.t.Helper()
	for _, e := range b.h.Local() {
		if strings.Contains(e.Text, "|Name="+name+"|") {
			return e.Text
		}
	}
	b.t.Fatalf("no rule is called %s", name)
	return ""
}
