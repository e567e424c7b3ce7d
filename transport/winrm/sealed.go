package winrm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
)

const (
	typeSOAP   = "application/soap+xml;charset=UTF-8"
	typeSealed = "multipart/encrypted"
	boundary   = "Encrypted Boundary"
	octets     = "Content-Type: application/octet-stream\r\n"
)

// sealedProtocol names the form of sealed bodies (MS-WSMV 2.2.9.1).
func sealedProtocol(scheme string) string {
	if scheme == schemeKerberos {
		return "application/HTTP-Kerberos-session-encrypted"
	}
	return "application/HTTP-SPNEGO-session-encrypted"
}

// encodeSealed makes the body of a request from a sealed message; length is the
// plain one's.
func encodeSealed(scheme string, length int, header, data []byte) (contentType string, body []byte) {
	p := sealedProtocol(scheme)
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\n\tContent-Type: %s\r\n\tOriginalContent: type=%s;Length=%d\r\n--%s\r\n\t%s", boundary, p, typeSOAP, length, boundary, octets)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	b.Write(header)
	b.Write(data)
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return fmt.Sprintf(`%s;protocol="%s";boundary="%s"`, typeSealed, p, boundary), b.Bytes()
}

var errSealed = errors.New("the sealed answer is not whole")

// cutSealed takes a sealed body apart. Sealed bytes may hold anything, so the
// head is found from the front, the end from the end, and the rest by length.
func cutSealed(contentType string, body []byte) (length int, header, data []byte, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.EqualFold(kind, typeSealed) {
		return 0, nil, nil, errSealed
	}
	mark := "--" + params["boundary"]
	// Services of Exchange's kind write a blank behind the dashes.
	end := bytes.TrimRight(body, "\r\n")
	for _, m := range []string{mark + "--", "-- " + params["boundary"] + "--"} {
		if rest, ok := bytes.CutSuffix(end, []byte(m)); ok && len(params["boundary"]) > 0 {
			end, mark = rest, ""
			break
		}
	}
	i := bytes.Index(end, []byte(octets))
	if mark != "" || i < 0 {
		return 0, nil, nil, errSealed
	}
	head, rest := string(end[:i]), end[i+len(octets):]
	_, after, ok := strings.Cut(head, "Length=")
	digits, _, _ := strings.Cut(after, "\r\n")
	digits, _, _ = strings.Cut(digits, ";")
	length, err = strconv.Atoi(strings.TrimSpace(digits))
	if !ok || err != nil || length < 0 || len(rest) < 4 {
		return 0, nil, nil, errSealed
	}
	n := binary.LittleEndian.Uint32(rest)
	if uint64(n) > uint64(len(rest)-4) {
		return 0, nil, nil, errSealed
	}
	return length, rest[4 : 4+n], rest[4+n:], nil
}

// seal makes a sealed body with the context.
func seal(m mechanism, plain []byte) (contentType string, body []byte, err error) {
	header, data, err := m.Seal(plain)
	if err != nil {
		return "", nil, err
	}
	contentType, body = encodeSealed(m.Scheme(), len(plain), header, data)
	return contentType, body, nil
}

// unseal opens a sealed body with the context.
func unseal(m mechanism, contentType string, body []byte) ([]byte, error) {
	length, header, data, err := cutSealed(contentType, body)
	if err != nil {
		return nil, err
	}
	plain, err := m.Unseal(header, data)
	if err != nil {
		return nil, err
	}
	// Kerberos may count padding too.
	if over := length - len(plain); over < 0 || over > 16 {
		return nil, errSealed
	}
	return plain, nil
}
