package tasks

import (
	"sync"
	"time"

	"farmwall/rules"
	"farmwall/transport"
)

const (
	// keptLines is how many lines stay open between a plan and its change: one costs
	// a tenth of a megabyte here and a process there, so not a whole large farm's.
	keptLines = 128
	// keptFor is how long a line waits for its change. It is shorter than the time
	// after which firewalls forget a connection.
	keptFor = 30 * time.Second
)

// lines are the connections over which a plan was made that is carried out at
// once. A change begins on the connection that read its host, so a reading and
// a log-in are saved; the change's own script compares what was read.
type lines struct {
	mu   sync.Mutex
	open map[string]*line // by the host's name
}

// line is an open connection with what was read over it.
type line struct {
	conn  transport.Conn
	state *rules.State
	timer *time.Timer
}

// keep holds the line of a host open for a while, or hangs up where there are
// enough.
func (l *lines) keep(host string, conn transport.Conn, s *rules.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= keptLines || l.open[host] != nil {
		conn.Close()
		return
	}
	if l.open == nil {
		l.open = map[string]*line{}
	}
	kept := &line{conn: conn, state: s}
	kept.timer = time.AfterFunc(keptFor, func() {
		if l.take(host, kept) != nil {
			conn.Close()
		}
	})
	l.open[host] = kept
}

// take hands a host's line over, or nil where there is none; only is nil or the
// very line that is meant.
func (l *lines) take(host string, only *line) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.open[host]
	if kept == nil || only != nil && kept != only {
		return nil
	}
	delete(l.open, host)
	kept.timer.Stop()
	return kept
}

// drop hangs up on a host.
func (l *lines) drop(host string) {
	if kept := l.take(host, nil); kept != nil {
		kept.conn.Close()
	}
}

// HangUp closes the lines that planning left open for a change. Who sets
// KeepLines calls it in the end.
func (r *Runner) HangUp() {
	r.lines.mu.Lock()
	var hosts []string
	for host := range r.lines.open {
		hosts = append(hosts, host)
	}
	r.lines.mu.Unlock()
	for _, host := range hosts {
		r.lines.drop(host)
	}
}

// keepOrDrop hangs up on a host that a plan leaves alone.
func (r *Runner) keepOrDrop(hp *HostPlan) {
	if hp.Problem != nil || !hp.changes() {
		r.lines.drop(hp.Host)
	}
}
