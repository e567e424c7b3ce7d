package evidence

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// WriteOpenMetrics writes gauges in the OpenMetrics text format 1.0.
func (r *Report) WriteOpenMetrics(w io.Writer) error {
	m := &metrics{}
	m.family("farmwall_report_timestamp_seconds", "When the report was made.", "seconds")
	m.sample(fmt.Sprint(r.Made.Unix()))
	if !r.Scope.Since.IsZero() {
		m.family("farmwall_report_since_timestamp_seconds", "The beginning of what the report is about.", "seconds")
		m.sample(fmt.Sprint(r.Scope.Since.Unix()))
	}
	byFarm := map[string]map[tasks.Status]int{}
	flows := map[string]map[rules.Answer]int{}
	exposed := map[string]int{}
	unseen := map[string]int{}
	probes := map[string]*ProbeCount{}
	before, after := map[string]*tasks.Pairs{}, map[string]*tasks.Pairs{}
	for _, f := range r.Farms {
		byFarm[f.Farm], flows[f.Farm], probes[f.Farm] = map[tasks.Status]int{}, map[rules.Answer]int{}, &ProbeCount{}
		before[f.Farm], after[f.Farm] = nil, nil
	}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if h.Run == "" {
			unseen[h.Farm]++
		} else {
			byFarm[h.Farm][h.Status]++
		}
		for _, o := range h.Openings {
			if o.Answer != "" && !o.Block {
				flows[h.Farm][o.Answer]++
			}
			if o.Others == rules.Allowed {
				exposed[h.Farm]++
			}
		}
		for j := range h.Probes {
			probes[h.Farm].add(&h.Probes[j])
		}
		for _, p := range []struct {
			of map[string]*tasks.Pairs
			is *tasks.Pairs
		}{{before, h.Before}, {after, h.After}} {
			if p.is != nil {
				if p.of[h.Farm] == nil {
					p.of[h.Farm] = &tasks.Pairs{}
				}
				p.of[h.Farm].Add(p.is)
			}
		}
	}
	farms := slices.Sorted(maps.Keys(byFarm))
	m.family("farmwall_hosts", "Hosts by what became of them.", "")
	for _, farm := range farms {
		for _, status := range slices.Sorted(maps.Keys(byFarm[farm])) {
			m.sample(fmt.Sprint(byFarm[farm][status]), "farm", farm, "status", string(status))
		}
	}
	m.family("farmwall_hosts_unseen", "Hosts that nobody looked at.", "")
	for _, farm := range farms {
		m.sample(fmt.Sprint(unseen[farm]), "farm", farm)
	}
	m.family("farmwall_flows", "Wanted flows by the verdict on them.", "")
	for _, farm := range farms {
		for _, a := range []rules.Answer{rules.Allowed, rules.Denied, rules.Unknown} {
			m.sample(fmt.Sprint(flows[farm][a]), "farm", farm, "verdict", string(a))
		}
	}
	m.family("farmwall_exposed_ports", "Openings that others reach too, whom no rule names.", "")
	for _, farm := range farms {
		m.sample(fmt.Sprint(exposed[farm]), "farm", farm)
	}
	m.family("farmwall_exposure_pairs", "Pairs of a source and a port, before what the report is about and as last seen.", "")
	for _, farm := range farms {
		m.pairs(farm, "before", before[farm])
		m.pairs(farm, "after", after[farm])
	}
	m.family("farmwall_probes", "Probes by what they proved.", "")
	for _, farm := range farms {
		p := probes[farm]
		m.sample(fmt.Sprint(p.Right), "farm", farm, "result", "right")
		m.sample(fmt.Sprint(p.Wrong), "farm", farm, "result", "wrong")
		m.sample(fmt.Sprint(p.Nothing), "farm", farm, "result", "nothing")
	}
	if n := len(r.Cycles); n > 0 {
		last := r.Cycles[n-1]
		m.family("farmwall_drift_timestamp_seconds", "When the last drift cycle began.", "seconds")
		m.sample(fmt.Sprint(last.Time.Unix()))
		m.family("farmwall_drift_hosts", "Hosts of the last drift cycle.", "")
		m.sample(fmt.Sprint(last.Hosts))
		m.family("farmwall_drift_differing_hosts", "Of these, hosts that were not as they should be.", "")
		m.sample(fmt.Sprint(last.Differing))
	}
	m.family("farmwall_journal_entries", "Entries of the journal.", "")
	m.sample(fmt.Sprint(r.Chain.Entries))
	m.family("farmwall_journal_intact", "1: every entry is as it was written.", "")
	m.sample(map[bool]string{true: "1", false: "0"}[r.Chain.Damage == ""])
	m.text.WriteString("# EOF\n")
	_, err := w.Write(m.text.Bytes())
	return err
}

// metrics is a text in OpenMetrics.
type metrics struct {
	text bytes.Buffer
	name string
}

// family begins a family of gauges.
func (m *metrics) family(name, help, unit string) {
	m.name = name
	fmt.Fprintf(&m.text, "# TYPE %s gauge\n", name)
	if unit != "" {
		fmt.Fprintf(&m.text, "# UNIT %s %s\n", name, unit)
	}
	fmt.Fprintf(&m.text, "# HELP %s %s\n", name, help)
}

// sample writes one value with labels: name, value, name, value ...
func (m *metrics) sample(value string, labels ...string) {
	m.text.WriteString(m.name)
	for i := 0; i < len(labels); i += 2 {
		m.text.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&m.text, `%s="%s"`, labels[i], labelValue(labels[i+1]))
	}
	if len(labels) > 0 {
		m.text.WriteByte('}')
	}
	m.text.WriteString(" " + value + "\n")
}

func (m *metrics) pairs(farm, when string, p *tasks.Pairs) {
	if p == nil {
		return
	}
	for _, k := range []struct {
		kind string
		n    int
	}{{"wanted", p.Wanted}, {"open", p.Open}, {"beyond", p.Beyond}, {"closed", p.Closed}, {"unknown", p.Unknown}} {
		m.sample(fmt.Sprint(k.n), "farm", farm, "when", when, "kind", k.kind)
	}
}

// labelValue escapes what OpenMetrics does not take as it is.
func labelValue(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(printable(text))
}
