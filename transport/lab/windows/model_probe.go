package windows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// probeRequest is what the script probe gets: ends are protocol, address, port and
// "listener" or nothing.
type probeRequest struct {
	Format int         `json:"format"`
	WaitMS int64       `json:"wait_ms"`
	AtOnce int         `json:"at_once"`
	Nonce  string      `json:"nonce"`
	Ends   [][4]string `json:"ends"`
}

// probe opens flows from the host's own addresses, as far as sockets of this machine
// reach; no packet passes the host's firewall, which is a model.
func (r *modelRun) probe(ctx context.Context) error {
	var q probeRequest
	if err := json.Unmarshal(r.call.data, &q); err != nil {
		return err
	}
	if q.Format != 1 {
		return errors.New("the request has another format")
	}
	replies := make([][4]string, len(q.Ends))
	free := make(chan struct{}, max(1, min(q.AtOnce, 200)))
	var all sync.WaitGroup
	for i := range q.Ends {
		free <- struct{}{}
		all.Go(func() {
			replies[i] = r.h.open(ctx, &q, i)
			<-free
		})
	}
	all.Wait()
	var err error
	r.out, err = json.Marshal(map[string]any{"format": 1, "replies": replies})
	return err
}

// ownAddress is the first address of the host in the family of another one.
func (h *Host) ownAddress(like netip.Addr) netip.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range h.world.interfaces {
		for _, p := range i.Prefixes {
			if p.Addr().Is4() == like.Is4() {
				return p.Addr()
			}
		}
	}
	return netip.Addr{}
}

func (h *Host) open(ctx context.Context, q *probeRequest, i int) [4]string {
	e := q.Ends[i]
	wait := time.Duration(q.WaitMS) * time.Millisecond
	to, err := netip.ParseAddr(e[1])
	if err != nil {
		return [4]string{"unreachable", "", "", err.Error()}
	}
	d := net.Dialer{Timeout: wait, FallbackDelay: -1}
	if own := h.ownAddress(to); own.IsValid() {
		if d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, 0)); e[0] == "tcp" {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(own, 0))
		}
	}
	c, err := d.DialContext(ctx, e[0], net.JoinHostPort(e[1], e[2]))
	if err != nil {
		return [4]string{flowWord(err), "", "", ""}
	}
	defer c.Close()
	reply := [4]string{"connected", "", "", ""}
	if local, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil {
		reply[1] = local.Addr().String()
	}
	if e[0] == "tcp" && e[3] != "listener" {
		return reply
	}
	c.SetDeadline(time.Now().Add(wait))
	said := make([]byte, 2000)
	if e[0] == "udp" {
		c.Write([]byte("\n"))
	}
	n, err := c.Read(said)
	switch {
	case err != nil && e[0] == "udp" && errors.Is(err, os.ErrDeadlineExceeded):
		reply[0] = "silent"
	case err != nil && e[0] == "udp":
		reply[0] = flowWord(err)
	case string(said[:n]) == "farmwall "+q.Nonce+"\n":
		reply[2] = "ours"
	case bytes.HasPrefix(said[:n], []byte("farmwall ")):
		reply[2] = "earlier"
	}
	return reply
}

func flowWord(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return "refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "filtered"
	}
	return "unreachable"
}

// listenRequest is what the script listen gets. The model does not say what else waits on
// the machine that it shares with others.
type listenRequest struct {
	Format int         `json:"format"`
	Do     string      `json:"do"`
	Nonce  string      `json:"nonce"`
	LifeS  int64       `json:"life_s"`
	Ends   [][3]string `json:"ends"`
}

// waits are what a host's shells left waiting, by nonce.
type waits struct {
	mu   sync.Mutex
	ends map[string]context.CancelFunc
}

func (r *modelRun) listen() error {
	var q listenRequest
	if err := json.Unmarshal(r.call.data, &q); err != nil {
		return err
	}
	if q.Format != 1 {
		return errors.New("the request has another format")
	}
	answer := map[string]any{"format": 1, "waits": [][3]string{}, "opened": []string{}, "cannot": "", "closed": false}
	w := &r.m.waits
	switch q.Do {
	case "list":
	case "open":
		opened, cannot := make([]string, len(q.Ends)), ""
		if r.who.admin {
			r.h.wait(&q, opened)
		} else {
			cannot = "only an administrator can have the host wait there"
			for i := range opened {
				opened[i] = "no"
			}
		}
		answer["opened"], answer["cannot"] = opened, cannot
	case "close":
		w.mu.Lock()
		end := w.ends[q.Nonce]
		w.mu.Unlock()
		if end != nil {
			end()
			answer["closed"] = true
		}
	default:
		return fmt.Errorf("the request asks to %q", q.Do)
	}
	var err error
	r.out, err = json.Marshal(answer)
	return err
}

// wait opens the ends that are free and answers on them until the time is over, somebody
// ends it or the host goes off.
func (h *Host) wait(q *listenRequest, opened []string) {
	h.mu.Lock()
	power, on := h.power, h.on
	h.mu.Unlock()
	if !on {
		return
	}
	ctx, end := context.WithTimeout(power, time.Duration(q.LifeS)*time.Second)
	words := []byte("farmwall " + q.Nonce + "\n")
	for i, e := range q.Ends {
		at := net.JoinHostPort(e[1], e[2])
		opened[i] = "taken"
		if port, err := strconv.Atoi(e[2]); err != nil || port == 0 {
			opened[i] = "InvalidArgument"
			continue
		}
		if e[0] == "udp" {
			c, err := net.ListenPacket("udp", at)
			if err != nil {
				continue
			}
			context.AfterFunc(ctx, func() { c.Close() })
			h.background.Go(func() { answerDatagrams(c, words) })
		} else {
			l, err := net.Listen("tcp", at)
			if err != nil {
				continue
			}
			context.AfterFunc(ctx, func() { l.Close() })
			h.background.Go(func() { answerConnections(l, words) })
		}
		opened[i] = "yes"
	}
	if !slices.Contains(opened, "yes") {
		end()
		return
	}
	w := &h.model.waits
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ends == nil {
		w.ends = map[string]context.CancelFunc{}
	}
	w.ends[q.Nonce] = end
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.ends, q.Nonce)
	})
}

func answerConnections(l net.Listener, words []byte) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.SetDeadline(time.Now().Add(time.Second))
		c.Write(words)
		c.Close()
	}
}

func answerDatagrams(c net.PacketConn, words []byte) {
	b := make([]byte, 2000)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b[:n], []byte("farmwall ")) {
			c.WriteTo(words, from)
		}
	}
}
