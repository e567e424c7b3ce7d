package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

// vault gathers the passwords for what Ansible Vault encrypted.
func (p *program) vault(c *cli.Context) (*inventory.Vault, error) {
	return p.vaultOf(c, c.StringSlice("vault-id"), c.StringSlice("vault-password-file"), c.Bool("ask-vault-pass"))
}

func (p *program) vaultOf(c *cli.Context, ids, files []string, ask bool) (*inventory.Vault, error) {
	v := &inventory.Vault{}
	for _, id := range ids {
		if err := v.AddSource(c.Context, id, p.askVaultPassword); err != nil {
			return nil, err
		}
	}
	for _, file := range files {
		if file == "" {
			continue
		}
		if err := v.AddFile(c.Context, file); err != nil {
			return nil, err
		}
	}
	if ask {
		password, err := p.askVaultPassword("")
		if err != nil {
			return nil, err
		}
		if password.Empty() {
			return nil, usagef("the vault password is empty")
		}
		v.Add("", password)
	}
	return v, nil
}

func (p *program) askVaultPassword(label string) (inventory.Secret, error) {
	prompt := "Vault password: "
	if label != "" {
		prompt = fmt.Sprintf("Vault password (%s): ", plain(label))
	}
	text, err := p.askSecret("--ask-vault-pass", prompt)
	return inventory.NewSecret(text), err
}
