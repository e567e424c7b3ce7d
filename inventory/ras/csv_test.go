package ras

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"farmwall/inventory"
)

const table = `Server,ServerType,AgentVer,IP,SiteId
pa1,PA,19.4.1-24637,10.0.0.1,1
gw1,Gateway,19.4.1-24637,"10.0.0.2, 10.0.0.3",1
gw1,Provider,19.4.1-24637,10.0.0.2,1
Farm,Site,,,
rds1,RDSHost,18.2,10.0.0.4,1
`

func utf16Table(text string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

func TestTables(t *testing.T) {
	quoted := "#TYPE RASAdminEngine.Core.OutputModels.SysInfo\r\n" + strings.ReplaceAll(strings.ReplaceAll(table, `"10.0.0.2, 10.0.0.3"`, "10.0.0.2 10.0.0.3"), ",", ";")
	for name, text := range map[string]string{
		"plain": table, "mark": "\ufeff" + table, "PowerShell": strings.ReplaceAll(quoted, "\n", "\r\n"), "UTF-16": utf16Table(table), "tabs": strings.ReplaceAll(strings.ReplaceAll(table, `"10.0.0.2, 10.0.0.3"`, "10.0.0.2 10.0.0.3"), ",", "\t"),
		"our words": "host,role,address,version\npa1,connection_broker,10.0.0.1,19.4\ngw1,gateway,10.0.0.2|10.0.0.3,19.4\ngw1,vdi,,\nrds1,rdsh,10.0.0.4,18.2\n",
	} {
		agents, err := ReadCSV(strings.NewReader(text), "t.csv")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		inv := written(t, agents, "")
		var got []string
		for _, h := range inv.Hosts {
			got = append(got, fmt.Sprint(h.Name, " ", h.Roles, h.Addresses.Value, h.Version.Value))
		}
		slices.Sort(got)
		if want := "gw1 [gateway vdi] [10.0.0.2 10.0.0.3] 19.4 pa1 [publishing_agent] [10.0.0.1] 19.4 rds1 [rdsh] [10.0.0.4] 18.2"; strings.Join(got, " ") != want {
			t.Errorf("%s: got %s\nwant %s", name, strings.Join(got, " "), want)
		}
	}
}

// Every mistake is told at once, each with its line.
func TestBadTables(t *testing.T) {
	tests := map[string][]string{
		"":           {"t.csv: the table is empty"},
		"a,b\n1,2\n": {"t.csv:1: the table has no column for the host"},
		"Server,ServerType,IP\na b,Gateway,\nx,Toaster,\ny,RDS,10.0.0.300\n": {`t.csv:2: "a b" is no name of a host`, `t.csv:3: "Toaster" is no type of server`, `t.csv:4: "10.0.0.300" is no address`},
		"Server,ServerType\n\"x,Gateway\n":                                   {"t.csv:2: broken table"},
		"#TYPE x\nServer,ServerType\nx,Toaster\n":                            {`t.csv:3: "Toaster"`},
		"Server,ServerType\n\xff,Gateway\n":                                  {"t.csv: the file is not UTF-8"},
	}
	for text, want := range tests {
		_, err := ReadCSV(strings.NewReader(text), "t.csv")
		problems, ok := err.(inventory.Problems)
		if !ok || len(problems) != len(want) {
			t.Errorf("%q: got %v", text, err)
			continue
		}
		for i, p := range problems {
			if !strings.HasPrefix(p.Error(), want[i]) {
				t.Errorf("%q: got %s, want %s", text, p, want[i])
			}
		}
	}
	if _, err := Write(&strings.Builder{}, []Agent{{Server: "x", Type: "Site"}}, "", "t.csv"); err == nil {
		t.Error("an inventory without hosts is written")
	}
}

// checkWrite writes any agents; what comes out loads, with as many hosts.
func checkWrite(t *testing.T, agents []Agent) {
	var out strings.Builder
	made, err := Write(&out, agents, "", "f")
	if err != nil {
		return // no host
	}
	file := filepath.Join(t.TempDir(), "x.yml")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{file}, inventory.Options{Plain: true})
	if err != nil || len(inv.Hosts) != made.Hosts {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(table))
	f.Add([]byte(utf16Table(table)))
	f.Add([]byte("Server;ServerType\n1.2;3\n-;4\n0755;RDS\nno;Gateway\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		agents, err := ReadCSV(strings.NewReader(string(data)), "t.csv")
		if err != nil {
			if _, ok := err.(inventory.Problems); !ok || agents != nil {
				t.Fatalf("%v and %T", agents, err)
			}
			return
		}
		checkWrite(t, agents)
	})
}
