package evidence

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"farmwall/rules"
	"farmwall/tasks"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string      `xml:"name,attr"`
	Tests      int         `xml:"tests,attr"`
	Failures   int         `xml:"failures,attr"`
	Errors     int         `xml:"errors,attr"`
	Skipped    int         `xml:"skipped,attr"`
	Time       string      `xml:"time,attr,omitempty"`
	Timestamp  string      `xml:"timestamp,attr,omitempty"`
	Hostname   string      `xml:"hostname,attr"`
	File       string      `xml:"file,attr,omitempty"`
	Properties *junitProps `xml:"properties"`
	Cases      []junitCase `xml:"testcase"`
}

type junitProps struct {
	List []junitProp `xml:"property"`
}

type junitProp struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string    `xml:"name,attr"`
	Classname string    `xml:"classname,attr"`
	Failure   *junitWhy `xml:"failure"`
	Error     *junitWhy `xml:"error"`
	Skipped   *junitWhy `xml:"skipped"`
}

type junitWhy struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes a suite for each host and a test for each of its flows, in the form
// that Jenkins reads. A wanted flow that is closed, a probe with the wrong answer, and
// an open port that farmwall_exposure was to close are failures; a host that did not
// come to a good end is an error; what nobody can say, and what is open to others where
// nothing was to close it, is skipped, with the reason.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "farmwall " + r.title()}
	for i := range r.Hosts {
		s := r.Hosts[i].suite()
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (h *Host) suite() junitSuite {
	class := printable(h.Farm) + "." + printable(h.Host)
	s := junitSuite{Name: class, Hostname: printable(h.Host), File: printable(h.At.File)}
	if h.Elapsed > 0 {
		s.Time = fmt.Sprintf("%.3f", h.Elapsed.Seconds())
	}
	if !h.Seen.IsZero() {
		s.Timestamp = h.Seen.UTC().Format("2006-01-02T15:04:05")
	}
	props := &junitProps{}
	for _, p := range [][2]string{{"run", h.Run}, {"roles", GroupName(h.Roles)}, {"system", h.System}, {"inventory", printable(h.At.String())}} {
		if p[1] != "" {
			props.List = append(props.List, junitProp{p[0], p[1]})
		}
	}
	s.Properties = props
	s.add(h.outcomeCase(class))
	for i := range h.Openings {
		o := &h.Openings[i]
		if o.Block {
			continue
		}
		s.add(o.flowCase(class))
		if o.Others != "" {
			s.add(o.othersCase(class, h.closes(o)))
		}
	}
	for i := range h.Probes {
		s.add(probeCase(class, &h.Probes[i]))
	}
	return s
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// outcomeCase is what became of the host as a whole.
func (h *Host) outcomeCase(class string) junitCase {
	c := junitCase{Name: "the host came to a good end", Classname: class}
	why := &junitWhy{Type: string(h.Status), Message: h.Error, Text: h.Hint}
	switch {
	case h.Run == "":
		why.Type, why.Message = "unseen", "nobody looked at this host"
		c.Skipped = why
	case h.Status == tasks.Differs || h.Status == tasks.Foreign:
		why.Message = strings.TrimPrefix(fmt.Sprintf("%s; %s, cause: %s", h.Error, count(len(h.Changes), "difference"), h.Cause), "; ")
		c.Failure = why
	case bad(h.Status) && h.Status != tasks.NotOpen: // its flows fail
		c.Error = why
	}
	return c
}

func (o *Opening) name() string {
	side := "from"
	if o.Direction == rules.Out {
		side = "to"
	}
	return strings.TrimSpace(o.Protocol+" "+o.Ports) + " " + side + " " + o.From.Words() + " (" + o.Rule + ")"
}

func (o *Opening) flowCase(class string) junitCase {
	c := junitCase{Name: printable(o.name()) + " is open", Classname: class}
	switch o.Answer {
	case rules.Denied:
		c.Failure = &junitWhy{"closed", "closed by " + o.By, o.because()}
	case rules.Unknown:
		c.Skipped = &junitWhy{"unknown", "nobody can say whether it is open: " + o.Reason, o.because()}
	case "":
		c.Skipped = &junitWhy{"unseen", "nobody looked", ""}
	}
	return c
}

func (o *Opening) othersCase(class string, closes bool) junitCase {
	c := junitCase{Name: printable(strings.TrimSpace(o.Protocol+" "+o.Ports) + " (" + o.Rule + ") is closed to everybody else"), Classname: class}
	switch o.Others {
	case rules.Allowed:
		why := &junitWhy{"exposed", "reachable by others too, allowed by " + o.OthersBy, ""}
		if closes {
			c.Failure = why
		} else {
			c.Skipped = why
		}
	case rules.Unknown:
		c.Skipped = &junitWhy{"unknown", "nobody can say whether others reach it", ""}
	}
	return c
}

func (o *Opening) because() string {
	var parts []string
	if why := strings.TrimRight(o.Why, ". "); why != "" {
		parts = append(parts, why)
	}
	return printable(strings.Join(append(parts, o.Deciders...), "; "))
}

func probeCase(class string, p *tasks.Probed) junitCase {
	c := junitCase{Name: printable(fmt.Sprintf("probe of %s at %s from %s: %s", probed(p), p.Address, p.From, should(p))), Classname: class}
	why := &junitWhy{Type: "probe-" + string(p.Answer), Message: string(p.Answer), Text: probeWhy(p)}
	switch {
	case p.Right == nil:
		c.Skipped = why
	case !*p.Right:
		c.Failure = why
	}
	return c
}

// bad says whether a host did not come to what was wanted of it.
func bad(s tasks.Status) bool {
	switch s {
	case tasks.OK, tasks.Changed, tasks.Differs, tasks.PendingOnly, tasks.Foreign, tasks.Skipped:
		return false
	}
	return true
}

// title is what the report is about.
func (r *Report) title() string {
	switch {
	case r.Scope.Run != "":
		return strings.TrimSpace(r.Scope.Verb + " " + r.Scope.Run)
	case r.Scope.Since.IsZero():
		return "everything"
	}
	return "since " + r.Scope.Since.Format(time.DateOnly)
}
