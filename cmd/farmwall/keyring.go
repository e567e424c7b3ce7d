package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/zalando/go-keyring"

	"farmwall/inventory"
)

// systemKeyring is the store of passwords of the user who is logged on: the
// Credential Manager on Windows, the Keychain on macOS, the Secret Service on Linux.
type systemKeyring struct{}

func (systemKeyring) Get(service, name string) (string, error) {
	if err := keyringThere(); err != nil {
		return "", err
	}
	text, err := keyring.Get(service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", inventory.ErrNotInKeyring
	}
	return text, keyringError(err)
}

// keyringThere says what to do where there is no keyring at all. On Linux it is
// asked over the session's bus, which must not be started for it.
func keyringThere() error {
	if runtime.GOOS != "linux" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "bus")); err == nil {
			return nil
		}
	}
	return errors.New("there is no keyring without a desktop session on this machine; use lookup('env', ...), lookup('file', ...) or a vault")
}

// keyringError adds what may be wrong where the keyring does not answer.
func keyringError(err error) error {
	if err != nil && runtime.GOOS == "linux" {
		return fmt.Errorf("the session's Secret Service does not answer: %w", err)
	}
	return err
}
