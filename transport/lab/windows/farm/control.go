package farm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
)

// State is what is known of a host.
type State struct {
	Name  string           `json:"name"`
	Power string           `json:"power"` // "on", "paused" or "off"
	Cut   bool             `json:"cut"`
	Boots int              `json:"boots"`
	Lines []netip.AddrPort `json:"lines"`
}

// request is what another program asks for, and answer what it gets: one of each
// on a connection.
type request struct {
	Op   string   `json:"op"`
	Host string   `json:"host,omitempty"`
	Args []string `json:"args,omitempty"`
	// Input is the standard input of a command.
	Input []byte `json:"input,omitempty"`
}

type answer struct {
	Error string  `json:"error,omitempty"`
	Hosts []State `json:"hosts,omitempty"`
	Out   []byte  `json:"out,omitempty"`
	Err   []byte  `json:"err,omitempty"`
	Code  int     `json:"code,omitempty"`
}

// Control answers other programs of the same user over a Unix socket at path until
// the farm is closed. Who can open the socket may do everything.
func (f *Farm) Control(path string) error {
	// A socket that a dead program left is in the way.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		<-f.ended
		l.Close()
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.attend(c)
		}
	}()
	return os.Chmod(path, 0o600)
}

func (f *Farm) attend(c net.Conn) {
	defer c.Close()
	var q request
	if json.NewDecoder(c).Decode(&q) != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // the client hangs up when it no longer waits
		io.Copy(io.Discard, c)
		cancel()
	}()
	a, err := f.do(ctx, q)
	if err != nil {
		a.Error = err.Error()
	}
	json.NewEncoder(c).Encode(a)
	if q.Op == "down" {
		f.Close()
	}
}

func (f *Farm) do(ctx context.Context, q request) (answer, error) {
	switch q.Op {
	case "down":
		return answer{}, nil
	case "list":
		return answer{Hosts: f.States()}, nil
	}
	h, err := f.Host(q.Host)
	if err != nil {
		return answer{}, err
	}
	switch q.Op {
	case "off":
		h.Off()
	case "on":
		h.On()
	case "reboot":
		h.Reboot()
	case "cut":
		h.Cut()
	case "plug":
		h.Plug()
	case "pause":
		h.Pause()
	case "resume":
		h.Resume()
	case "run":
		return h.command(ctx, q.Args, q.Input)
	default:
		return answer{}, fmt.Errorf("unknown request %q", q.Op)
	}
	return answer{}, nil
}

// States say how each host is.
func (f *Farm) States() []State {
	var list []State
	for _, h := range f.hosts {
		s := State{Name: h.Name(), Power: h.Power(), Cut: h.IsCut(), Boots: h.Boots()}
		for _, l := range h.Lines {
			s.Lines = append(s.Lines, l.At)
		}
		list = append(list, s)
	}
	return list
}
