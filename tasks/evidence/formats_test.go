package evidence_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"farmwall/tasks/evidence"
)

// tool returns the path of a program, or skips the test that needs it.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/bin/", "/usr/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is missing: .ci/setup installs it", name)
	return ""
}

// written is a report in one format.
func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// accepted runs a program over a text, which it must accept.
func accepted(t *testing.T, text string, argv ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := exec.Command(argv[0], append(argv[1:], map[bool][]string{true: {path}}[argv[0] != "/usr/bin/promtool"]...)...)
	c.Stdin = f
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%.2000s", argv, err, out)
	}
}

// madeSamples are made once, because each is a journal of its own.
var madeSamples struct {
	sync.Mutex
	reports map[string]*evidence.Report
}

// samples are reports of a farm with troubles, one without, one full of hostile words,
// and one of which only the inventory is known.
func samples(t *testing.T) map[string]*evidence.Report {
	t.Helper()
	madeSamples.Lock()
	defer madeSamples.Unlock()
	if madeSamples.reports == nil {
		good := newSample(t, fiveHosts, true)
		madeSamples.reports = map[string]*evidence.Report{"troubled": newSample(t, fiveHosts, false).build(nil), "good": good.build(nil),
			"hostile": newHostile(t).build(nil), "inventory": evidence.Draw(good.ask)}
	}
	return madeSamples.reports
}

func TestJUnitFollowsItsSchema(t *testing.T) {
	xmllint := tool(t, "xmllint")
	for name, r := range samples(t) {
		text := written(t, r.WriteJUnit)
		accepted(t, text, xmllint, "--noout", "--nonet", "--schema", "testdata/junit.xsd")
		var all struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Suites   []struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Errors   int `xml:"errors,attr"`
				Skipped  int `xml:"skipped,attr"`
				Cases    []struct {
					Name    string    `xml:"name,attr"`
					Failure *struct{} `xml:"failure"`
					Error   *struct{} `xml:"error"`
					Skipped *struct{} `xml:"skipped"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tests, failures, errs := 0, 0, 0
		for _, s := range all.Suites {
			own := [3]int{}
			for _, c := range s.Cases {
				for i, is := range []bool{c.Failure != nil, c.Error != nil, c.Skipped != nil} {
					if is {
						own[i]++
					}
				}
			}
			if s.Tests != len(s.Cases) || own != [3]int{s.Failures, s.Errors, s.Skipped} {
				t.Errorf("%s: a suite says %d tests, %d, %d, %d and has %d, %v", name, s.Tests, s.Failures, s.Errors, s.Skipped, len(s.Cases), own)
			}
			tests, failures, errs = tests+s.Tests, failures+s.Failures, errs+s.Errors
		}
		if tests == 0 || tests != all.Tests || failures != all.Failures || errs != all.Errors {
			t.Errorf("%s: %d %d %d in all, the suites have %d %d %d", name, all.Tests, all.Failures, all.Errors, tests, failures, errs)
		}
		if bad := all.Failures + all.Errors; (bad > 0) != (name == "troubled" || name == "hostile") {
			t.Errorf("%s: %d bad", name, bad)
		}
	}
}

func TestSARIFFollowsItsSchemas(t *testing.T) {
	python, published := tool(t, "/usr/bin/python3"), publishedSARIF(t)
	const valid = "import json, sys, jsonschema as j; s = json.load(open(sys.argv[1])); j.validators.validator_for(s)(s, format_checker=j.FormatChecker()).validate(json.load(open(sys.argv[2])))"
	for name, r := range samples(t) {
		text := written(t, r.WriteSARIF)
		for _, schema := range []string{published, "testdata/sarif.json"} {
			accepted(t, text, python, "-c", valid, schema)
		}
		var log struct {
			Runs []struct {
				Tool struct {
					Driver struct {
						Rules []struct{ ID string }
					}
				}
				Results []struct {
					RuleID       string `json:"ruleId"`
					RuleIndex    int    `json:"ruleIndex"`
					Level        string
					Fingerprints map[string]string `json:"partialFingerprints"`
					Locations    []struct {
						Physical *struct {
							Artifact struct{ URI string }    `json:"artifactLocation"`
							Region   struct{ StartLine int } `json:"region"`
						} `json:"physicalLocation"`
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &log); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, x := range log.Runs[0].Results {
			kind, _, _ := strings.Cut(x.RuleID, "/")
			if log.Runs[0].Tool.Driver.Rules[x.RuleIndex].ID != kind {
				t.Errorf("%s: %s has the index of %s", name, x.RuleID, log.Runs[0].Tool.Driver.Rules[x.RuleIndex].ID)
			}
			if f := x.Fingerprints["farmwall/v1"]; seen[f] {
				t.Errorf("%s: two results share a fingerprint: %s", name, x.RuleID)
			} else {
				seen[f] = true
			}
			p := x.Locations[0].Physical
			if p == nil || !strings.HasPrefix(p.Artifact.URI, "file:///") || !strings.HasSuffix(p.Artifact.URI, "farm.ini") || p.Region.StartLine == 0 {
				t.Errorf("%s: %s has no place in the inventory: %+v", name, x.RuleID, p)
			}
		}
		if n := len(seen); (n > 0) != (name == "troubled" || name == "hostile") {
			t.Errorf("%s: %d results", name, n)
		}
	}
}

// The same trouble keeps its fingerprint, whatever the run and its words.
func TestSARIFFingerprintsAreStable(t *testing.T) {
	prints := regexp.MustCompile(`"farmwall/v1": "([0-9a-f]+)"`)
	a, b := written(t, newSample(t, fiveHosts, false).build(nil).WriteSARIF), written(t, newSample(t, "# moved down by a line\n"+fiveHosts, false).build(nil).WriteSARIF)
	x, y := prints.FindAllString(a, -1), prints.FindAllString(b, -1)
	if len(x) == 0 || strings.Join(x, "") != strings.Join(y, "") || a == b {
		t.Errorf("%q, then %q", x, y)
	}
}

func TestOpenMetricsAreAccepted(t *testing.T) {
	tool(t, "promtool")
	line := regexp.MustCompile(`^(# (TYPE|HELP|UNIT) farmwall_[a-z_]+ .+|farmwall_[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*\})? -?[0-9]+)$`)
	for name, r := range samples(t) {
		text := written(t, r.WriteOpenMetrics)
		accepted(t, text, "/usr/bin/promtool", "check", "metrics")
		accepted(t, text, tool(t, "/usr/bin/python3"), "-c", "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as p; assert list(p(open(sys.argv[1]).read()))")
		lines := strings.Split(strings.TrimSuffix(text, "# EOF\n"), "\n")
		if !strings.HasSuffix(text, "\n# EOF\n") {
			t.Errorf("%s: it does not end in # EOF", name)
		}
		families := map[string]bool{}
		for _, l := range lines[:len(lines)-1] {
			if !line.MatchString(l) {
				t.Errorf("%s: %q", name, l)
			}
			if f, ok := strings.CutPrefix(l, "# TYPE "); ok {
				if families[f] {
					t.Errorf("%s: %s comes twice", name, f)
				}
				families[f] = true
			}
		}
	}
}

func TestCSVIsAsTheRFCSays(t *testing.T) {
	for name, r := range samples(t) {
		text := written(t, r.WriteCSV)
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s: lines do not end in CR LF", name)
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll() // every row as long as the first
		if err != nil || len(rows) < 6 {
			t.Fatalf("%s: %d rows, %v", name, len(rows), err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s: a cell is a formula: %q", name, cell)
				}
			}
		}
	}
}

func TestMarkdownTablesAreWhole(t *testing.T) {
	bar := regexp.MustCompile(`\\.`)
	for name, r := range samples(t) {
		text := written(t, r.WriteMarkdown)
		width, tables := 0, 0
		for _, l := range strings.Split(text, "\n") {
			if !strings.HasPrefix(l, "|") {
				width = 0
				continue
			}
			n := strings.Count(bar.ReplaceAllString(l, ""), "|")
			if width == 0 {
				width, tables = n, tables+1
			}
			if n != width {
				t.Errorf("%s: a row of %d cells in a table of %d: %s", name, n-1, width-1, l)
			}
		}
		if tables < 3 {
			t.Errorf("%s: %d tables", name, tables)
		}
		for _, bad := range []string{"<script", "<b>", "](http", "https:/"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: holds %s", name, bad)
			}
		}
	}
}

func TestJSONComesBack(t *testing.T) {
	for name, r := range samples(t) {
		var back evidence.Report
		if err := json.Unmarshal([]byte(written(t, r.WriteJSON)), &back); err != nil || len(back.Hosts) != len(r.Hosts) || back.Format != evidence.Format {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPicturesAreAccepted(t *testing.T) {
	xmllint, dot := tool(t, "xmllint"), tool(t, "dot")
	for name, r := range samples(t) {
		accepted(t, written(t, r.WriteSVG), xmllint, "--noout", "--nonet")
		text := written(t, r.WriteDot)
		accepted(t, text, dot, "-Tsvg", "-o", os.DevNull)
		if !strings.Contains(text, "publishing_agent") {
			t.Errorf("%s: no broker in\n%s", name, text)
		}
	}
}

// The lines that WriteMermaid may write, by Mermaid's documentation of flowcharts.
func TestMermaidFollowsItsGrammar(t *testing.T) {
	quoted := `"([A-Za-z0-9 .,_+()/-]|#[0-9]+;|<br/>)*"`
	id := `f[0-9]+g[0-9]+`
	forms := []*regexp.Regexp{
		regexp.MustCompile(`^  subgraph farm[0-9]+\[` + quoted + `\]$`), regexp.MustCompile(`^  end$`),
		regexp.MustCompile(`^    ` + id + `(\[` + quoted + `\]|\(\[` + quoted + `\]\))$`),
		regexp.MustCompile(`^  ` + id + ` (-->|-\.->|==>|--x)\|` + quoted + `\| ` + id + `$`),
		regexp.MustCompile(`^  linkStyle [0-9]+(,[0-9]+)* stroke:#[0-9a-f]{6}$`),
	}
	for name, r := range samples(t) {
		lines := strings.Split(strings.TrimSuffix(written(t, r.WriteMermaid), "\n"), "\n")
		if lines[0] != "flowchart LR" {
			t.Errorf("%s: begins with %s", name, lines[0])
		}
		links := 0
		for _, l := range lines[1:] {
			ok := false
			for i, f := range forms {
				if f.MatchString(l) {
					ok = true
					if i == 3 {
						links++
					}
				}
			}
			if !ok {
				t.Errorf("%s: %q", name, l)
			}
		}
		if links < 5 {
			t.Errorf("%s: %d links", name, links)
		}
	}
}
