package windows

import (
	"embed"
	"strings"
)

// scripts are the fixed programs for a Windows host's PowerShell.
//
//go:embed *.ps1
var scripts embed.FS

// body is the program that begins with NAME.ps1. The parts behind it define what it
// stands on; the last of them runs it.
func body(name string) string {
	parts := []string{name, "seams", "json", "fingerprint", "ground", "tasks"}
	switch name {
	case "observe", "doctor":
	case "probe":
		parts = []string{name, "seams", "json"}
	case "listen":
		parts = []string{name, "seams", "json", "ground", "tasks"}
	default:
		parts = append(parts, "lock", "rule", "plan", "undo", "settle", "switch")
	}
	var b strings.Builder
	for _, part := range append(parts, "run") {
		text, err := scripts.ReadFile(part + ".ps1")
		if err != nil {
			panic(err) // it is part of this program
		}
		b.Write(text)
	}
	return b.String()
}
