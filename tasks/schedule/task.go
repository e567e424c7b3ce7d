package schedule

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// Folder is where our tasks stand in the Task Scheduler.
const Folder = `\farmwall\`

// Task is the schedule as a task of Windows, for "schtasks /Create /XML". Elements
// and their order are those of the Task Scheduler schema (MS-TSCH 2.5). The task runs
// as user with an S4U log-on: whether they are logged on or not, with no password
// kept. begin is the first start, in local time.
func (s *Schedule) Task(user string, begin time.Time) string {
	var words []string
	for _, a := range s.Args {
		words = append(words, windowsWord(a.Text+a.File))
	}
	t := task{Version: "1.3"}
	t.Info.Author = "farmwall"
	t.Info.Description = fmt.Sprintf("farmwall schedule %s: drift of a farm, every %s", s.Name, span(s.Every))
	t.Info.URI = Folder + s.Name
	t.Trigger.Start = begin.Format("2006-01-02T15:04:05")
	t.Trigger.Interval = xmlSpan(s.Every)
	if j := Jitter(s.Every); j >= time.Second {
		t.Trigger.RandomDelay = xmlSpan(j)
	}
	t.Principal.ID, t.Principal.UserID, t.Principal.LogonType, t.Principal.RunLevel = "Author", user, "S4U", "LeastPrivilege"
	t.Settings = taskSettings{MultipleInstances: "IgnoreNew", StartWhenAvailable: true, HardTerminate: true, Limit: xmlSpan(s.limit()), OnDemand: true, Enabled: true}
	t.Actions.Context, t.Actions.Command, t.Actions.Arguments = "Author", s.Program, strings.Join(words, " ")
	out, err := xml.MarshalIndent(&t, "", "  ")
	if err != nil {
		panic(err) // cannot be: a structure of texts
	}
	return string(out) + "\n"
}

// TaskFile is the task's text as schtasks reads it: UTF-16 with a byte order mark.
func TaskFile(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(`<?xml version="1.0" encoding="UTF-16"?>` + "\r\n" + strings.ReplaceAll(text, "\n", "\r\n"))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

type task struct {
	XMLName struct{} `xml:"http://schemas.microsoft.com/windows/2004/02/mit/task Task"`
	Version string   `xml:"version,attr"`
	Info    struct {
		Author      string
		Description string
		URI         string
	} `xml:"RegistrationInfo"`
	Trigger struct {
		Start       string `xml:"StartBoundary"`
		Interval    string `xml:"Repetition>Interval"`
		RandomDelay string `xml:",omitempty"`
	} `xml:"Triggers>TimeTrigger"`
	Principal struct {
		ID        string `xml:"id,attr"`
		UserID    string `xml:"UserId"`
		LogonType string
		RunLevel  string
	} `xml:"Principals>Principal"`
	Settings taskSettings
	Actions  struct {
		Context   string `xml:",attr"`
		Command   string `xml:"Exec>Command"`
		Arguments string `xml:"Exec>Arguments"`
	}
}

type taskSettings struct {
	MultipleInstances  string `xml:"MultipleInstancesPolicy"`
	NoBatteryStart     bool   `xml:"DisallowStartIfOnBatteries"`
	BatteryStop        bool   `xml:"StopIfGoingOnBatteries"`
	HardTerminate      bool   `xml:"AllowHardTerminate"`
	StartWhenAvailable bool   `xml:"StartWhenAvailable"`
	OnDemand           bool   `xml:"AllowStartOnDemand"`
	Enabled            bool   `xml:"Enabled"`
	Limit              string `xml:"ExecutionTimeLimit"`
}

// xmlSpan is a duration of XML Schema.
func xmlSpan(d time.Duration) string {
	day := 24 * time.Hour
	text := "P"
	if n := d / day; n > 0 {
		text += fmt.Sprintf("%dD", n)
	}
	if rest := d % day; rest > 0 {
		text += "T"
		for _, u := range []struct {
			name string
			unit time.Duration
		}{{"H", time.Hour}, {"M", time.Minute}, {"S", time.Second}} {
			if n := rest / u.unit; n > 0 {
				text += fmt.Sprintf("%d%s", n, u.name)
				rest -= n * u.unit
			}
		}
	}
	return text
}

// windowsWord quotes a word as the C runtime and Go take command lines apart:
// backslashes count only before a quote.
func windowsWord(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t\"") {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteByte(text[i])
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes))
	b.WriteByte('"')
	return b.String()
}
