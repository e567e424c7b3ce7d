package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/zalando/go-keyring"

	"farmwall/inventory"
)

// systemKeyring is the store of passwords of the user who is logged on: the
// Credential Manager on Windows, the Keychain on macOS, the Secret Service on Linux.
type systemKeyring struct{}

func (systemKeyring) Get(service, name string) (string, error) {
	text, err := keyring.Get(service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", inventory.ErrNotInKeyring
	}
	return text, keyringError(err)
}

// keyringError says what to do where there is no keyring at all.
func keyringError(err error) error {
	if err == nil {
		return nil
	}
	if runtime.GOOS == "linux" {
		return fmt.Errorf("there is no Secret Service to ask (a desktop session has one; without it use lookup('env', ...), lookup('file', ...) or a vault): %w", err)
	}
	return err
}
