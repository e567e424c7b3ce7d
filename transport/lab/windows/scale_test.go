package windows_test

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	dialect "farmwall/rules/windows"
	"farmwall/transport/lab/windows"
)

// Hosts of the model engine cost next to nothing until they change: they share their
// foreign rules.
func TestManyHostsAreCheap(t *testing.T) {
	shared := windows.Foreign(windows.Server2019, windows.BuiltIn(windows.Server2019), 600)
	const hosts = 2000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all []*windows.Host
	for i := range hosts {
		h, err := windows.New(windows.Options{Name: "W" + strconv.Itoa(i), Rules: shared})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := int64(after.HeapAlloc-before.HeapAlloc) / hosts; each > 16<<10 {
		t.Errorf("a host takes %d bytes", each)
	}
	goroutines := runtime.NumGoroutine()
	for _, h := range all {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines || goroutines > 100 {
		t.Errorf("%d goroutines with %d hosts, %d without", goroutines, hosts, n)
	}
}

// A host that is changed leaves the rules that it shared as they were.
func TestSharedRulesStayAsTheyAre(t *testing.T) {
	shared := windows.Foreign(windows.Server2019, windows.BuiltIn(windows.Server2019), 60)
	was := slices.Clone(shared)
	a := boot(t, windows.Model, windows.Options{Rules: shared})
	b := boot(t, windows.Model, windows.Options{Rules: shared})
	a.applied([]object{addition(markA, "443")}, nil, nil)
	r, err := a.Item("Remote Desktop - User Mode (TCP-In)")
	if err == nil {
		err = a.Set(r, "Enabled", false, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Remove("Blocked by hand 5", true); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(shared, was) || !slices.Equal(b.Local(), was) || slices.Equal(a.Local(), was) {
		t.Error("a change reached another host")
	}
}

// BenchmarkObserve reads a host of 600 rules, both ends included.
func BenchmarkObserve(b *testing.B) {
	h, err := windows.New(windows.Options{Name: "W", Rules: windows.Foreign(windows.Server2019, windows.BuiltIn(windows.Server2019), 600)})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	m := &machine{Host: h}
	for b.Loop() {
		if _, err := m.run(b.Context(), dialect.New().Observe()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Second)/float64(b.Elapsed()/time.Duration(b.N)), "hosts/s")
}
