package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// verbHelp is the template of a verb's help, with its flags in two columns that fit a
// terminal; cli's own names each flag's variable and repeats what may be given again.
func verbHelp(c *cli.Command) string {
	var rows [][2]string
	width := 0
	for _, f := range c.Flags {
		flag, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		left, usage := flagNames(f.Names(), flag), strings.ReplaceAll(flag.GetUsage(), "`", "")
		if d := flagDefault(flag); d != "" {
			usage += " (default: " + d + ")"
		}
		rows, width = append(rows, [2]string{left, usage}), max(width, len(left))
	}
	rows, width = append(rows, [2]string{"-h, --help", "show this"}), max(width, len("-h, --help"))
	var b strings.Builder
	b.WriteString("{{.HelpName}}: {{.Usage}}\n\nUSAGE:\n   {{.HelpName}} [flags]{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}\n\nFLAGS:\n")
	for _, r := range rows {
		line := fmt.Sprintf("   %-*s  %s\n", width, r[0], r[1])
		b.WriteString(strings.ReplaceAll(line, "{{", "{ {")) // a default may hold any path
	}
	b.WriteString("\nEach flag has a variable: FARMWALL_ and its long name, as in FARMWALL_INVENTORY.\n")
	return b.String()
}

// flagNames is "-i, --inventory SOURCE".
func flagNames(names []string, flag cli.DocGenerationFlag) string {
	var short, long []string
	for _, n := range names {
		if len(n) == 1 {
			short = append(short, "-"+n)
		} else {
			long = append(long, "--"+n)
		}
	}
	s := strings.Join(append(short, long...), ", ")
	if flag.TakesValue() {
		what := "VALUE"
		if parts := strings.SplitN(flag.GetUsage(), "`", 3); len(parts) == 3 {
			what = parts[1]
		}
		s += " " + what
	}
	return s
}

// flagDefault is what a flag is without being given, where that is worth a word.
func flagDefault(flag cli.DocGenerationFlag) string {
	switch f := flag.(type) {
	case *cli.StringFlag:
		return f.Value
	case *cli.IntFlag:
		return fmt.Sprint(f.Value)
	case *cli.DurationFlag:
		return f.DefaultText
	}
	return ""
}
