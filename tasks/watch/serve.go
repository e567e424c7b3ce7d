package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ContentType is that of OpenMetrics 1.0.
const ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Listen opens the port for /healthz and /metrics. Other addresses than loopback are
// refused unless public is asked for: both tell the names of farms to everybody.
func Listen(ctx context.Context, address string, public bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address; it is written as in 127.0.0.1:9187 or [::1]:9187", address)
	}
	if !public && !isLoopback(host) {
		return nil, fmt.Errorf("%s is no address of this machine alone; everybody who reaches it could read the names of your farms (--listen-public allows it)", address)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Serve answers until ctx ends. facts is called for each answer of /metrics.
func (w *Watcher) Serve(ctx context.Context, l net.Listener, public bool, facts func() Facts) error {
	server := &http.Server{Handler: w.handler(public, facts), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(short) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (w *Watcher) handler(public bool, facts func() Facts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", w.healthz)
	mux.HandleFunc("GET /metrics", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", ContentType)
		// A reader that has gone away needs no answer.
		_ = w.WriteMetrics(out, facts())
	})
	if public {
		return mux
	}
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		// A web page that has its own name point here is refused.
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			http.Error(out, "this address is for this machine alone", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(out, r)
	})
}

func (w *Watcher) healthz(out http.ResponseWriter, _ *http.Request) {
	err := w.Health()
	w.mu.Lock()
	s := w.state
	w.mu.Unlock()
	answer := map[string]any{"status": "ok", "running": s.running, "cycles": s.last.Number}
	if !s.due.IsZero() {
		answer["next"] = s.due.UTC().Format(time.RFC3339)
	}
	if s.last.Number > 0 {
		answer["last"], answer["last_exit"] = s.last.Started.Add(s.last.Took).UTC().Format(time.RFC3339), s.last.Exit
	}
	out.Header().Set("Content-Type", "application/json")
	if err != nil {
		answer["status"] = err.Error()
		out.WriteHeader(http.StatusServiceUnavailable)
	}
	// As above.
	_ = json.NewEncoder(out).Encode(answer)
}
