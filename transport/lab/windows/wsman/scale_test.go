package wsman

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
)

// Thousands of hosts fit into one process: a host that nobody asks is a listener
// with the one goroutine that waits on it.
func TestAHostThatNobodyAsksCostsLittle(t *testing.T) {
	const hosts = 400
	measure := func() (bytes uint64, goroutines int) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()
	}
	bytesBefore, goroutinesBefore := measure()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait() })
	o := Options{Schemes: Schemes{Basic: true, Negotiate: true}, AllowUnencrypted: true, Accounts: []Account{localAdmin}}
	m := &words{}
	var last *host
	for i := range hosts {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.77.%d.%d:0", i/250, i%250+1))
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(m, o)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := s.Serve(ctx, l); err != nil {
				t.Error(err)
			}
		})
		last = &host{Service: s, machine: m, addr: l.Addr().String(), url: "http://" + l.Addr().String() + "/wsman"}
	}
	last.caller(t).run("echo x", "") // by now the others wait too
	bytesAfter, goroutinesAfter := measure()
	each, more := (int64(bytesAfter)-int64(bytesBefore))/hosts, goroutinesAfter-goroutinesBefore
	t.Logf("%d bytes each, %d goroutines for %d hosts", each, more, hosts)
	if each > 24<<10 || more > hosts+20 {
		t.Errorf("%d bytes each, %d goroutines for %d hosts", each, more, hosts)
	}
}

func TestManyClientsAtATime(t *testing.T) {
	h := basicHost(t, Options{Schemes: Schemes{Negotiate: true}, Gather: -1})
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			if i%2 == 0 {
				c := h.caller(t)
				for n := range 4 {
					if o := c.run("type", fmt.Sprint("input ", i, n)); string(o.stdout) != fmt.Sprint("input ", i, n) {
						t.Errorf("%q", o.stdout)
					}
				}
				return
			}
			s := h.shaker(t, testUser, "", testPassword)
			if code := s.logOn(); code != 200 {
				t.Error(code)
				return
			}
			for range 4 {
				shell := s.ok(s.sealedCreate()).child(nsShell, "Shell").child(nsShell, "ShellId").value()
				s.ok(s.sealed(s.message(actionDelete, resourceCmd, shell, "")))
			}
		})
	}
	all.Wait()
	if n := h.Counts(); n.Create != 96 || n.Delete != 96 || n.Shells != 0 || n.Logons != 24 {
		t.Errorf("%+v", n)
	}
}
