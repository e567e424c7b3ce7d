package winrm

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// glass is a context that seals nothing.
type glass struct {
	mechanism
	scheme string
}

func (g glass) Scheme() string { return g.scheme }
func (g glass) Seal(plain []byte) (header, data []byte, err error) {
	return []byte("0123456789abcdef"), plain, nil
}
func (g glass) Unseal(header, data []byte) ([]byte, error) {
	if string(header) != "0123456789abcdef" {
		return nil, errors.New("bad header")
	}
	return data, nil
}

const sealedType = `multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"`

func TestSealedBodies(t *testing.T) {
	for _, plain := range []string{"", "x", "--Encrypted Boundary\r\n", octets + octets, "--Encrypted Boundary--\r\n", strings.Repeat("\r\n", 70000)} {
		for _, scheme := range []string{schemeNegotiate, schemeKerberos} {
			kind, body, err := seal(glass{scheme: scheme}, []byte(plain))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := unseal(glass{scheme: scheme}, kind, body); err != nil || string(got) != plain {
				t.Errorf("%.30q came back as %.30q, %v", plain, got, err)
			}
		}
	}
	kind, body, _ := seal(glass{scheme: schemeNegotiate}, []byte("text"))
	if kind != sealedType || !bytes.HasPrefix(body, []byte("--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=4\r\n"+
		"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\x10\x00\x00\x00")) || !bytes.HasSuffix(body, []byte("text--Encrypted Boundary--\r\n")) {
		t.Errorf("%s: %q", kind, body)
	}
	// What other services are known to send.
	for _, other := range []func([]byte) []byte{
		func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\t"), nil) },
		func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("--Encrypted Boundary"), []byte("-- Encrypted Boundary"))
		},
		func(b []byte) []byte { return bytes.TrimRight(b, "\r\n") },
	} {
		b := other(bytes.Clone(body))
		if got, err := unseal(glass{}, kind, b); err != nil || string(got) != "text" {
			t.Errorf("%q: %q, %v", b, got, err)
		}
	}
	for name, c := range map[string]struct{ kind, from, to string }{
		"kind":         {"application/soap+xml", "", ""},
		"no boundary":  {"multipart/encrypted", "", ""},
		"no end":       {sealedType, "--Encrypted Boundary--\r\n", ""},
		"no length":    {sealedType, "Length=4", ""},
		"short":        {sealedType, "Length=4", "Length=3"},
		"long":         {sealedType, "Length=4", "Length=40"},
		"negative":     {sealedType, "Length=4", "Length=-4"},
		"header size":  {sealedType, "\x10\x00\x00\x00", "\xff\xff\xff\xff"},
		"no octets":    {sealedType, "octet-stream", "octets"},
		"plain answer": {sealedType, string(body), "<s:Envelope/>"},
	} {
		if got, err := unseal(glass{}, c.kind, bytes.Replace(body, []byte(c.from), []byte(c.to), 1)); err == nil {
			t.Errorf("%s: taken as %q", name, got)
		}
	}
}

func FuzzSealedBody(f *testing.F) {
	_, body, _ := seal(glass{scheme: schemeNegotiate}, []byte("text"))
	f.Add(sealedType, body)
	f.Add(`multipart/encrypted;boundary=""`, []byte("----"))
	f.Add(sealedType, []byte("--Encrypted Boundary--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		if plain, err := unseal(glass{}, kind, body); err == nil && len(plain) > len(body) {
			t.Errorf("%d bytes of %d", len(plain), len(body))
		}
	})
}
