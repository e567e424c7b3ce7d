package wsman

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestACommandFromCreateToDelete(t *testing.T) {
	h := basicHost(t, Options{})
	c := h.caller(t)
	for _, want := range []struct {
		line, stdin, stdout, stderr string
		exit                        int64
	}{
		{"echo hello <&> \"world\"", "", "hello <&> \"world\"\r\n", "", 0},
		{"err bad things", "", "", "bad things", 0},
		{"exit 7", "", "", "", 7},
		{"exit -1073741510", "", "", "", -1073741510},
		{"exit 3221225786", "", "", "", 3221225786},
		{"type", "some input", "some input", "", 0},
		{"umlauts", "", umlauts, "", 0},
		{"nonsense", "", "", "'nonsense' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 1},
		{"missing", "", "", "\"missing\" is not recognized as an internal or external command\r\n", 1},
	} {
		o := c.run(want.line, want.stdin)
		if string(o.stdout) != want.stdout || string(o.stderr) != want.stderr || o.exit != want.exit || o.ends != 2 {
			t.Errorf("%s: %q %q %d, %d ends", want.line, o.stdout, o.stderr, o.exit, o.ends)
		}
	}
	n := h.Counts()
	if n.Create != 9 || n.Command != 9 || n.Send != 1 || n.Receive != 9 || n.Signal != 9 || n.Delete != 9 || n.Messages != 46 || n.Requests != 46 ||
		n.Shells != 0 || n.Commands != 0 || n.Faults != 0 || n.Connections != 1 || n.Logons != 1 {
		t.Errorf("counts %+v", n)
	}
}

func TestAnswersRelateToTheirRequest(t *testing.T) {
	c := basicHost(t, Options{}).caller(t)
	text := c.message(actionCreate, resourceCmd, "", shellBody)
	id := regexp.MustCompile(`uuid:[0-9a-f-]+`).FindString(text)
	r := c.post(text)
	c.ok(r)
	header := r.root.child(nsSoap, "Header")
	if got := header.child(nsAddressing, "RelatesTo").value(); got != id {
		t.Errorf("RelatesTo %q, want %q", got, id)
	}
	if got := header.child(nsAddressing, "MessageID").value(); !regexp.MustCompile(`^uuid:[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`).MatchString(got) {
		t.Errorf("MessageID %q", got)
	}
	if got := header.child(nsAddressing, "Action").value(); got != actionCreate+"Response" {
		t.Errorf("Action %q", got)
	}
	if header.child(nsMicrosoft, "ActivityId") == nil {
		t.Error("no ActivityId")
	}
	if got := r.header.Get("Content-Type"); got != soapType {
		t.Errorf("Content-Type %q", got)
	}
	if got := r.header.Get("Server"); got != "Microsoft-HTTPAPI/2.0" {
		t.Errorf("Server %q", got)
	}
}

func TestCreateResponseNamesTheClient(t *testing.T) {
	c := basicHost(t, Options{Name: "RDSH1"}).caller(t)
	shell := c.ok(c.call(actionCreate, "", shellBody)).child(nsShell, "Shell")
	for name, want := range map[string]string{"Owner": `RDSH1\adm`, "ClientIP": "127.0.0.1", "ResourceUri": resourceCmd, "IdleTimeOut": "PT7200.000S", "InputStreams": "stdin"} {
		if got := shell.child(nsShell, name).value(); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
}

func TestAShellKeepsTheClientsIdAndEnvironment(t *testing.T) {
	c := basicHost(t, Options{}).caller(t)
	value := strings.Repeat("<&>ü ", 6000) // 30,000 characters
	body := `<rsp:Shell ShellId="11111111-2222-3333-4444-555555555abc"><rsp:Environment><rsp:Variable Name="FW_OTHER">1</rsp:Variable><rsp:Variable Name="FW_TEST">` +
		escape(value) + `</rsp:Variable></rsp:Environment><rsp:InputStreams>stdin</rsp:InputStreams></rsp:Shell>`
	created := c.ok(c.call(actionCreate, "", body)).child(nsShell, "Shell")
	id := created.child(nsShell, "ShellId").value()
	if id != "11111111-2222-3333-4444-555555555abc" {
		t.Errorf("ShellId %q", id)
	}
	o, _ := c.receiveAll(id, c.start(id, "who"))
	if want := fmt.Sprintf("%q", value); !strings.HasSuffix(string(o.stdout), want) || !strings.HasPrefix(string(o.stdout), `WIN-LAB\adm true 127.0.0.1:`) {
		t.Errorf("%.200q", o.stdout)
	}
	wantFault(t, c.call(actionCreate, "", body), 87, "w:InvalidParameter")
}

func TestArgumentsJoinTheCommand(t *testing.T) {
	c := basicHost(t, Options{}).caller(t)
	shell := c.create()
	r := c.ok(c.call(actionCommand, shell, `<rsp:CommandLine CommandId="ABC"><rsp:Command><![CDATA[echo]]></rsp:Command><rsp:Arguments>one two</rsp:Arguments><rsp:Arguments>"three"</rsp:Arguments></rsp:CommandLine>`,
		"winrs_consolemode_stdin", "True"))
	if id := r.child(nsShell, "CommandResponse").child(nsShell, "CommandId").value(); id != "ABC" {
		t.Errorf("CommandId %q", id)
	}
	if o, _ := c.receiveAll(shell, "abc"); string(o.stdout) != "one two \"three\"\r\n" {
		t.Errorf("%q", o.stdout)
	}
}

func TestConsoleInputNeverEnds(t *testing.T) {
	h := basicHost(t, Options{})
	c := h.caller(t)
	c.timeout = "PT0.5S"
	shell := c.create()
	body := c.ok(c.call(actionCommand, shell, commandBody("count"), "WINRS_CONSOLEMODE_STDIN", "TRUE"))
	command := body.child(nsShell, "CommandResponse").child(nsShell, "CommandId").value()
	c.ok(c.send(shell, command, []byte("12345"), true))
	wantFault(t, c.call(actionReceive, shell, receiveBody(command)), 2150858793, "w:TimedOut")
	// Ctrl-C reaches it there, and nowhere else.
	c.ok(c.signal(shell, command, signalPrefix+"ctrl_c"))
	if o, _ := c.receiveAll(shell, command); o.exit != controlC {
		t.Errorf("exit %d", o.exit)
	}
	piped := c.start(shell, "count")
	c.ok(c.signal(shell, piped, signalPrefix+"ctrl_c"))
	c.ok(c.send(shell, piped, []byte("12345"), true))
	if o, _ := c.receiveAll(shell, piped); string(o.stdout) != "5" || o.exit != 0 {
		t.Errorf("%q %d", o.stdout, o.exit)
	}
}

func TestLongOutputIsSplitToFitTheClientsEnvelope(t *testing.T) {
	for _, envelope := range []int{minEnvelope, defaultEnvelope, 512000} {
		c := basicHost(t, Options{}).caller(t)
		c.envelope = envelope
		shell := c.create()
		const size = 1_234_567
		command := c.start(shell, fmt.Sprint("out ", size))
		var o received
		asked, least := 0, envelope
		for o.state != "Done" {
			r := c.call(actionReceive, shell, receiveBody(command))
			if len(r.text) > envelope {
				t.Fatalf("an answer of %d bytes, the client takes %d", len(r.text), envelope)
			}
			o.read(t, c.ok(r))
			if asked++; o.state != "Done" {
				least = min(least, len(r.text))
			}
		}
		if !bytes.Equal(o.stdout, bytes.Repeat([]byte("0"), size)) {
			t.Errorf("%d bytes", len(o.stdout))
		}
		if perMessage := room(envelope); asked > size/perMessage+3 {
			t.Errorf("%d messages for %d bytes with %d in each", asked, size, perMessage)
		}
	}
}

func TestStdinInManySends(t *testing.T) {
	c := basicHost(t, Options{}).caller(t)
	shell := c.create()
	command := c.start(shell, "type")
	var want []byte
	for i := range 5 {
		part := bytes.Repeat([]byte{byte('a' + i)}, 90_000)
		want = append(want, part...)
		c.ok(c.send(shell, command, part, i == 4))
	}
	if o, _ := c.receiveAll(shell, command); !bytes.Equal(o.stdout, want) {
		t.Errorf("%d bytes of %d", len(o.stdout), len(want))
	}
}

func TestSignalFreesTheCommand(t *testing.T) {
	h := basicHost(t, Options{})
	c := h.caller(t)
	shell := c.create()
	command := c.start(shell, "wait")
	waitUntil(t, func() bool { return h.machine.running.Load() == 1 })
	if n := h.Counts(); n.Shells != 1 || n.Commands != 1 {
		t.Errorf("%+v", n)
	}
	c.ok(c.signal(shell, command, strings.ToUpper(terminate[:len(terminate)-9])+"Terminate"))
	wantFault(t, c.call(actionReceive, shell, receiveBody(command)), 2150858843, "w:InvalidSelectors")
	waitUntil(t, func() bool { return h.machine.running.Load() == 0 })
	if n := h.Counts(); n.Shells != 1 || n.Commands != 0 {
		t.Errorf("%+v", n)
	}
}

func TestAWaitingReceiveIsAbortedBySignalAndByDelete(t *testing.T) {
	h := basicHost(t, Options{})
	c := h.caller(t)
	for _, end := range []func(shell, command string) reply{
		func(shell, command string) reply { return c.signal(shell, command, terminate) },
		func(shell, command string) reply { return c.delete(shell) },
	} {
		shell := c.create()
		command := c.start(shell, "wait")
		got := make(chan reply, 1)
		before := h.Counts().Receive
		go func() {
			r, _ := c.try(c.message(actionReceive, resourceCmd, shell, receiveBody(command)))
			got <- r
		}()
		waitUntil(t, func() bool { return h.Counts().Receive > before })
		c.ok(end(shell, command))
		wantFault(t, <-got, 995, "w:InternalError")
	}
}

func TestAnIdleShellIsDeleted(t *testing.T) {
	q := Server2016.Quotas()
	q.IdleTimeout = 600 * time.Millisecond
	h := basicHost(t, Options{Quotas: &q})
	c := h.caller(t)
	shell := c.create()
	c.start(shell, "wait")
	waitUntil(t, func() bool { return h.Counts().Shells == 0 && h.machine.running.Load() == 0 })
	wantFault(t, c.delete(shell), 2150858843, "w:InvalidSelectors")
	// Each message begins the time anew.
	shell = c.create()
	for range 8 {
		time.Sleep(100 * time.Millisecond)
		c.ok(c.signal(shell, c.start(shell, "echo x"), terminate))
	}
	c.ok(c.delete(shell))
	// The client may ask for less time than the host gives, not for more.
	body := c.ok(c.call(actionCreate, "", strings.Replace(shellBody, "<rsp:Input", "<rsp:IdleTimeOut>PT600.000S</rsp:IdleTimeOut><rsp:Input", 1)))
	if got := body.child(nsShell, "Shell").child(nsShell, "IdleTimeOut").value(); got != "PT0.600S" {
		t.Errorf("IdleTimeOut %s", got)
	}
}

func TestALostClientLeavesItsCommandRunning(t *testing.T) {
	h := basicHost(t, Options{})
	c := h.caller(t)
	shell := c.create()
	command := c.start(shell, "sleep 400ms")
	c.http.Timeout = 100 * time.Millisecond
	if _, err := c.try(c.message(actionReceive, resourceCmd, shell, receiveBody(command))); err == nil {
		t.Fatal("the answer came too early")
	}
	c.http.Timeout = 0
	if o, _ := c.receiveAll(shell, command); string(o.stdout) != "slept" {
		t.Errorf("%q", o.stdout)
	}
}

func TestAShellBelongsToItsUser(t *testing.T) {
	h := basicHost(t, Options{Accounts: []Account{localAdmin, {Name: "other", Password: "x", Remote: true}}})
	c := h.caller(t)
	shell := c.create()
	c.user, c.password = "other", "x"
	wantFault(t, c.call(actionCommand, shell, commandBody("echo x")), 5, "w:AccessDenied")
	if o := c.run("who", ""); !strings.HasPrefix(string(o.stdout), `WIN-LAB\other false `) {
		t.Errorf("%q", o.stdout)
	}
	wantFault(t, c.post(c.message(actionGet, resourceConfig, "", "")), 5, "w:AccessDenied")
}

func TestConfigShowsTheQuotas(t *testing.T) {
	for release, want := range map[Release][]string{
		Server2008R2: {"150", "15", "5", "180000"}, Server2012R2: {"500", "1500", "30", "7200000"}, Server2016: {"500", "1500", "2147483647", "7200000"},
	} {
		c := basicHost(t, Options{Release: release}).caller(t)
		config := c.ok(c.post(c.message(actionGet, resourceConfig, "", ""))).child(nsConfig, "Config")
		service, winrs := config.child(nsConfig, "Service"), config.child(nsConfig, "Winrs")
		got := []string{config.child(nsConfig, "MaxEnvelopeSizekb").value(), service.child(nsConfig, "MaxConcurrentOperationsPerUser").value(),
			winrs.child(nsConfig, "MaxShellsPerUser").value(), winrs.child(nsConfig, "IdleTimeout").value()}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", release, got, want)
		}
		if a := service.child(nsConfig, "Auth"); a.child(nsConfig, "Basic").value() != "true" || a.child(nsConfig, "Kerberos").value() != "false" {
			t.Error("the schemes are wrong")
		}
	}
}

func TestIdentify(t *testing.T) {
	for version, tells := range map[string]string{"": "6.1.7601 SP: 1.0", "6.1.7600": "6.1.7600 SP: 0.0"} {
		identify(t, basicHost(t, Options{Release: Server2008R2, Version: version, Schemes: Schemes{Negotiate: true}}), tells)
	}
}

func identify(t *testing.T, h *host, version string) {
	t.Helper()
	c := h.caller(t)
	body := `<s:Envelope xmlns:s="` + nsSoap + `"><s:Header/><s:Body><i:Identify xmlns:i="` + nsIdentity + `"/></s:Body></s:Envelope>`
	ask := func(path, header string, user string) *element {
		r, _ := http.NewRequest(http.MethodPost, "http://"+h.addr+path, strings.NewReader(body))
		r.Header.Set("Content-Type", soapType)
		if header != "" {
			r.Header.Set("WSMANIDENTIFY", header)
		}
		if user != "" {
			r.SetBasicAuth(user, testPassword)
		}
		got, err := c.do(r)
		if err != nil {
			t.Fatal(err)
		}
		return c.ok(got).child(nsIdentity, "IdentifyResponse")
	}
	for _, withheld := range []*element{ask("/wsman", "unauthenticated", ""), ask(anonymousPath, "", "")} {
		if got := withheld.child(nsIdentity, "ProductVersion").value(); got != "OS: 0.0.0 SP: 0.0 Stack: 2.0" {
			t.Errorf("%q", got)
		}
		if got := len(withheld.child(nsIdentity, "SecurityProfiles").children); got != 2 {
			t.Errorf("%d profiles", got)
		}
	}
	if got := ask("/wsman", "", testUser).child(nsIdentity, "ProductVersion").value(); got != "OS: "+version+" Stack: 2.0" {
		t.Errorf("%q", got)
	}
}

// waitUntil fails when something does not come true.
func waitUntil(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come true")
		}
	}
}
