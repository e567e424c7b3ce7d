package winrm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
)

const (
	kdcPatience = 5 * time.Second // for one KDC
	maxReply    = 1 << 20
)

// kdcSilence says that no KDC of a realm answered.
type kdcSilence struct {
	realm string
	tried []string
	sent  bool // the request may have arrived
}

func (e *kdcSilence) Error() string {
	return fmt.Sprintf("no KDC of %s answers: %s", e.realm, strings.Join(e.tried, "; "))
}

// kdcs speaks to the KDCs of a realm, over TCP only: tickets of a domain seldom
// fit in a datagram, and a datagram that is lost would be sent twice.
type kdcs struct {
	realm string
	list  []string
	last  string // who answered
}

func (c *krbConf) kdcsOf(ctx context.Context, realm string) (*kdcs, error) {
	list, err := c.find(ctx, realm)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKDC, err)
	}
	return &kdcs{realm: realm, list: list}, nil
}

// ask sends a request to the first KDC that takes it and returns its reply. once:
// it carries a proof of the password, which must not be shown twice, so that after
// it was sent no other KDC is asked. An error of the KDC is a messages.KRBError.
func (k *kdcs) ask(ctx context.Context, request []byte, once bool) ([]byte, error) {
	silence := &kdcSilence{realm: k.realm}
	list := k.list
	if k.last != "" {
		list = append([]string{k.last}, list...)
	}
	for _, address := range list {
		reply, sent, err := askKDC(ctx, address, request)
		if ctx.Err() != nil {
			silence.sent = silence.sent || sent
			return nil, errors.Join(context.Cause(ctx), silence)
		}
		if err == nil {
			k.last = address
			return reply, kdcError(reply)
		}
		silence.sent = silence.sent || sent
		silence.tried = append(silence.tried, address+" "+lastWord(err))
		if sent && once {
			break
		}
	}
	return nil, silence
}

func askKDC(ctx context.Context, address string, request []byte) (reply []byte, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, kdcPatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(request)))
	if _, err := conn.Write(append(head, request...)); err != nil {
		return nil, true, err
	}
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, true, err
	}
	size := binary.BigEndian.Uint32(head)
	if size == 0 || size > maxReply {
		return nil, true, fmt.Errorf("a reply of %d bytes", size)
	}
	reply = make([]byte, size)
	_, err = io.ReadFull(conn, reply)
	return reply, true, err
}

// kdcError is the error that a reply says, if it is one (RFC 4120 5.9.1).
func kdcError(reply []byte) error {
	var e messages.KRBError
	if len(reply) == 0 || reply[0] != 0x7e {
		return nil
	}
	if err := e.Unmarshal(reply); err != nil {
		return fmt.Errorf("the KDC's error cannot be read: %w", err)
	}
	return e
}

// lastWord is the innermost reason of a network error.
func lastWord(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
