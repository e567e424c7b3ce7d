package wsman

import (
	"net/http"
	"strings"
)

const anonymousPath = "/wsman-anon/identify"

func isIdentify(root *element) bool {
	return root.child(nsSoap, "Body").child(nsIdentity, "Identify") != nil
}

// identifyAnonymous answers who asks before logging on; the version is withheld.
func (s *Service) identifyAnonymous(w http.ResponseWriter, body []byte) {
	s.count(func(c *Counts) { c.Messages++ })
	root, err := readXML(body)
	if err != nil || !isIdentify(root) {
		s.unauthorized(w)
		return
	}
	w.Header().Set("Content-Type", soapType)
	s.write(w, http.StatusOK, s.identifyAnswer(false))
}

// identifyAnswer is a whole envelope; it has no addressing header (DSP0226 11).
func (s *Service) identifyAnswer(known bool) []byte {
	s.count(func(c *Counts) { c.Identify++ })
	os, stack := s.o.Release.stack()
	if s.o.Version != "" {
		os = s.o.Version + " SP: 0.0"
	}
	if !known {
		os = "0.0.0 SP: 0.0"
	}
	where := "http"
	if s.o.TLS != nil {
		where = "https"
	}
	var b strings.Builder
	b.WriteString(`<s:Envelope xml:lang="en-US" xmlns:s="` + nsSoap + `"><s:Header/><s:Body><wsmid:IdentifyResponse xmlns:wsmid="` + nsIdentity + `">` +
		"<wsmid:ProtocolVersion>" + nsWsman + "</wsmid:ProtocolVersion><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>" +
		"<wsmid:ProductVersion>OS: " + os + " Stack: " + stack + "</wsmid:ProductVersion><wsmid:SecurityProfiles>")
	for _, p := range []struct {
		on   bool
		name string
	}{{s.offersBasic(), where + "/basic"}, {s.o.Schemes.Negotiate || s.offersKerberos(), where + "/spnego-kerberos"}, {s.offersCertificate(), "https/mutual"}} {
		if p.on {
			b.WriteString("<wsmid:SecurityProfileName>" + secureProfile + p.name + "</wsmid:SecurityProfileName>")
		}
	}
	b.WriteString("</wsmid:SecurityProfiles></wsmid:IdentifyResponse></s:Body></s:Envelope>")
	return []byte(b.String())
}
