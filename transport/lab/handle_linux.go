package lab

import (
	"bytes"
	"context"
	"io"
)

// Host is one host of a farm that is up.
type Host struct {
	HostSpec
	farm *Farm
}

// Exec runs a command as root on the host, past SSH and packet filter. That it
// fails is no error: see the code.
func (h *Host) Exec(ctx context.Context, argv []string, stdin io.Reader) (Result, error) {
	var out, err bytes.Buffer
	code, failed := h.Run(ctx, Command{Argv: argv, Stdin: stdin, Stdout: &out, Stderr: &err})
	return Result{Code: code, Stdout: out.Bytes(), Stderr: err.Bytes()}, failed
}

// Run is Exec with the command's descriptors in the caller's hands.
func (h *Host) Run(ctx context.Context, c Command) (code int, err error) {
	return h.farm.run(ctx, h.Name, c)
}

func (h *Host) power(ctx context.Context, op string) error {
	_, err := h.farm.ask(ctx, request{Op: op, Host: h.Name})
	return err
}

// Reboot cuts the power and boots again: every process ends, the packet filter
// and /run are empty, the boot id is new; /etc, /root and /var stay. Then
// /etc/nftables.conf is loaded and /etc/rcS.d and /etc/rc2.d are run.
func (h *Host) Reboot(ctx context.Context) error { return h.power(ctx, "reboot") }

// Off cuts the power.
func (h *Host) Off(ctx context.Context) error { return h.power(ctx, "off") }

// On boots a host that is off.
func (h *Host) On(ctx context.Context) error { return h.power(ctx, "on") }

// Cut pulls the network cable: packets are lost without a word.
func (h *Host) Cut(ctx context.Context) error { return h.power(ctx, "cut") }

// Plug puts the cable back.
func (h *Host) Plug(ctx context.Context) error { return h.power(ctx, "plug") }

// Pause freezes every process of the host; its kernel still answers.
func (h *Host) Pause(ctx context.Context) error { return h.power(ctx, "pause") }

// Resume lets a paused host go on.
func (h *Host) Resume(ctx context.Context) error { return h.power(ctx, "resume") }

// Listen waits for probes until the host reboots: TCP ports shake hands, UDP
// ports echo, another protocol (such as 112, without ports) takes note. Ports that
// something listens on already are left to it.
func (h *Host) Listen(ctx context.Context, protocol uint8, ports ...uint16) error {
	_, err := h.farm.ask(ctx, request{Op: "listen", Host: h.Name, Protocol: protocol, Ports: ports})
	return err
}

// Probe tries from this host to reach addresses, all in one exchange, and
// answers in the same order.
func (h *Host) Probe(ctx context.Context, probes ...Probe) ([]Answer, error) {
	return h.farm.probe(ctx, h.Name, probes)
}

// Probe is Host.Probe from the controller's place.
func (f *Farm) Probe(ctx context.Context, probes ...Probe) ([]Answer, error) {
	return f.probe(ctx, "", probes)
}

// Listen is Host.Listen in the controller's place.
func (f *Farm) Listen(ctx context.Context, protocol uint8, ports ...uint16) error {
	_, err := f.ask(ctx, request{Op: "listen", Protocol: protocol, Ports: ports})
	return err
}

func (f *Farm) probe(ctx context.Context, host string, probes []Probe) ([]Answer, error) {
	q := request{Op: "probe", Host: host}
	for _, p := range probes {
		p.To, p.From = p.To.Unmap(), p.From.Unmap()
		q.Probes = append(q.Probes, target{Probe: p})
	}
	a, err := f.ask(ctx, q)
	return a.Reached, err
}
