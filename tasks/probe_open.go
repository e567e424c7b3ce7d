package tasks

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"farmwall/rules"
	"farmwall/transport"
)

// open opens flows from this machine.
func (r *Runner) open(ctx context.Context, q rules.ProbeRequest) []rules.ProbeReply {
	replies := make([]rules.ProbeReply, len(q.Ends))
	free := make(chan struct{}, min(q.AtOnce, 400)) // each takes a file of ours
	var all sync.WaitGroup
	for i := range q.Ends {
		free <- struct{}{}
		all.Go(func() {
			replies[i] = r.openOne(ctx, &q, i)
			<-free
		})
	}
	all.Wait()
	return replies
}

func (r *Runner) openOne(ctx context.Context, q *rules.ProbeRequest, i int) rules.ProbeReply {
	e := q.Ends[i]
	var network string
	switch e.Protocol {
	case rules.TCP:
		network = "tcp"
	case rules.UDP:
		network = "udp"
	default:
		return rules.ProbeReply{Answer: ProbeUnanswerable, Text: "a protocol without ports gives no answer"}
	}
	within, cancel := context.WithTimeout(ctx, q.Wait)
	defer cancel()
	conn, err := r.Net(within, network, net.JoinHostPort(e.Address.String(), strconv.Itoa(int(e.Port))))
	if err != nil {
		return failedReply(within, err)
	}
	defer conn.Close()
	reply := rules.ProbeReply{Answer: ProbeConnected}
	if local, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		reply.Local = local.Addr().Unmap().WithZone("")
	}
	if e.Protocol == rules.TCP {
		if q.Listener[i] {
			conn.SetReadDeadline(time.Now().Add(q.Wait))
			b := make([]byte, 200)
			n, _ := conn.Read(b)
			reply.Ours, reply.Text = ours(b[:n], q.Nonce)
		}
		return reply
	}
	said, err := knock(within, conn, q.Wait)
	switch {
	case err == nil:
		reply.Ours, reply.Text = ours(said, q.Nonce)
	case errors.Is(err, os.ErrDeadlineExceeded):
		reply.Answer = ProbeUnanswerable
		if q.Listener[i] {
			reply.Answer = ProbeFiltered
		}
	default:
		failed := failedReply(within, err)
		reply.Answer, reply.Text = failed.Answer, failed.Text
	}
	return reply
}

// knock sends a datagram up to three times, for one may get lost, and returns the answer.
func knock(ctx context.Context, conn net.Conn, wait time.Duration) ([]byte, error) {
	b := make([]byte, 200)
	for try := 1; ; try++ {
		if _, err := conn.Write([]byte("\n")); err != nil {
			return nil, err
		}
		conn.SetReadDeadline(time.Now().Add(wait / 3))
		n, err := conn.Read(b)
		if err == nil || try == 3 || ctx.Err() != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return b[:n], err
		}
	}
}

// ours says whether a listener of ours answered, and what else is to be said.
func ours(said []byte, nonce string) (bool, string) {
	switch {
	case bytes.Equal(said, []byte("farmwall "+nonce+"\n")):
		return true, ""
	case bytes.HasPrefix(said, []byte("farmwall ")):
		return true, "a listener of an earlier run answered"
	}
	return false, ""
}

// failedReply tells apart why a flow could not be opened.
func failedReply(ctx context.Context, err error) rules.ProbeReply {
	e := transport.DialError(ctx, "", "", "", err)
	switch {
	case errors.Is(e.Err, transport.ErrRefused), errors.Is(e.Err, transport.ErrLineBroke):
		return rules.ProbeReply{Answer: ProbeRefused}
	case errors.Is(e.Err, transport.ErrTimeout):
		return rules.ProbeReply{Answer: ProbeFiltered}
	case errors.Is(e.Err, context.Canceled):
		return rules.ProbeReply{Answer: ProbeUnanswerable, Text: "interrupted"}
	}
	return rules.ProbeReply{Answer: ProbeUnreachable, Text: transport.LastWords(err)}
}
