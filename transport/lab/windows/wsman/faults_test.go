package wsman

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// Each behaviour that a lab's host shows on demand, by name.

func TestSlowOutputGivesSeveralTimeoutFaults(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{Faults: Faults{SlowOutput: 1800 * time.Millisecond}}).caller(t)
	c.timeout = "PT0.6S"
	shell := c.create()
	command := c.start(shell, "echo late")
	faults := 0
	var o received
	for o.state != "Done" {
		r := c.call(actionReceive, shell, receiveBody(command))
		if code, sub, text := r.fault(); code != 0 {
			if code != 2150858793 || sub != "w:TimedOut" || !strings.HasPrefix(text, "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.") {
				t.Fatalf("%d %s %q", code, sub, text)
			}
			if got := r.root.child(nsSoap, "Header").child(nsAddressing, "Action").value(); got != actionFault {
				t.Errorf("Action %s", got)
			}
			faults++
			continue
		}
		o.read(t, c.ok(r))
	}
	if string(o.stdout) != "late\r\n" || faults < 2 {
		t.Errorf("%q after %d faults", o.stdout, faults)
	}
}

func Test413AtTheEnvelopeLimit(t *testing.T) {
	t.Parallel()
	for release, limit := range map[Release]int{Server2008R2: 150 * 1024, Server2016: 500 * 1024} {
		h := basicHost(t, Options{Release: release})
		c := h.caller(t)
		shell := c.create()
		command := c.start(shell, "count")
		// Fill an envelope up to the limit with white space after the data.
		message := func(size int) string {
			m := c.message(actionSend, resourceCmd, shell, c.sendBody(command, []byte("abc"), false))
			return m + strings.Repeat(" ", size-len(m))
		}
		c.ok(c.post(message(limit)))
		r := c.post(message(limit + 1))
		if r.status != http.StatusRequestEntityTooLarge || len(r.text) != 0 {
			t.Errorf("%s: status %d %s", release, r.status, r.text)
		}
		c.ok(c.send(shell, command, nil, true))
		if o, _ := c.receiveAll(shell, command); string(o.stdout) != "3" {
			t.Errorf("%s: the command read %s bytes", release, o.stdout)
		}
		// A client that sends much more reads the answer too.
		if r := c.post(strings.Repeat(" ", 5<<20)); r.status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", r.status)
		}
	}
}

func TestQuotaFaultsInBothForms(t *testing.T) {
	t.Parallel()
	for _, wmi := range []bool{false, true} {
		h := basicHost(t, Options{Release: Server2008R2, Faults: Faults{Quota: 1, QuotaWMI: wmi}})
		c := h.caller(t)
		r := c.call(actionCreate, "", shellBody)
		wantFault(t, r, 2150859173, "w:QuotaLimit")
		if got := bytes.Contains(r.text, []byte("MSFT_WmiError")); got != wmi {
			t.Errorf("WMI form: %v, want %v", got, wmi)
		}
		var shells []string
		for range 5 {
			shells = append(shells, c.create())
		}
		wantFault(t, c.call(actionCreate, "", shellBody), 2150859173, "w:QuotaLimit")
		c.ok(c.delete(shells[0]))
		shells[0] = c.create()
		for i := range 15 {
			c.start(shells[i/4], "wait")
		}
		over := c.call(actionCommand, shells[4], commandBody("wait"))
		wantFault(t, over, 2150859174, "w:QuotaLimit")
		if _, _, text := over.fault(); !strings.Contains(text, "maximum number of 15 concurrent operations") {
			t.Error(text)
		}
		c.ok(c.delete(shells[0]))
		c.start(shells[4], "wait")
		h.SetFaults(Faults{Quota: 1, QuotaCode: 2150859175, QuotaWMI: wmi})
		wantFault(t, c.call(actionCommand, shells[4], commandBody("wait")), 2150859175, "w:QuotaLimit")
	}
}

func TestOperationsThatAreNeverGivenBack(t *testing.T) {
	t.Parallel()
	h := basicHost(t, Options{Release: Server2008R2, Faults: Faults{KeepOperations: true}})
	c := h.caller(t)
	shell := c.create()
	for range 15 {
		c.ok(c.signal(shell, c.start(shell, "echo x"), terminate))
	}
	wantFault(t, c.call(actionCommand, shell, commandBody("echo x")), 2150859174, "w:QuotaLimit")
	c.ok(c.delete(shell))
	c.run("echo x", "")
}

func TestOtherQuotas(t *testing.T) {
	t.Parallel()
	q := Server2016.Quotas()
	q.MaxConcurrentUsers, q.MaxCommandsPerShell, q.MaxProcessesPerShell = 1, 3, 2
	h := basicHost(t, Options{Quotas: &q, Accounts: []Account{localAdmin, {Name: "other", Password: "x", Admin: true}}})
	c, other := h.caller(t), h.caller(t)
	other.user, other.password = "other", "x"
	shell := c.create()
	wantFault(t, other.call(actionCreate, "", shellBody), 2150859179, "w:QuotaLimit")
	c.start(shell, "wait")
	c.start(shell, "wait")
	wantFault(t, c.call(actionCommand, shell, commandBody("wait")), 1816, "w:InternalError")
	c.ok(c.delete(shell))
	shell = c.create()
	for range 3 {
		c.receiveAll(shell, c.start(shell, "echo x"))
	}
	wantFault(t, c.call(actionCommand, shell, commandBody("echo x")), 2150859241, "w:QuotaLimit")
}

func TestTooManyRequestsAtATime(t *testing.T) {
	t.Parallel()
	q := Server2016.Quotas()
	q.MaxConnections = 1
	h := basicHost(t, Options{Quotas: &q})
	c := h.caller(t)
	shell := c.create()
	command := c.start(shell, "wait")
	got := make(chan reply)
	go func() {
		r, _ := c.try(c.message(actionReceive, resourceCmd, shell, receiveBody(command)))
		got <- r
	}()
	waitUntil(t, func() bool { return h.Counts().Receive == 1 })
	if r := c.call(actionDelete, shell, ""); r.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", r.status)
	}
	h.endShells()
	wantFault(t, <-got, 995, "w:InternalError")
}

func TestShellVanishesBetweenMessages(t *testing.T) {
	t.Parallel()
	h := basicHost(t, Options{})
	c := h.caller(t)
	shell := c.create()
	h.SetFaults(Faults{Vanish: 2})
	command := c.start(shell, "wait")
	r := c.call(actionReceive, shell, receiveBody(command))
	wantFault(t, r, 2150858843, "w:InvalidSelectors")
	if _, _, text := r.fault(); !strings.Contains(text, "The request for the Windows Remote Shell with ShellId "+shell+" failed because the shell was not found on the server.") {
		t.Error(text)
	}
	waitUntil(t, func() bool { return h.machine.running.Load() == 0 })
	c.run("echo x", "")
}

func TestResetInMidReceive(t *testing.T) {
	t.Parallel()
	h := basicHost(t, Options{Faults: Faults{Reset: 2}})
	c := h.caller(t)
	shell := c.create()
	command := c.start(shell, "echo once")
	for range 2 {
		_, err := c.try(c.message(actionReceive, resourceCmd, shell, receiveBody(command)))
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("error %v", err)
		}
	}
	// Nothing is lost: a Receive may be repeated.
	if o, _ := c.receiveAll(shell, command); string(o.stdout) != "once\r\n" {
		t.Errorf("%q", o.stdout)
	}
}

func TestChunkedAnswers(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{Faults: Faults{Chunked: true}}).caller(t)
	r := c.call(actionCreate, "", shellBody)
	c.ok(r)
	if _, there := r.header["Content-Length"]; there {
		t.Error("the answer has a length")
	}
	if o := c.run("out 5000", ""); len(o.stdout) != 5000 {
		t.Errorf("%d bytes", len(o.stdout))
	}
}

func TestRunesSplitBetweenStreams(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{Faults: Faults{SplitRunes: true}}).caller(t)
	shell := c.create()
	command := c.start(shell, "umlauts")
	body := c.ok(c.call(actionReceive, shell, receiveBody(command)))
	var o received
	o.read(t, body)
	if string(o.stdout) != umlauts || o.streams < 3 {
		t.Errorf("%q in %d streams", o.stdout, o.streams)
	}
	first := body.child(nsShell, "ReceiveResponse").children[0]
	var one received
	one.read(t, &element{children: []*element{{name: body.child(nsShell, "ReceiveResponse").name, children: []*element{first}}}})
	if utf8.Valid(one.stdout) {
		t.Errorf("%q is whole", one.stdout)
	}
}

func TestClixmlOnStderrWithExitZero(t *testing.T) {
	t.Parallel()
	o := basicHost(t, Options{Faults: Faults{Clixml: true}}).caller(t).run("echo fine", "")
	if !bytes.HasPrefix(o.stderr, []byte("#< CLIXML\r\n<Objs ")) || !bytes.HasSuffix(o.stderr, []byte("</Objs>")) || o.exit != 0 || string(o.stdout) != "fine\r\n" {
		t.Errorf("%q %q %d", o.stdout, o.stderr, o.exit)
	}
}

func TestDoneBeforeAllStdinWasSent(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{}).caller(t)
	shell := c.create()
	command := c.start(shell, "exit 3")
	o, _ := c.receiveAll(shell, command)
	if o.exit != 3 {
		t.Errorf("exit %d", o.exit)
	}
	r := c.send(shell, command, []byte("too late"), false)
	wantFault(t, r, 109, "w:InternalError")
	if _, _, text := r.fault(); !strings.Contains(text, "The pipe has been ended.") {
		t.Error(text)
	}
}

func TestSendToAProcessThatDoesNotRead(t *testing.T) {
	t.Parallel()
	h := basicHost(t, Options{})
	c := h.caller(t)
	c.timeout = "PT0.5S"
	shell := c.create()
	command := c.start(shell, "sleep 1500ms")
	data := bytes.Repeat([]byte("x"), inputSize+1)
	wantFault(t, c.send(shell, command, data, false), 2150858793, "w:TimedOut")
	wantFault(t, c.send(shell, command, data, false), 170, "w:InternalError")
	c.receiveAll(shell, command)
	// One that ends while the pipe is full.
	c.timeout = "PT20S"
	wantFault(t, c.send(shell, c.start(shell, "sleep 300ms"), data, false), 109, "w:InternalError")
	h.SetFaults(Faults{Busy: 1})
	command = c.start(shell, "count")
	wantFault(t, c.send(shell, command, []byte("abc"), true), 170, "w:InternalError")
	c.ok(c.send(shell, command, []byte("abc"), true))
}

func TestCreateResponseWithoutShell(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Faults: Faults{NoShellBody: true}}, {Release: Server2008R2}} {
		c := basicHost(t, o).caller(t)
		body := c.ok(c.call(actionCreate, "", shellBody))
		if body.child(nsShell, "Shell") != nil || body.child(nsTransfer, "ResourceCreated") == nil {
			t.Error("there is a shell in it")
		}
		if o := c.run("echo x", ""); string(o.stdout) != "x\r\n" {
			t.Errorf("%q", o.stdout)
		}
	}
}

func TestGetAnd404And405And411(t *testing.T) {
	t.Parallel()
	h := basicHost(t, Options{})
	c := h.caller(t)
	for _, want := range []struct {
		method, path string
		status       int
	}{{"GET", "/wsman", 405}, {"PUT", "/wsman", 405}, {"POST", "/", 404}, {"GET", "/", 404}, {"POST", "/wsman/x", 404}, {"POST", "/WSMAN?PSVersion=5.1", 401}} {
		r, _ := http.NewRequest(want.method, "http://"+h.addr+want.path, strings.NewReader(""))
		got, err := c.do(r)
		if err != nil || got.status != want.status {
			t.Errorf("%s %s: %d %v, want %d", want.method, want.path, got.status, err, want.status)
		}
	}
	for _, head := range []string{"", "Transfer-Encoding: chunked\r\n"} {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /wsman HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n0\r\n\r\n", head)
		text, _ := io.ReadAll(conn)
		if !bytes.HasPrefix(text, []byte("HTTP/1.1 411 ")) {
			t.Errorf("%s", text)
		}
		conn.Close()
	}
}

func TestAHostThatIsNoWinRM(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{Faults: Faults{Status: 404}}).caller(t)
	if r := c.call(actionCreate, "", shellBody); r.status != 404 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Errorf("%d %s", r.status, r.header)
	}
}

func TestAHostThatNeverAnswers(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{Faults: Faults{Silent: true}}).caller(t)
	c.http.Timeout = 300 * time.Millisecond
	var timeout net.Error
	if _, err := c.try(c.message(actionCreate, resourceCmd, "", shellBody)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v", err)
	}
}

func TestCommandLineLimit(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{}).caller(t)
	if o := c.run("echo "+strings.Repeat("ü", cmdLimit-5), ""); o.exit != 0 || len(o.stdout) != 2*(cmdLimit-5)+2 {
		t.Errorf("%d %d", o.exit, len(o.stdout))
	}
	if o := c.run("echo "+strings.Repeat("x", cmdLimit-4), ""); o.exit != 1 || string(o.stderr) != "The command line is too long.\r\n" || len(o.stdout) > 0 {
		t.Errorf("%d %q", o.exit, o.stderr)
	}
	shell := c.create()
	wantFault(t, c.call(actionCommand, shell, commandBody("echo x"), "WINRS_SKIP_CMD_SHELL", "TRUE"), 2147942402, "w:InternalError")
	c.ok(c.call(actionCommand, shell, commandBody(`C:\Windows\System32\whoami.exe /all`+strings.Repeat(" ", 9000)), "WINRS_SKIP_CMD_SHELL", "TRUE"))
}

func TestReceiveIsHeldNoShorterThanHalfASecond(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{}).caller(t)
	c.timeout = "PT0.05S"
	shell := c.create()
	command := c.start(shell, "wait")
	began := time.Now()
	wantFault(t, c.call(actionReceive, shell, receiveBody(command)), 2150858793, "w:TimedOut")
	if held := time.Since(began); held < 450*time.Millisecond || held > 5*time.Second {
		t.Errorf("held for %v", held)
	}
}

func TestRemoteShellsDisabledAndAccessDenied(t *testing.T) {
	t.Parallel()
	c := basicHost(t, Options{Faults: Faults{ShellsDisabled: true}}).caller(t)
	wantFault(t, c.call(actionCreate, "", shellBody), 2150859180, "w:AccessDenied")
	c = basicHost(t, Options{Faults: Faults{AccessDenied: true}}).caller(t)
	wantFault(t, c.call(actionCreate, "", shellBody), 5, "w:AccessDenied")
	c = basicHost(t, Options{Accounts: []Account{{Name: testUser, Password: testPassword}}}).caller(t)
	wantFault(t, c.call(actionCreate, "", shellBody), 5, "w:AccessDenied")
}

func TestAllowUnencrypted(t *testing.T) {
	t.Parallel()
	// Basic over HTTP is not even offered without it.
	c := serve(t, Options{Schemes: Schemes{Basic: true, Negotiate: true}}).caller(t)
	r := c.call(actionCreate, "", shellBody)
	if got := r.header.Values("WWW-Authenticate"); r.status != 401 || fmt.Sprint(got) != "[Negotiate]" {
		t.Errorf("%d %q", r.status, got)
	}
	cert := certificate(t, nil)
	h := serve(t, Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Schemes: Schemes{Basic: true, Negotiate: true, Certificate: true}})
	c = h.caller(t)
	c.http.Transport.(*http.Transport).TLSClientConfig = trust(cert)
	c.run("echo x", "")
	c.password = "wrong"
	r = c.call(actionCreate, "", shellBody)
	if got := r.header.Values("WWW-Authenticate"); r.status != 401 || fmt.Sprint(got) != `[Negotiate `+mutualScheme+` Basic realm="WSMAN"]` {
		t.Errorf("%d %q", r.status, got)
	}
	if n := h.Counts(); n.Refused != 1 || n.Logons != 1 || n.Unsealed != 0 {
		t.Errorf("%+v", n)
	}
}
