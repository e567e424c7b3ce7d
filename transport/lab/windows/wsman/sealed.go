package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The wrapping of sealed messages (MS-WSMV 2.2.9.1).
const (
	protocolSPNEGO   = "application/HTTP-SPNEGO-session-encrypted"
	protocolKerberos = "application/HTTP-Kerberos-session-encrypted"
	boundary         = "Encrypted Boundary"
)

func isSealed(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/encrypted")
}

var errSealed = errors.New("not a sealed message")

// unsealBody opens a sealed message, and returns the protocol to answer with.
func unsealBody(context acceptor, contentType string, body []byte) (plain []byte, protocol string, err error) {
	if context == nil {
		return nil, "", errors.New("nobody has logged on on this connection")
	}
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, "", err
	}
	for _, p := range []string{protocolSPNEGO, protocolKerberos} {
		if strings.EqualFold(parameters["protocol"], p) {
			protocol = p
		}
	}
	if protocol == "" {
		return nil, "", errSealed
	}
	header, data, length, err := parseSealed(body, parameters["boundary"])
	if err != nil {
		return nil, "", err
	}
	if plain, err = context.Unseal(header, data); err != nil {
		return nil, "", err
	}
	// Padding, where a cipher needs it, counts in the length.
	if length < len(plain) || length > len(plain)+16 {
		return nil, "", errSealed
	}
	return plain, protocol, nil
}

// parseSealed cuts a body by its lines at the front and by the trailer at the end:
// what is between may hold any bytes. Blanks before header lines, a blank after
// the dashes and a line end after the trailer are as clients like.
func parseSealed(body []byte, boundary string) (header, data []byte, length int, err error) {
	line := func() (string, bool) {
		text, rest, ok := bytes.Cut(body, []byte("\r\n"))
		body = rest
		return strings.TrimSpace(string(text)), ok
	}
	isDelimiter := func(text string) bool {
		text, ok := strings.CutPrefix(text, "--")
		return ok && strings.TrimSpace(text) == boundary && boundary != ""
	}
	first, ok := line()
	if !ok || !isDelimiter(first) {
		return nil, nil, 0, errSealed
	}
	length = -1
	for {
		text, ok := line()
		if !ok {
			return nil, nil, 0, errSealed
		}
		if isDelimiter(text) {
			break
		}
		name, value, _ := strings.Cut(text, ":")
		if strings.EqualFold(name, "OriginalContent") {
			for _, p := range strings.Split(value, ";") {
				if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), "Length") {
					if length, err = strconv.Atoi(strings.TrimSpace(v)); err != nil || length < 0 {
						return nil, nil, 0, errSealed
					}
				}
			}
		}
	}
	kind, ok := line()
	name, value, _ := strings.Cut(kind, ":")
	if !ok || length < 0 || !strings.EqualFold(name, "Content-Type") || !strings.EqualFold(strings.TrimSpace(value), "application/octet-stream") {
		return nil, nil, 0, errSealed
	}
	body = bytes.TrimSuffix(body, []byte("\r\n"))
	body, ok = bytes.CutSuffix(body, []byte(boundary+"--"))
	body = bytes.TrimSuffix(body, []byte(" "))
	body, dashes := bytes.CutSuffix(body, []byte("--"))
	if !ok || !dashes || len(body) < 4 {
		return nil, nil, 0, errSealed
	}
	n := binary.LittleEndian.Uint32(body)
	body = body[4:]
	if uint64(n) > uint64(len(body)) {
		return nil, nil, 0, errSealed
	}
	return body[:n], body[n:], length, nil
}

// sealBody wraps a message. The header lines begin with TAB and Length stands last:
// clients' parsers want it so.
func sealBody(context acceptor, protocol string, plain []byte) (body []byte, contentType string, err error) {
	header, data, err := context.Seal(plain)
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	b.Grow(len(header) + len(data) + 512)
	fmt.Fprintf(&b, "--%s\r\n\tContent-Type: %s\r\n\tOriginalContent: type=%s;Length=%d\r\n--%s\r\n\tContent-Type: application/octet-stream\r\n",
		boundary, protocol, soapType, len(plain), boundary)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	b.Write(header)
	b.Write(data)
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes(), `multipart/encrypted;protocol="` + protocol + `";boundary="` + boundary + `"`, nil
}
