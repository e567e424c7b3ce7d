package farm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// Remote is a farm that another program keeps up.
type Remote struct{ path string }

// ErrNoFarm says that nobody keeps a farm up there.
var ErrNoFarm = errors.New("no Windows hosts are up")

// Join finds the farm whose control is at path.
func Join(ctx context.Context, path string) (*Remote, error) {
	r := &Remote{path}
	if _, err := r.ask(ctx, request{Op: "list"}); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Remote) ask(ctx context.Context, q request) (answer, error) {
	var a answer
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", r.path)
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrNoFarm, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err = json.NewEncoder(c).Encode(q); err == nil {
		err = json.NewDecoder(c).Decode(&a)
	}
	switch {
	case ctx.Err() != nil:
		return a, ctx.Err()
	case err != nil:
		return a, fmt.Errorf("%w any more: %w", ErrNoFarm, err)
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

// List says how each host is.
func (r *Remote) List(ctx context.Context) ([]State, error) {
	a, err := r.ask(ctx, request{Op: "list"})
	return a.Hosts, err
}

// Press does to a host what the word says: off, on, reboot, cut, plug, pause or resume.
func (r *Remote) Press(ctx context.Context, button, host string) error {
	_, err := r.ask(ctx, request{Op: button, Host: host})
	return err
}

// Run runs a command on a host, past its firewall; see Words for those that the lab
// has itself.
func (r *Remote) Run(ctx context.Context, host string, argv []string, input []byte) (out, errs []byte, code int, err error) {
	a, err := r.ask(ctx, request{Op: "run", Host: host, Args: argv, Input: input})
	return a.Out, a.Err, a.Code, err
}

// Down ends the farm.
func (r *Remote) Down(ctx context.Context) error {
	_, err := r.ask(ctx, request{Op: "down"})
	return err
}
