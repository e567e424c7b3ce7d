package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// webhook posts JSON: the message itself, or for teams+https a card as the workflows
// of Microsoft Teams take it.
type webhook struct {
	base
	client *http.Client
	url    string
	body   func(m *Message) any
}

func newWebhook(b base) (Receiver, error) {
	w := &webhook{base: b, body: func(m *Message) any { return m }}
	u := *b.address.URL
	switch u.Scheme {
	case "http", "https":
	case "teams+https":
		u.Scheme, w.body = "https", teamsCard
	default:
		return nil, fmt.Errorf("there is no kind %q of webhooks", clean(u.Scheme))
	}
	if u.Host == "" {
		return nil, errors.New("it names no host")
	}
	config, err := w.tls()
	if err != nil {
		return nil, err
	}
	w.url = u.String()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.DisableKeepAlives = config, true
	w.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a message goes where it was meant to go
	}}
	return w, nil
}

// Send posts the message. The signature is over the time, a dot and the body, so that
// an old message cannot be sent again.
func (w *webhook) Send(ctx context.Context, m *Message) error {
	body, err := json.Marshal(w.body(m))
	if err != nil {
		return Final{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return Final{w.address.scrub(err)}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "farmwall")
	req.Header.Set("X-Farmwall-Delivery", m.Delivery)
	if key := w.address.HMAC; key != "" {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		req.Header.Set("X-Farmwall-Timestamp", at)
		req.Header.Set("X-Farmwall-Signature", "sha256="+Signature(key, at, body))
	}
	answer, err := w.client.Do(req)
	if err != nil {
		return w.address.scrub(ended(ctx, err))
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection ends in order
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return nil
	case code/100 == 5 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return fmt.Errorf("it answered %d", code)
	default:
		return Final{fmt.Errorf("it answered %d", code)}
	}
}

// Signature is what X-Farmwall-Signature holds after "sha256=": the HMAC-SHA256, in
// hexadecimal, of the timestamp, a dot and the body.
func Signature(key, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, []byte(key))
	io.WriteString(h, timestamp+".")
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// teamsCard is a message for the trigger "When a Teams webhook request is received",
// which takes adaptive cards only.
func teamsCard(m *Message) any {
	block := func(text string, more map[string]any) map[string]any {
		out := map[string]any{"type": "TextBlock", "text": markdownless(text), "wrap": true}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	colour := "attention"
	if m.Condition == OK || m.Condition == Fixed {
		colour = "good"
	}
	return map[string]any{"type": "message", "attachments": []any{map[string]any{
		"contentType": "application/vnd.microsoft.card.adaptive",
		"content": map[string]any{
			"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
			"body": []any{
				block(fmt.Sprintf("farmwall: farm %s: %s", m.Farm, m.Condition), map[string]any{"weight": "bolder", "color": colour}),
				block(m.Text, nil),
			},
		},
	}}}
}

// markdownless keeps a text from being read as Markdown.
func markdownless(text string) string {
	return strings.NewReplacer("*", "", "_", "-", "[", "(", "]", ")", "`", "'", "<", "(", ">", ")").Replace(text)
}
