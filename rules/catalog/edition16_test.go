package catalog

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"farmwall/rules"
)

func TestEdition16IsTheTable(t *testing.T) {
	b, err := os.ReadFile("testdata/edition-16.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	const header = "id\tcomponent\tdirection\tscope\tprotocol\tport_or_proto_number\tcondition\tremote\tmin_version\tmax_version\tcommentary\tseed_line_number"
	if lines[0] != header {
		t.Fatalf("the columns are %q", lines[0])
	}
	rows, err := Edition("16")
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, r := range rows {
		ours = append(ours, line(r))
	}
	theirs := lines[1:]
	if len(theirs) != 73 {
		t.Errorf("the table has %d rows", len(theirs))
	}
	for i := range max(len(ours), len(theirs)) {
		switch {
		case i >= len(ours):
			t.Errorf("missing: %s", theirs[i])
		case i >= len(theirs):
			t.Errorf("invented: %s", ours[i])
		case ours[i] != theirs[i]:
			t.Errorf("row %d\nours   %s\ntheirs %s", i+1, ours[i], theirs[i])
		}
	}
}

// line writes a row as the table does.
func line(r rules.Row) string {
	protocol, port := "ip", strconv.Itoa(int(r.Protocol))
	if r.Port != 0 {
		protocol, port = map[rules.Protocol]string{rules.TCP: "tcp", rules.UDP: "udp"}[r.Protocol], strconv.Itoa(int(r.Port))
	}
	var at []string
	for _, n := range r.Lines {
		at = append(at, strconv.Itoa(n))
	}
	return strings.Join([]string{r.ID, r.Component, r.Direction, string(r.Scope), protocol, port, r.Condition, r.Remote,
		r.MinVersion, r.MaxVersion, r.Commentary, strings.Join(at, ";")}, "\t")
}

// The text itself is read here by its own small reader, so that a slip in the
// table would show.
func TestEdition16IsTheText(t *testing.T) {
	b, err := os.ReadFile("testdata/port-reference.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Split(string(b), "\n")
	cell := regexp.MustCompile(`^\| (External|Internal|Localhost) \| (TCP|UDP|RAW) \| ([0-9]+) \|(?: (.*) \|)?`)
	prose := regexp.MustCompile(`^(Outbound|All Components) ([A-Z, ]+) ([0-9][0-9, ]*[0-9])`)
	want := map[string]int{} // "line protocol port" -> how many rows
	comments := map[int]string{}
	for i, s := range text {
		n := i + 1
		if m := cell.FindStringSubmatch(s); m != nil {
			want[fmt.Sprintf("%d %s %s %s", n, strings.ToLower(m[1]), m[2], m[3])]++
			comments[n] = strings.TrimRight(m[4], "|")
		} else if m := prose.FindStringSubmatch(s); m != nil {
			hosts := 1
			if strings.Contains(s, "Licensing") {
				hosts = 6 // lines 42, 43 and 45 to 48
			}
			for protocol := range strings.SplitSeq(m[2], ", ") {
				for port := range strings.SplitSeq(m[3], ", ") {
					want[fmt.Sprintf("%d any %s %s", n, protocol, port)] += hosts
				}
			}
		}
	}
	rows, err := Edition("16")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		name, port := map[rules.Protocol]string{rules.TCP: "TCP", rules.UDP: "UDP", rules.VRRP: "RAW"}[r.Protocol], int(r.Port)
		if r.Port == 0 {
			port = int(r.Protocol)
		}
		key := fmt.Sprintf("%d %s %s %d", r.Lines[0], r.Scope, name, port)
		if want[key]--; want[key] < 0 {
			t.Errorf("%s: line %d does not say %q: %s", r.ID, r.Lines[0], key, text[r.Lines[0]-1])
		}
		if c := comments[r.Lines[0]]; c != "" && c != r.Commentary {
			t.Errorf("%s: %q, and the text says %q", r.ID, r.Commentary, c)
		}
		at := func(s string) bool {
			return slices.ContainsFunc(r.Lines, func(n int) bool { return strings.Contains(text[n-1], s) })
		}
		if !at(r.Remote) || !at(r.Commentary) || !at(r.Condition) && r.Condition != r.Commentary {
			t.Errorf("%s: lines %v do not hold remote %q, condition %q, commentary %q", r.ID, r.Lines, r.Remote, r.Condition, r.Commentary)
		}
		if r.MinVersion != "" && !at("Version "+r.MinVersion+" and later") && !at("Applicable for version "+r.MinVersion+" onwards") {
			t.Errorf("%s: nothing says from version %s", r.ID, r.MinVersion)
		}
		if r.MaxVersion != "" && !at("Version "+r.MaxVersion+" and earlier") {
			t.Errorf("%s: nothing says to version %s", r.ID, r.MaxVersion)
		}
	}
	for key, n := range want {
		if n > 0 {
			t.Errorf("the text says %q %d more times than the catalogue", key, n)
		}
	}
}
