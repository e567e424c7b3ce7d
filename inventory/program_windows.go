package inventory

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
)

func ownGroup(*exec.Cmd) {}

// mayRun says whether a file's name is a program's.
func mayRun(path string, _ fs.FileInfo) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".exe", ".com", ".bat", ".cmd":
		return true
	}
	return false
}
