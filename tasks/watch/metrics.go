package watch

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delivery counts what became of telling a receiver.
type Delivery struct {
	Receiver, Result string
	Count            int
}

// Facts are what the watcher itself does not know.
type Facts struct {
	Version    string
	WindowOpen *bool             // nil: there is no window
	Conditions map[string]string // by farm
	Possible   []string          // all that a condition can be
	Deliveries []Delivery
}

// WriteMetrics writes the watcher's state in the text format of OpenMetrics 1.0.
func (w *Watcher) WriteMetrics(out io.Writer, f Facts) error {
	w.mu.Lock()
	s := w.state
	s.results = maps.Clone(s.results)
	w.mu.Unlock()
	m := &metrics{}
	m.family("farmwall_build", "info", "", "Which farmwall this is.")
	m.sample("farmwall_build_info", 1, "version", f.Version)
	m.family("farmwall_cycles", "counter", "", "Cycles that have ended, by result.")
	for _, r := range []string{"ok", "differs", "broken", "skipped", "interrupted"} {
		m.sample("farmwall_cycles_total", float64(s.results[r]), "result", r)
	}
	m.family("farmwall_fixed_hosts", "counter", "", "Hosts that cycles have put right.")
	m.sample("farmwall_fixed_hosts_total", float64(s.fixed))
	m.family("farmwall_cycle_running", "gauge", "", "1 while a cycle runs.")
	m.sample("farmwall_cycle_running", bit(s.running))
	m.family("farmwall_next_cycle_timestamp_seconds", "gauge", "seconds", "When the next cycle starts, or the running one did.")
	if !s.due.IsZero() {
		m.sample("farmwall_next_cycle_timestamp_seconds", seconds(s.due))
	}
	m.family("farmwall_last_cycle_timestamp_seconds", "gauge", "seconds", "When the last cycle ended.")
	m.family("farmwall_last_cycle_duration_seconds", "gauge", "seconds", "How long the last cycle took.")
	m.family("farmwall_last_cycle_exit_code", "gauge", "", "What farmwall drift would have exited with.")
	if s.last.Number > 0 {
		m.add("farmwall_last_cycle_timestamp_seconds", seconds(s.last.Started.Add(s.last.Took)))
		m.add("farmwall_last_cycle_duration_seconds", s.last.Took.Seconds())
		m.add("farmwall_last_cycle_exit_code", float64(s.last.Exit))
	}
	w.hosts(m, s.last)
	m.family("farmwall_farm_condition", "stateset", "", "How each farm is after the last cycle.")
	for _, farm := range slices.Sorted(maps.Keys(f.Conditions)) {
		for _, c := range f.Possible {
			m.sample("farmwall_farm_condition", bit(f.Conditions[farm] == c), "farm", farm, "farmwall_farm_condition", c)
		}
	}
	if f.WindowOpen != nil {
		m.family("farmwall_window_open", "gauge", "", "1 while drift may be put right.")
		m.sample("farmwall_window_open", bit(*f.WindowOpen))
	}
	m.family("farmwall_notifications", "counter", "", "Messages to receivers, by result.")
	for _, d := range f.Deliveries {
		m.sample("farmwall_notifications_total", float64(d.Count), "receiver", d.Receiver, "result", d.Result)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	m.family("farmwall_heap_bytes", "gauge", "bytes", "Memory in use by the program's data.")
	m.sample("farmwall_heap_bytes", float64(memory.HeapAlloc))
	m.family("farmwall_goroutines", "gauge", "", "Goroutines.")
	m.sample("farmwall_goroutines", float64(runtime.NumGoroutine()))
	_, err := io.WriteString(out, m.text()+"# EOF\n")
	return err
}

func (w *Watcher) hosts(m *metrics, last Cycle) {
	m.family("farmwall_hosts", "gauge", "", "Hosts in the last cycle, by farm and status.")
	if last.Summary == nil {
		return
	}
	counts := map[[2]string]int{}
	for i := range last.Summary.Outcomes {
		o := &last.Summary.Outcomes[i]
		counts[[2]string{o.Farm, string(o.Status)}]++
	}
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b [2]string) int { return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1]) }) {
		m.sample("farmwall_hosts", float64(counts[k]), "farm", k[0], "status", k[1])
	}
}

// metrics gathers families, each in one piece as OpenMetrics wants it.
type metrics struct {
	order   []string
	heads   map[string]string
	samples map[string][]string
	last    string
}

func (m *metrics) family(name, kind, unit, help string) {
	if m.heads == nil {
		m.heads, m.samples = map[string]string{}, map[string][]string{}
	}
	head := fmt.Sprintf("# TYPE %s %s\n", name, kind)
	if unit != "" {
		head += fmt.Sprintf("# UNIT %s %s\n", name, unit)
	}
	m.heads[name] = head + fmt.Sprintf("# HELP %s %s\n", name, escaped(help))
	m.order = append(m.order, name)
	m.last = name
}

// sample adds to the family that was begun last; labels are names and values.
func (m *metrics) sample(name string, value float64, labels ...string) {
	var parts []string
	for i := 0; i < len(labels); i += 2 {
		parts = append(parts, fmt.Sprintf(`%s="%s"`, labels[i], escaped(labels[i+1])))
	}
	if len(parts) > 0 {
		name += "{" + strings.Join(parts, ",") + "}"
	}
	m.samples[m.last] = append(m.samples[m.last], name+" "+strconv.FormatFloat(value, 'g', -1, 64)+"\n")
}

// add adds the only sample of a family by its name.
func (m *metrics) add(family string, value float64) {
	m.last = family
	m.sample(family, value)
}

func (m *metrics) text() string {
	var b strings.Builder
	for _, name := range m.order {
		b.WriteString(m.heads[name])
		for _, s := range m.samples[name] {
			b.WriteString(s)
		}
	}
	return b.String()
}

// escaped writes a label's value or a help text.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(text, "?"))
}

func bit(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
