package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
)

// post is a mail server for one connection after the other.
type post struct {
	listener net.Listener
	config   *tls.Config
	implicit bool
	offers   string // what EHLO says
	refuse   string // the answer to RCPT

	user, password string
	from           string
	to             []string
	letter         string
	encrypted      bool
}

func newPost(t *testing.T, p *post) (address, ca string) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // its certificate names 127.0.0.1
	ca = authority(t, borrowed)
	p.config = &tls.Config{Certificates: borrowed.TLS.Certificates}
	borrowed.Close()
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.listener.Close() })
	go func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.serve(c)
		}
	}()
	return p.listener.Addr().String(), ca
}

// serve speaks as RFC 5321 has it, as far as a client of today asks.
func (p *post) serve(c net.Conn) {
	defer func() { c.Close() }()
	if p.implicit {
		c, p.encrypted = tls.Server(c, p.config), true
	}
	in := bufio.NewReader(c)
	say := func(lines ...string) { io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n") }
	read := func() string {
		line, _ := in.ReadString('\n')
		return strings.TrimRight(line, "\r\n")
	}
	decode := func(s string) string {
		b, _ := base64.StdEncoding.DecodeString(s)
		return string(b)
	}
	say("220 post.example.com")
	for {
		line := read()
		word, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(word) {
		case "EHLO":
			lines := []string{"250-post.example.com"}
			for _, o := range strings.Split(p.offers, ",") {
				if o != "" && (o != "STARTTLS" || !p.encrypted) {
					lines = append(lines, "250-"+o)
				}
			}
			say(append(lines, "250 HELP")...)
		case "STARTTLS":
			say("220 go ahead")
			c, p.encrypted = tls.Server(c, p.config), true
			in = bufio.NewReader(c)
		case "AUTH":
			kind, first, _ := strings.Cut(rest, " ")
			if kind == "PLAIN" {
				parts := strings.Split(decode(first), "\x00")
				p.user, p.password = parts[1], parts[2]
			} else {
				say("334 " + base64.StdEncoding.EncodeToString([]byte("Username:")))
				p.user = decode(read())
				say("334 " + base64.StdEncoding.EncodeToString([]byte("Password:")))
				p.password = decode(read())
			}
			if p.password == "wrong-s3cr3t" {
				say("535 no: " + p.password)
				continue
			}
			say("235 welcome")
		case "MAIL":
			p.from = rest
			say("250 ok")
		case "RCPT":
			if p.refuse != "" {
				say(p.refuse)
				continue
			}
			p.to = append(p.to, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for l := read(); l != "."; l = read() {
				b.WriteString(strings.TrimPrefix(l, ".") + "\n")
			}
			p.letter = b.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		case "":
			return
		default:
			say("502 what?")
		}
	}
}

func TestMailIsSentEncrypted(t *testing.T) {
	for name, p := range map[string]*post{
		"STARTTLS": {offers: "STARTTLS,AUTH PLAIN LOGIN"},
		"LOGIN":    {offers: "STARTTLS,AUTH LOGIN"},
		"TLS":      {implicit: true, offers: "AUTH PLAIN"},
	} {
		t.Run(name, func(t *testing.T) {
			address, ca := newPost(t, p)
			scheme := "smtp"
			if p.implicit {
				scheme = "smtps"
			}
			m := message()
			m.Farm = "nörth"
			r := one(t, scheme+"://bob:s3cr3t%20word@"+address+"?from=Farm+Wall+<fw@example.com>&to=a@example.com,b@example.com#ca="+ca)
			if err := r.Send(context.Background(), m); err != nil {
				t.Fatal(err)
			}
			if !p.encrypted || p.user != "bob" || p.password != "s3cr3t word" || !strings.Contains(p.from, "<fw@example.com>") || len(p.to) != 2 {
				t.Errorf("%+v", p)
			}
			letter, err := mail.ReadMessage(strings.NewReader(p.letter))
			if err != nil {
				t.Fatal(err)
			}
			subject, _ := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
			body, _ := io.ReadAll(quotedprintable.NewReader(letter.Body))
			if subject != "farmwall: farm nörth: drifted" || !strings.Contains(string(body), "rds1: differs, 3 differences; grün") || letter.Header.Get("Auto-Submitted") == "" {
				t.Errorf("%s\n%s", subject, body)
			}
			if to, err := letter.Header.AddressList("To"); err != nil || len(to) != 2 {
				t.Errorf("%v, %v", to, err)
			}
			if _, err := letter.Header.Date(); err != nil || !strings.HasSuffix(letter.Header.Get("Message-ID"), "@example.com>") {
				t.Errorf("%v, %v", err, letter.Header)
			}
		})
	}
}

func TestMailThatCannotBeSent(t *testing.T) {
	for name, c := range map[string]struct {
		post  *post
		url   string
		part  string
		final bool
	}{
		"no STARTTLS":   {&post{offers: "AUTH PLAIN"}, "smtp://bob:s3cr3t@%s?from=a@example.com&to=b@example.com#ca=%s", "no STARTTLS", true},
		"bad password":  {&post{offers: "STARTTLS,AUTH PLAIN"}, "smtp://bob:wrong-s3cr3t@%s?from=a@example.com&to=b@example.com#ca=%s", "535", true},
		"no such box":   {&post{offers: "STARTTLS", refuse: "550 nobody here"}, "smtp://%s?from=a@example.com&to=b@example.com#ca=%s", "550", true},
		"try later":     {&post{offers: "STARTTLS", refuse: "451 later"}, "smtp://%s?from=a@example.com&to=b@example.com#ca=%s", "451", false},
		"other's mail":  {&post{offers: "STARTTLS"}, "smtp://%s?from=a@example.com&to=b@example.com", "certificate", false},
		"plain allowed": {&post{}, "smtp://%s?from=a@example.com&to=b@example.com#tls=none&ca=%s", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			address, ca := newPost(t, c.post)
			text := strings.TrimSuffix(fmt.Sprintf(c.url, address, ca), "%!(EXTRA string="+ca+")")
			err := one(t, text).Send(context.Background(), message())
			_, final := err.(Final)
			if c.part == "" {
				if err != nil {
					t.Errorf("%v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.part) || strings.Contains(err.Error(), "s3cr3t") || final != c.final {
				t.Errorf("final %v: %v", final, err)
			}
		})
	}
}
