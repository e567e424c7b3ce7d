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

	"farmwall/transport"
)

const (
	kdcPatience = 5 * time.Second // for one KDC
	maxReply    = 1 << 20
	// kdcLanes is how many requests of a run are under way at a time: MIT's KDC drops
	// the oldest of more than 45 connections.
	kdcLanes = 8
	// kdcRounds is how often the list of KDCs is gone through while they take
	// connections and drop them.
	kdcRounds = 3
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
	last  string        // who answered
	lanes chan struct{} // holds a token for each request under way
}

func (c *krbConf) kdcsOf(ctx context.Context, realm string) (*kdcs, error) {
	list, err := c.find(ctx, realm)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKDC, err)
	}
	return &kdcs{realm: realm, list: list, lanes: c.lanes}, nil
}

// ask sends a request to the first KDC that takes it and returns its reply. once:
// it carries a proof of the password, which must not be shown twice, so that after
// it was sent no other KDC is asked. An error of the KDC is a messages.KRBError.
func (k *kdcs) ask(ctx context.Context, request []byte, once bool) ([]byte, error) {
	select {
	case k.lanes <- struct{}{}:
		defer func() { <-k.lanes }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	silence := &kdcSilence{realm: k.realm}
	list := k.list
	if k.last != "" {
		list = append([]string{k.last}, list...)
	}
	for round := range kdcRounds {
		dropped := false
		silence.tried = nil
		for _, address := range list {
			reply, sent, err := askKDC(ctx, address, request)
			silence.sent = silence.sent || sent
			switch {
			case ctx.Err() != nil:
				return nil, errors.Join(context.Cause(ctx), silence)
			case err == nil:
				k.last = address
				return reply, kdcError(reply)
			}
			silence.tried = append(silence.tried, address+" "+transport.LastWords(err))
			if sent && once {
				return nil, silence
			}
			dropped = dropped || sent && !errors.Is(err, transport.ErrTimeout)
		}
		if !dropped {
			break
		}
		pause(ctx, time.Duration(round+1)*100*time.Millisecond)
	}
	return nil, silence
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func askKDC(ctx context.Context, address string, request []byte) (reply []byte, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, kdcPatience)
	defer cancel()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = transport.ErrTimeout
		}
	}()
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
