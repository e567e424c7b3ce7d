package inventory

import (
	"context"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time that this process has used; other processes on the
// machine do not count.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// 20,000 hosts are listed in under a second and 200 MiB; the race detector takes
// its own share.
func TestLargeListing(t *testing.T) {
	dir := largeFarm(t, 20_000)
	runtime.GC()
	start := cpu(t)
	inv, err := Load(context.Background(), []string{dir + "/hosts"}, Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inv.WriteAnsible(io.Discard, inv.Hosts); err != nil {
		t.Fatal(err)
	}
	used := cpu(t) - start
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%v of processor time, %d MiB", used, m.Sys>>20)
	if used > 4*time.Second || m.HeapAlloc > 200<<20 {
		t.Errorf("20,000 hosts took %v of processor time and %d MiB", used, m.HeapAlloc>>20)
	}
	runtime.KeepAlive(inv)
}

func TestLargeInventory(t *testing.T) {
	used := func(n int) time.Duration {
		dir := largeFarm(t, n)
		runtime.GC()
		start := cpu(t)
		inv, err := Load(context.Background(), []string{dir + "/hosts"}, Options{})
		if err != nil || len(inv.Farms[0].Members) != n {
			t.Fatal(err)
		}
		return cpu(t) - start
	}
	used(1000)
	small, large := used(10_000), used(40_000)
	t.Logf("10,000 hosts %v, 40,000 hosts %v of processor time", small, large)
	if small > time.Second {
		t.Errorf("10,000 hosts took %v", small)
	}
	if large > 4*3*small {
		t.Errorf("not linear: %v for 10,000 hosts, %v for 40,000", small, large)
	}
}
