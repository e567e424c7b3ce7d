package tasks

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// talkative is a dialect whose hosts tell more of themselves, and whose platform
// keeps a flow.
type talkative struct {
	fakeDialect
	clock func() time.Time
	kept  []rules.Flow
}

func (d talkative) Decode(out []byte) (*rules.State, error) {
	s, err := d.fakeDialect.Decode(out)
	if err == nil && d.clock != nil {
		s.Clock, s.About = d.clock(), []rules.Fact{{Name: "profile", Text: "Domain"}}
	}
	return s, err
}

func (d talkative) KeptFlows(*rules.State) []rules.Flow { return d.kept }

// introduced is a line that says what it is.
type introduced struct {
	transport.Dialer
	err error
}

func (d introduced) Dial(ctx context.Context, h *inventory.Host) (transport.Conn, error) {
	conn, err := d.Dialer.Dial(ctx, h)
	return introducedConn{conn, d.err}, err
}

type introducedConn struct {
	transport.Conn
	err error
}

func (c introducedConn) Identify(context.Context) (transport.Identity, error) {
	return transport.Identity{Scheme: "https", Auth: "ntlm"}, c.err
}

func TestPingTellsOfLineAndClock(t *testing.T) {
	f := newFarm(t, 1)
	ahead := 3 * time.Minute
	d := talkative{clock: func() time.Time { return f.clock.Now().Add(ahead) }}
	f.runner.Dialect = func(*inventory.Host) (rules.Dialect, error) { return d, nil }
	plain := f.runner.Dialer
	f.runner.Dialer = introduced{plain, nil}
	ping := func() Pong {
		pongs, _, err := f.runner.Ping(context.Background(), f.inv, f.inv.Hosts)
		if err != nil {
			t.Fatal(err)
		}
		return pongs[0]
	}
	p := ping()
	if p.Line.Auth != "ntlm" || p.ClockOffset == nil || *p.ClockOffset != ahead || !slices.Equal(p.About, []rules.Fact{{Name: "profile", Text: "Domain"}}) || len(p.Warnings) != 0 {
		t.Errorf("pong = %+v", p)
	}
	ahead = -6 * time.Minute
	if p := ping(); len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "off by -6m0s") {
		t.Errorf("warnings = %q", p.Warnings)
	}
	f.runner.Dialer = introduced{plain, &transport.Error{Err: transport.ErrLineBroke}}
	if p := ping(); p.Status != Unreachable || p.Step != "identify" {
		t.Errorf("pong = %+v", p)
	}
	f.runner.Dialer, d.clock = plain, nil
	if p := ping(); p.ClockOffset != nil || p.Line != (transport.Identity{}) {
		t.Errorf("pong = %+v", p)
	}
	if f.dialer.open != 0 {
		t.Errorf("%d lines left open", f.dialer.open)
	}
}

// What the platform keeps must not be closed, as little as the user's own wishes.
func TestPlatformKeepsAFlow(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{3389, "accept"})
	desktop := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 3389, Remotes: rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")})}
	f.runner.Dialect = func(*inventory.Host) (rules.Dialect, error) { return talkative{kept: []rules.Flow{desktop}}, nil }
	dropsLater(f.hosts[0], 3389)
	s := f.apply(ctx, Rollout{})
	f.want(s, Restored)
	if !strings.Contains(s.Outcomes[0].Error, "a kept flow was closed: tcp 3389") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
}

func TestWindow(t *testing.T) {
	windows := &inventory.Host{Access: inventory.Access{Connection: "winrm"}}
	overSSH := &inventory.Host{Access: inventory.Access{Connection: "ssh", Shell: "powershell"}}
	linux := &inventory.Host{Access: inventory.Access{Connection: "ssh"}}
	for _, c := range []struct {
		host *inventory.Host
		run  running
		want time.Duration
	}{
		{linux, running{}, time.Minute}, {windows, running{}, 2 * time.Minute}, {overSSH, running{}, 2 * time.Minute},
		{windows, running{manual: true}, 10 * time.Minute}, {windows, running{window: 10 * time.Second}, 10 * time.Second},
	} {
		if got := c.run.windowFor(c.host); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// What only a Windows host says is told apart as the rest is: a host that was
// not reached, one that let us in and cannot do what is asked.
func TestWindowsErrors(t *testing.T) {
	for err, want := range map[error]Status{
		transport.ErrNotWinRM: Unreachable, transport.ErrCertificate: Unreachable, transport.ErrScheme: Unreachable, transport.ErrTicket: Unreachable,
		transport.ErrClockSkew: Unreachable, transport.ErrQuota: Unreachable, transport.ErrBusy: Unreachable,
		transport.ErrOldPowerShell: Refused, transport.ErrConstrained: Refused, transport.ErrCommandLine: Refused,
	} {
		line := &transport.Error{Host: "w", Op: "run observe", Err: errors.Join(err), Hint: "do this"}
		if p := problem(&stepError{"arm", line}); p.Status != want || p.Hint != "do this" {
			t.Errorf("%v: %+v", err, p)
		}
		if lineBroke(line) {
			t.Errorf("%v: would be tried again", err)
		}
	}
}
