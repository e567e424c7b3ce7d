package wsman

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"strings"
)

const prefixes = ` xmlns:s="` + nsSoap + `" xmlns:a="` + nsAddressing + `" xmlns:x="` + nsTransfer +
	`" xmlns:w="` + nsWsman + `" xmlns:rsp="` + nsShell + `" xmlns:p="` + nsMicrosoft + `"`

// envelope writes an answer to a request. modern: the host is a 2012 or later,
// whose answers carry an activity id.
func envelope(action, relatesTo, body string, modern bool) []byte {
	var b strings.Builder
	b.Grow(len(body) + 1024)
	b.WriteString(`<s:Envelope xml:lang="en-US"` + prefixes + "><s:Header><a:Action>" + escape(action) + "</a:Action>")
	b.WriteString("<a:MessageID>uuid:" + newGUID() + "</a:MessageID>")
	if modern {
		b.WriteString(`<p:ActivityId>` + newGUID() + "</p:ActivityId>")
	}
	b.WriteString("<a:To>" + anonymous + "</a:To>")
	if relatesTo != "" {
		b.WriteString("<a:RelatesTo>" + escape(relatesTo) + "</a:RelatesTo>")
	}
	b.WriteString("</s:Header><s:Body>" + body + "</s:Body></s:Envelope>")
	return []byte(b.String())
}

// escape makes text fit for an element or an attribute.
func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text))
	return b.String()
}

// newGUID is a random GUID, in upper case as Windows writes them.
func newGUID() string {
	var g [16]byte
	rand.Read(g[:])
	g[6], g[8] = g[6]&0x0f|0x40, g[8]&0x3f|0x80
	h := strings.ToUpper(hex.EncodeToString(g[:]))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
