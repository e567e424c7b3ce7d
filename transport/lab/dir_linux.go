package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// What lies in the lab's folder, and goes with it.
const (
	keyName   = "id_ed25519"
	knownName = "known_hosts"
	stateName = "state"
	guestName = "guests"
)

func labFiles() []string {
	return []string{controlName, keyName, knownName, stateName, guestName, "disks", "log"}
}

// makeDir makes the folder and writes the keys. A folder that a dead lab left is
// used again; one with anything else in it is refused.
func makeDir(ctx context.Context, config *farmConfig, client keyPair) error {
	var err error
	if config.Dir == "" {
		if config.Dir, err = os.MkdirTemp("", "farmwall-lab-"); err != nil {
			return err
		}
	}
	if config.Dir, err = filepath.Abs(config.Dir); err != nil {
		return err
	}
	if c, err := dialControl(ctx, config.Dir); err == nil {
		c.Close()
		return fmt.Errorf("a lab is up in %s already; \"farmwall lab down\" ends it", config.Dir)
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return err
	}
	if err := ownFolder(config.Dir); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, name := range labFiles() {
		known[name] = true
	}
	entries, err := os.ReadDir(config.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !known[e.Name()] {
			return fmt.Errorf("%s holds %s, which is not the lab's: name an empty folder", config.Dir, e.Name())
		}
	}
	for _, name := range labFiles() {
		if err := os.RemoveAll(filepath.Join(config.Dir, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"disks", stateName, guestName} {
		if err := os.Mkdir(filepath.Join(config.Dir, name), 0o700); err != nil {
			return err
		}
	}
	var lines strings.Builder
	for i, h := range config.Hosts {
		lines.WriteString(knownHosts(h, config.Keys[i]))
	}
	if err := os.WriteFile(filepath.Join(config.Dir, knownName), []byte(lines.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(config.Dir, keyName), []byte(client.Private), 0o600)
}

// ownFolder wants a folder that nobody else owns or can enter: others can make
// folders in /tmp too.
func ownFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is no folder of yours: name another one", dir)
	}
	return os.Chmod(dir, 0o700)
}

// removeFiles takes away what makeDir made, and the folder if nothing else is
// in it.
func removeFiles(dir string) {
	for _, name := range labFiles() {
		os.RemoveAll(filepath.Join(dir, name))
	}
	os.Remove(dir)
}
