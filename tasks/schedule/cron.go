package schedule

import (
	"fmt"
	"strings"
	"time"
)

// Crontab is the schedule as a line for "crontab -e", with a comment before it. Cron
// starts only what divides an hour, a day or a week.
func (s *Schedule) Crontab() (string, error) {
	fields, ok := cronFields(s.Every)
	if !ok {
		return "", fmt.Errorf("cron cannot start something every %s: it takes what divides an hour, a day or a week, as 15m, 6h, 1d or 7d", span(s.Every))
	}
	words := []string{shellWord(s.Program)}
	for _, a := range s.Args {
		words = append(words, shellWord(a.Text+a.File))
	}
	// Cron takes a "%" for the end of the command, also inside quotes: crontab(5).
	command := strings.ReplaceAll(strings.Join(words, " "), "%", `\%`)
	return fmt.Sprintf("# farmwall schedule %s\n%s HOME=%s %s\n", s.Name, fields, strings.ReplaceAll(shellWord(s.Home), "%", `\%`), command), nil
}

// cronFields are the five fields of a rhythm.
func cronFields(every time.Duration) (string, bool) {
	minutes := int(every / time.Minute)
	hours := minutes / 60
	switch {
	case minutes == 1:
		return "* * * * *", true
	case minutes < 60 && 60%minutes == 0:
		return fmt.Sprintf("*/%d * * * *", minutes), true
	case minutes%60 != 0:
		return "", false
	case hours == 1:
		return "0 * * * *", true
	case hours < 24 && 24%hours == 0:
		return fmt.Sprintf("0 */%d * * *", hours), true
	case hours == 24:
		return "0 0 * * *", true
	case hours == 7*24:
		return "0 0 * * 1", true
	}
	return "", false
}

// shellWord quotes a word for sh where it needs it.
func shellWord(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,@+") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
