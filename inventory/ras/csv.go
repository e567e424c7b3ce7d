package ras

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"farmwall/inventory"
)

// maxTable is the largest table that is read, in bytes.
const maxTable = 64 << 20

// columns are the names that a table's columns may have, in lower case; those of
// Get-RASAgent stand first.
func columns() map[string][]string {
	return map[string][]string{
		"server":  {"server", "name", "host", "hostname", "computer", "computername", "server name", "fqdn"},
		"type":    {"servertype", "type", "role", "component", "server type", "agent type"},
		"address": {"ip", "address", "ipaddress", "ip address", "addresses", "direct address"},
		"version": {"agentver", "agentversion", "version", "agent version"},
		"site":    {"siteid", "site", "site id"},
	}
}

// ReadCSV reads a table with a line of column names: commas, semicolons or tabs
// between the fields, UTF-8 or what PowerShell writes. The error is
// inventory.Problems, with the line of each mistake.
func ReadCSV(in io.Reader, file string) ([]Agent, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxTable+1))
	if err != nil {
		return nil, one(file, 0, "", "cannot read it: %s", err)
	}
	if len(data) > maxTable {
		return nil, one(file, 0, "is this a table of hosts?", "the file is larger than 64 MiB")
	}
	text, err := decoded(data)
	if err != nil {
		return nil, one(file, 0, "save it as UTF-8", "%s", err)
	}
	skipped := 0
	if strings.HasPrefix(text, "#TYPE") { // Export-Csv of Windows PowerShell
		_, text, _ = strings.Cut(text, "\n")
		skipped = 1
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = separator(text), -1, true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, one(file, 0, "export it with: Get-RASAgent | Export-Csv -NoTypeInformation agents.csv", "the table is empty")
	}
	if err != nil {
		return nil, csvProblem(file, skipped, err)
	}
	at := map[string]int{}
	for name, words := range columns() {
		at[name] = column(head, words)
	}
	if at["server"] < 0 || at["type"] < 0 {
		return nil, one(file, 1+skipped, "the first line names the columns; Server and ServerType are needed", "the table has no column for the host or for what it is: %q", strings.Join(head, ", "))
	}
	return rows(r, at, file, skipped)
}

func rows(r *csv.Reader, at map[string]int, file string, skipped int) ([]Agent, error) {
	var agents []Agent
	var problems inventory.Problems
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, append(problems, csvProblem(file, skipped, err)...)
		}
		line, _ := r.FieldPos(0)
		field := func(name string) string {
			if i := at[name]; i >= 0 && i < len(record) {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		a := Agent{Server: field("server"), Type: field("type"), Version: field("version"), Site: field("site")}
		if a.Server == "" && a.Type == "" {
			continue
		}
		wrong := func(hint, format string, args ...any) {
			problems = append(problems, one(file, line+skipped, hint, format, args...)...)
		}
		_, kind := a.role()
		var ok bool
		switch a.Addresses, ok = addresses(field("address")); {
		case kind == unknownKind:
			wrong("Gateway, Broker, RDSHost, Provider, Guest, HALBDevice, RemotePC, Reporting or one of farmwall's roles", "%q is no type of server that farmwall knows", a.Type)
		case kind != noHostKind && !validServer(a.Server):
			wrong("a host name or an address", "%q is no name of a host", a.Server)
		case !ok:
			wrong("", "%q is no address", field("address"))
		default:
			agents = append(agents, a)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return agents, nil
}

func one(file string, line int, hint, format string, args ...any) inventory.Problems {
	return inventory.Problems{{At: inventory.Position{File: file, Line: line}, Text: fmt.Sprintf(format, args...), Hint: hint}}
}

func csvProblem(file string, skipped int, err error) inventory.Problems {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return one(file, p.Line+skipped, "", "broken table: %s", p.Err)
	}
	return one(file, 0, "", "broken table: %s", err)
}

func column(head []string, names []string) int {
	for _, name := range names {
		for i, word := range head {
			if strings.ToLower(strings.TrimSpace(word)) == name {
				return i
			}
		}
	}
	return -1
}

// separator is what stands most often in the first line of semicolon, tab and comma.
func separator(text string) rune {
	line, _, _ := strings.Cut(text, "\n")
	best, most := ',', strings.Count(line, ",")
	for _, c := range ";\t" {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// decoded is the text without a byte order mark; what PowerShell redirects into a
// file is UTF-16.
func decoded(data []byte) (string, error) {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
		fallthrough
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		units := make([]uint16, 0, len(data)/2)
		for i := 2; i+1 < len(data); i += 2 {
			units = append(units, order.Uint16(data[i:]))
		}
		return string(utf16.Decode(units)), nil
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return "", errors.New("the file is not UTF-8")
	}
	return string(data), nil
}
