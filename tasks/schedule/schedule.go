// Package schedule says when drift is looked for, and when it may be put right: the
// windows of time, and what has systemd, the Task Scheduler of Windows or cron start
// farmwall. Everything but installing is text.
package schedule

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Schedule is a verb that is started again and again.
type Schedule struct {
	Name    string        // 1 to 32 of a-z, 0-9 and "-"
	Every   time.Duration // as ParseEvery reads it
	Program string        // farmwall itself, an absolute path
	Args    []Arg         // the verb and its flags
	State   string        // the journal's directory, all that may be written
	Home    string        // where ~/.ssh is
	// Stop is how long a cycle has for finishing or restoring the hosts that it is
	// changing, once it is told to stop.
	Stop time.Duration
}

// Arg is a word of the command line. A secret is named by its file.
type Arg struct {
	Text string // the word, or what stands before File in it
	File string // of a secret, an absolute path
}

// Words are arguments without secrets.
func Words(words ...string) []Arg {
	var out []Arg
	for _, w := range words {
		out = append(out, Arg{Text: w})
	}
	return out
}

// ValidName says what is wrong with a schedule's name.
func ValidName(name string) error {
	bad := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	if bad || name == "" || len(name) > 32 || name[0] == '-' {
		return fmt.Errorf("schedule %q: a name has 1 to 32 of a-z, 0-9 and \"-\" and does not begin with \"-\"", name)
	}
	return nil
}

// Check says what cannot be written into a unit, a task or a crontab.
func (s *Schedule) Check() error {
	if err := ValidName(s.Name); err != nil {
		return err
	}
	for _, text := range s.texts() {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("schedule %s: %q holds a control character, which no unit can hold", s.Name, text)
		}
	}
	return nil
}

func (s *Schedule) texts() []string {
	all := []string{s.Program, s.State, s.Home}
	for _, a := range s.Args {
		all = append(all, a.Text, a.File)
	}
	return all
}

// limit is when a cycle that does not end is stopped.
func (s *Schedule) limit() time.Duration { return max(time.Hour, 4*s.Every) }

// Entry is an installed schedule.
type Entry struct {
	Name    string    `json:"name"`
	Every   string    `json:"every"`
	Command string    `json:"command"`
	Where   string    `json:"where"`             // the timer's file, or the task's name
	Enabled bool      `json:"enabled"`           // it will start by itself
	Next    time.Time `json:"next,omitzero"`     // zero: not known
	Last    time.Time `json:"last,omitzero"`     // zero: never, or not known
	Told    string    `json:"told,omitempty"`    // what else the system says
	Problem string    `json:"problem,omitempty"` // why nothing more is known
}
