package wsman

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
)

func FuzzReadXML(f *testing.F) {
	c := &caller{envelope: defaultEnvelope, timeout: "PT20S"}
	f.Add([]byte(c.message(actionCreate, resourceCmd, "", shellBody, "WINRS_CODEPAGE", "65001")))
	f.Add([]byte(c.message(actionSend, resourceCmd, "A", c.sendBody("B", []byte("data"), true))))
	f.Add([]byte("\xff\xfe" + string(utf16le("<a b='c'>d<!-- e --><![CDATA[f]]></a>"))))
	f.Add([]byte("\xfe\xff\x00<\x00a\x00/\x00>"))
	f.Add([]byte(strings.Repeat("<a>", 200)))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, err := readXML(text)
		if err != nil {
			return
		}
		if root == nil {
			t.Fatal("neither a document nor an error")
		}
		m, bad := newMessage(root)
		if m == nil {
			t.Fatal("no message")
		}
		if bad == nil && (m.body == nil || m.maxEnvelope < minEnvelope || m.wait < minWait || m.wait > maxWait) {
			t.Errorf("%+v", m)
		}
		// Whatever the client says comes back as XML.
		answer := envelope(m.action, m.id, faultNoShell(m.selectors["ShellId"]).xml("a<b"), true)
		back, err := readXML(answer)
		if err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		if got := back.child(nsSoap, "Header").child(nsAddressing, "RelatesTo").value(); bad == nil && got != m.id && !strings.ContainsAny(m.id, "\r\ufffd") {
			t.Errorf("RelatesTo %q, the message was %q", got, m.id)
		}
	})
}

// FuzzMessages sends any message to a service as an administrator would.
func FuzzMessages(f *testing.F) {
	c := &caller{envelope: defaultEnvelope, timeout: "PT0.5S"}
	shell := `<rsp:Shell ShellId="S"><rsp:Environment><rsp:Variable Name="A">1</rsp:Variable></rsp:Environment><rsp:InputStreams>stdin</rsp:InputStreams></rsp:Shell>`
	for _, text := range []string{
		c.message(actionCreate, resourceCmd, "", shell, "WINRS_CODEPAGE", "65001"),
		c.message(actionCommand, resourceCmd, "S", `<rsp:CommandLine CommandId="D"><rsp:Command>echo</rsp:Command><rsp:Arguments>x</rsp:Arguments></rsp:CommandLine>`),
		c.message(actionSend, resourceCmd, "S", c.sendBody("C", []byte("data"), true)),
		c.message(actionReceive, resourceCmd, "S", receiveBody("C")),
		c.message(actionSignal, resourceCmd, "S", `<rsp:Signal CommandId="C"><rsp:Code>`+terminate+`</rsp:Code></rsp:Signal>`),
		c.message(actionDelete, resourceCmd, "S", ""), c.message(actionGet, resourceConfig, "", ""),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := New(&words{}, Options{Gather: -1, Accounts: []Account{localAdmin}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.endShells()
		l := &line{base: t.Context(), conn: nowhere{}}
		who := &identity{user: `WIN-LAB\adm`, admin: true, shell: true}
		send := func(text []byte) (int, []byte) { return s.serve(context.Background(), l, who, text) }
		send([]byte(c.message(actionCreate, resourceCmd, "", shell)))
		send([]byte(c.message(actionCommand, resourceCmd, "S", `<rsp:CommandLine CommandId="C"><rsp:Command>echo</rsp:Command></rsp:CommandLine>`)))
		code, answer := send(text)
		root, err := readXML(answer)
		if err != nil || root.child(nsSoap, "Body") == nil || code != http.StatusOK && code != http.StatusInternalServerError {
			t.Errorf("%d %v %s", code, err, answer)
		}
	})
}

func FuzzParseSealed(f *testing.F) {
	seal := once{header: []byte("sixteen bytes..."), data: []byte("--Encrypted Boundary\r\nanything--")}
	body, _, err := sealBody(seal, protocolSPNEGO, []byte("plain"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(bytes.ReplaceAll(body, []byte("\t"), nil))
	f.Add(bytes.ReplaceAll(body, []byte("--Enc"), []byte("-- Enc")))
	f.Fuzz(func(t *testing.T, body []byte) {
		header, data, length, err := parseSealed(body, boundary)
		if err != nil {
			return
		}
		if length < 0 || !bytes.Contains(body, append(bytes.Clone(header), data...)) {
			t.Errorf("%q %q %d", header, data, length)
		}
		again, _, err := sealBody(once{header: header, data: data}, protocolKerberos, make([]byte, min(length, 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		h, d, n, err := parseSealed(again, boundary)
		if err != nil || !bytes.Equal(h, header) || !bytes.Equal(d, data) || n != min(length, 1<<20) {
			t.Errorf("%q %q %d %v", h, d, n, err)
		}
	})
}

// FuzzTokens hands any two tokens to the acceptor of Negotiate.
func FuzzTokens(f *testing.F) {
	for _, way := range handshakes(f) {
		f.Add(way[0], way[1])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s, err := New(&words{}, Options{Schemes: Schemes{Negotiate: true}, Accounts: []Account{localAdmin}})
		if err != nil {
			t.Fatal(err)
		}
		a := s.newAcceptor("Negotiate")
		for _, token := range [][]byte{first, second} {
			_, done, err := a.Step(token)
			if done {
				t.Fatal("logged on without the password")
			}
			if err != nil {
				return
			}
		}
	})
}

func FuzzNTLMMessages(f *testing.F) {
	for _, way := range handshakes(f) {
		f.Add(way[0])
		f.Add(way[1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parseNegotiate(b)
		if m, err := parseAuthenticate(b); err == nil && (len(m.response) < 44 || m.hasMIC && len(m.mic) != 16) {
			t.Errorf("%+v", m)
		}
		if pairs, err := parsePairs(b); err == nil {
			for _, v := range pairs {
				if len(v) > len(b) {
					t.Error("a value from outside")
				}
			}
		}
	})
}

func FuzzSPNEGO(f *testing.F) {
	for _, way := range handshakes(f) {
		f.Add(way[0])
		f.Add(way[1])
	}
	f.Add(negResponse{State: negCompleted, Mech: oidNTLM, Token: []byte("token"), MIC: []byte("mic")}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if oid, inner, err := parseGSS(b); err == nil {
			if i, mechs, err := parseInit(inner); err == nil && (len(mechs) == 0 || len(i.Mechs.FullBytes) == 0 || oid == nil) {
				t.Error("no mechanism, and no error")
			}
		}
		r, err := parseResponse(b)
		if err != nil {
			return
		}
		again, err := parseResponse(r.marshal())
		if err != nil || again.State != r.State || !bytes.Equal(again.Token, r.Token) || !bytes.Equal(again.MIC, r.MIC) {
			t.Errorf("%+v %+v %v", r, again, err)
		}
	})
}
