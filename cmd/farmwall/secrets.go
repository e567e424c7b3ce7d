package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/zalando/go-keyring"

	"farmwall/inventory"
)

func (p *program) secretsVerb() *cli.Command {
	label := text("encrypt-vault-id", "", "", "encrypt with the password of this `LABEL`")
	encrypt := together(vaultFlags(), []cli.Flag{label})
	rekey := together(encrypt, []cli.Flag{
		list("new-vault-id", "", "`LABEL@SOURCE` of the new vault password"),
		text("new-vault-password-file", "", "", "`FILE` with the new vault password, or a program that prints it"),
	})
	return &cli.Command{
		Name: "secrets", Usage: "vault files as ansible-vault has them, and the system's keyring", Category: "without contacting a host",
		Subcommands: []*cli.Command{
			{Name: "encrypt", Usage: "encrypt files in place, \"-\" from standard input, or one value with --name", ArgsUsage: "FILE...",
				Flags: together(encrypt, []cli.Flag{text("name", "", "", "ask for one value and print it as an encrypted variable `NAME`")}), Action: p.action(p.secretsEncrypt)},
			{Name: "decrypt", Usage: "decrypt files in place, or \"-\" from standard input", ArgsUsage: "FILE...", Flags: vaultFlags(), Action: p.action(p.secretsDecrypt)},
			{Name: "view", Usage: "print encrypted files in plain text", ArgsUsage: "FILE...", Flags: vaultFlags(), Action: p.action(p.secretsView)},
			{Name: "rekey", Usage: "encrypt files with another password", ArgsUsage: "FILE...", Flags: rekey, Action: p.action(p.secretsRekey)},
			{Name: "set", Usage: "store a secret in the system's keyring", ArgsUsage: "NAME", Action: p.action(p.secretsSet)},
			{Name: "remove", Usage: "remove a secret from the system's keyring", ArgsUsage: "NAME", Action: p.action(p.secretsRemove)},
		},
	}
}

func (p *program) secretsEncrypt(c *cli.Context) (int, error) {
	v, err := p.vault(c)
	if err != nil {
		return exitOK, err
	}
	label := c.String("encrypt-vault-id")
	if name := c.String("name"); name != "" {
		return exitOK, p.encryptValue(c, v, name, label)
	}
	return exitOK, p.eachFile(c, func(text []byte) ([]byte, error) {
		if inventory.IsEncrypted(text) {
			return nil, errors.New("it is encrypted already")
		}
		return v.Encrypt(text, label)
	})
}

// encryptValue prints one variable for a YAML file.
func (p *program) encryptValue(c *cli.Context, v *inventory.Vault, name, label string) error {
	if err := noArgument(c); err != nil {
		return err
	}
	value, err := p.typedSecret(name)
	if err != nil {
		return err
	}
	sealed, err := v.Encrypt([]byte(value), label)
	if err != nil {
		return err
	}
	key, err := jsonKey(name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: !vault |\n  %s\n", key, strings.ReplaceAll(strings.TrimSpace(string(sealed)), "\n", "\n  "))
	return err
}

// jsonKey is a name as a key of YAML.
func jsonKey(name string) (string, error) {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return "", usagef("--name %s: a variable's name has letters, digits and underscores", name)
	}
	return name, nil
}

func (p *program) secretsDecrypt(c *cli.Context) (int, error) {
	v, err := p.vault(c)
	if err != nil {
		return exitOK, err
	}
	return exitOK, p.eachFile(c, func(text []byte) ([]byte, error) {
		plain, _, err := opened(v, text)
		return plain, err
	})
}

func opened(v *inventory.Vault, text []byte) (plain []byte, label string, err error) {
	if !inventory.IsEncrypted(text) {
		return nil, "", errors.New("it is not encrypted")
	}
	return v.Decrypt(text)
}

func (p *program) secretsView(c *cli.Context) (int, error) {
	v, err := p.vault(c)
	if err != nil {
		return exitOK, err
	}
	if !c.Args().Present() {
		return exitOK, usagef("secrets view needs a FILE")
	}
	for _, name := range c.Args().Slice() {
		text, err := p.readInput(name)
		if err == nil {
			text, _, err = opened(v, text)
		}
		if err != nil {
			return exitOK, inFile(name, err)
		}
		if _, err := p.stdout.Write(text); err != nil {
			return exitOK, err
		}
	}
	return exitOK, nil
}

func (p *program) secretsRekey(c *cli.Context) (int, error) {
	v, err := p.vault(c)
	if err != nil {
		return exitOK, err
	}
	var files []string
	if f := c.String("new-vault-password-file"); f != "" {
		files = append(files, f)
	}
	ids := c.StringSlice("new-vault-id")
	if len(files)+len(ids) == 0 {
		ids = []string{"prompt"}
	}
	fresh, err := p.vaultOf(c, ids, files, false)
	if err != nil {
		return exitOK, err
	}
	label := c.String("encrypt-vault-id")
	return exitOK, p.eachFile(c, func(text []byte) ([]byte, error) {
		plain, _, err := opened(v, text)
		if err != nil {
			return nil, err
		}
		defer clear(plain)
		return fresh.Encrypt(plain, label)
	})
}

func (p *program) secretsSet(c *cli.Context) (int, error) {
	name, err := oneArgument(c, "NAME")
	if err != nil {
		return exitOK, err
	}
	if err := keyringThere(); err != nil {
		return exitOK, err
	}
	value, err := p.typedSecret(name)
	if err != nil {
		return exitOK, err
	}
	if value == "" {
		return exitOK, errors.New("the secret is empty; nothing was stored")
	}
	if err := keyringError(keyring.Set(inventory.KeyringService, name, value)); err != nil {
		return exitOK, fmt.Errorf("the secret was not stored: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "stored; refer to it with {{ lookup('community.general.keyring', '%s %s') }}\n", inventory.KeyringService, plain(name))
	return exitOK, err
}

func (p *program) secretsRemove(c *cli.Context) (int, error) {
	name, err := oneArgument(c, "NAME")
	if err != nil {
		return exitOK, err
	}
	if err := keyringThere(); err != nil {
		return exitOK, err
	}
	err = keyring.Delete(inventory.KeyringService, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return exitOK, fmt.Errorf("the keyring holds no secret %q of %s", name, inventory.KeyringService)
	}
	return exitOK, keyringError(err)
}

// typedSecret asks twice on a terminal, and reads standard input where there is
// none; one line end at its end is no part of it.
func (p *program) typedSecret(name string) (string, error) {
	if !isTerminal(p.stdin) {
		text, err := io.ReadAll(io.LimitReader(p.stdin, 1<<20))
		return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), err
	}
	first, err := p.askSecret("the secret", "Value of "+plain(name)+": ")
	if err != nil {
		return "", err
	}
	again, err := p.askSecret("the secret", "Once more: ")
	if err == nil && again != first {
		err = errors.New("the two differ; nothing was done")
	}
	return first, err
}
