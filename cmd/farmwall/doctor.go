package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/rules/windows"
)

func (p *program) doctorVerb() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "print a PowerShell script that finds out how a Windows host behaves, and changes nothing there", Category: "without contacting a host",
		Flags:  []cli.Flag{text("out", "o", "", "write it to `FILE`")},
		Action: p.action(p.doctor),
	}
}

// doctor prints the script, and on standard error what to do with it.
func (p *program) doctor(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	script := []byte(strings.ReplaceAll(windows.Doctor().Body, "\n", "\r\n"))
	name := "doctor.ps1"
	if file := c.String("out"); file != "" {
		name = file
		if err := os.WriteFile(file, script, 0o600); err != nil {
			return exitOK, err
		}
	} else if _, err := p.stdout.Write(script); err != nil {
		return exitOK, err
	}
	_, err := fmt.Fprintf(p.stderr, "On the Windows host, as administrator:\n  powershell -NoProfile -ExecutionPolicy Bypass -File %s > report.json\n"+
		"It changes nothing and reports no name, no address and no secret: read report.json, then send it to who asked for it.\n", name)
	return exitOK, err
}
