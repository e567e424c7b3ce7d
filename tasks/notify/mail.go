package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// mailer sends mail: smtp:// begins in plain text and must become TLS (port 587),
// smtps:// is TLS from the start (port 465).
type mailer struct {
	base
	server   string // host:port
	host     string
	implicit bool
	config   *tls.Config
	from     *mail.Address
	to       []*mail.Address
	user     string
	password string
}

func newMail(b base) (Receiver, error) {
	u := b.address.URL
	m := &mailer{base: b, host: u.Hostname(), implicit: u.Scheme == "smtps"}
	if m.host == "" {
		return nil, errors.New("it names no mail server")
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "465", false: "587"}[m.implicit]
	}
	m.server = net.JoinHostPort(m.host, port)
	for name := range u.Query() {
		if name != "from" && name != "to" {
			return nil, fmt.Errorf("there is no %q in a mail's URL; there are from and to", clean(name))
		}
	}
	var err error
	if m.from, err = mail.ParseAddress(u.Query().Get("from")); err != nil {
		return nil, errors.New("from= is no mail address")
	}
	for _, list := range u.Query()["to"] {
		to, err := mail.ParseAddressList(list)
		if err != nil {
			return nil, errors.New("to= is no list of mail addresses")
		}
		m.to = append(m.to, to...)
	}
	if len(m.to) == 0 {
		return nil, errors.New("to= is missing")
	}
	if u.User != nil {
		m.user = u.User.Username()
		m.password, _ = u.User.Password()
	}
	if b.address.NoTLS && m.password != "" && !loopback(m.host) {
		return nil, errors.New("tls=none would send the password in plain text")
	}
	if m.config, err = m.tls(); err != nil {
		return nil, err
	}
	m.config.ServerName = m.host
	return m, nil
}

// Send mails the message. A server that refuses for good (5xx) is not asked again.
func (m *mailer) Send(ctx context.Context, msg *Message) error {
	err := m.send(ctx, msg)
	var refused *textproto.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Code/100 == 5:
		return Final{m.address.scrub(err)}
	}
	var final Final
	if errors.As(err, &final) {
		return Final{m.address.scrub(final.Err)}
	}
	return m.address.scrub(ended(ctx, err))
}

func (m *mailer) send(ctx context.Context, msg *Message) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	// net/smtp knows no context: its end closes the line.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if m.implicit {
		conn = tls.Client(conn, m.config)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return err
	}
	if !m.implicit {
		if ok, _ := c.Extension("STARTTLS"); ok {
			if err := c.StartTLS(m.config); err != nil {
				return err
			}
		} else if !m.address.NoTLS {
			return Final{errors.New("the mail server offers no STARTTLS; tls=none after \"#\" goes without")}
		}
	}
	if m.password != "" {
		if err := c.Auth(m.auth(c)); err != nil {
			return err
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return err
	}
	for _, to := range m.to {
		if err := c.Rcpt(to.Address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.letter(msg)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the mail is accepted already
	return nil
}

// auth is PLAIN, or LOGIN where the server knows only that.
func (m *mailer) auth(c *smtp.Client) smtp.Auth {
	if _, offered := c.Extension("AUTH"); offered != "" && !strings.Contains(" "+offered+" ", " PLAIN ") && strings.Contains(" "+offered+" ", " LOGIN ") {
		return &loginAuth{m.user, m.password}
	}
	return smtp.PlainAuth("", m.user, m.password, m.host)
}

// loginAuth is the LOGIN mechanism, which some servers have alone.
type loginAuth struct{ user, password string }

func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !loopback(server.Name) {
		return "", nil, errors.New("the line is not encrypted")
	}
	return "LOGIN", nil, nil
}

func (a *loginAuth) Next(question []byte, more bool) ([]byte, error) {
	switch asked := strings.ToLower(string(question)); {
	case !more:
		return nil, nil
	case strings.HasPrefix(asked, "user"):
		return []byte(a.user), nil
	case strings.HasPrefix(asked, "pass"):
		return []byte(a.password), nil
	}
	return nil, errors.New("the mail server asks for what LOGIN does not know")
}

// letter is the mail itself, as RFC 5322 and MIME have it.
func (m *mailer) letter(msg *Message) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	var to []string
	for _, a := range m.to {
		to = append(to, a.String())
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	header("From", m.from.String())
	header("To", strings.Join(to, ",\r\n "))
	header("Subject", mime.QEncoding.Encode("utf-8", fmt.Sprintf("farmwall: farm %s: %s", clean(msg.Farm), msg.Condition)))
	header("Date", msg.Time.Format(time.RFC1123Z))
	header("Message-ID", fmt.Sprintf("<%s.%s@%s>", msg.Delivery, hex.EncodeToString([]byte(msg.Event)), domain))
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	fmt.Fprintf(body, "%s\r\n\r\nsince %s\r\n", msg.Text, msg.Since.Format(time.RFC3339))
	for _, h := range msg.Hosts {
		fmt.Fprintf(body, "\r\n%s: %s", h.Host, h.Status)
		if h.Changes > 0 {
			fmt.Fprintf(body, ", %d differences", h.Changes)
		}
		for _, more := range []string{h.Cause, h.Error, h.Hint} {
			if more != "" {
				fmt.Fprintf(body, "; %s", more)
			}
		}
	}
	if msg.More > 0 {
		fmt.Fprintf(body, "\r\nand %d more hosts", msg.More)
	}
	fmt.Fprintf(body, "\r\n")
	body.Close()
	return b.Bytes()
}
