package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

// farms reads the inventory and selects the hosts to look at.
func (p *program) farms(c *cli.Context) (*inventory.Inventory, []*inventory.Host, error) {
	return p.farmsWith(c, inventory.Options{})
}

// farmsWith is farms for a verb that wants the inventory read in its own way.
func (p *program) farmsWith(c *cli.Context, options inventory.Options) (*inventory.Inventory, []*inventory.Host, error) {
	sources, err := p.sources(c, &options)
	if err != nil {
		return nil, nil, err
	}
	if c.IsSet("limit") {
		options.Limit = []string{c.String("limit")}
	}
	inv, err := inventory.Load(c.Context, sources, options)
	if err != nil {
		return nil, nil, err
	}
	p.warn(inv.Warnings)
	hosts, err := inv.Select(options.Limit...)
	if err != nil {
		return nil, nil, err
	}
	return inv, hosts, nil
}

// sources returns the sources of the inventory and adds to the options what the
// command line says.
func (p *program) sources(c *cli.Context, options *inventory.Options) ([]string, error) {
	sources := c.StringSlice("inventory")
	if len(sources) == 0 {
		return nil, usagef("which inventory? give one with -i FILE, or set FARMWALL_INVENTORY")
	}
	vault, err := p.vault(c)
	if err != nil {
		return nil, err
	}
	extra, err := inventory.ParseExtra(c.StringSlice("extra-vars"), vault)
	if err != nil {
		return nil, err
	}
	options.Extra, options.Vault, options.Keyring = extra, vault, systemKeyring{}
	options.ScriptTime = c.Duration("script-timeout")
	options.User, options.Become, options.KeyFile = c.String("user"), c.Bool("become"), c.String("private-key")
	if err := p.askPasswords(c, options); err != nil {
		return nil, err
	}
	return sources, nil
}

// askPasswords asks for what -k and -K want, each once for all hosts.
func (p *program) askPasswords(c *cli.Context, options *inventory.Options) error {
	if c.Bool("ask-pass") {
		secret, err := p.askSecret("-k", "Login password: ")
		if err != nil {
			return err
		}
		options.Password = inventory.NewSecret(secret)
	}
	if c.Bool("ask-become-pass") {
		prompt := "Sudo password: "
		if !options.Password.Empty() {
			prompt = "Sudo password (Enter: the login password): "
		}
		secret, err := p.askSecret("-K", prompt)
		if err != nil {
			return err
		}
		options.BecomePassword = inventory.NewSecret(secret)
		if secret == "" {
			options.BecomePassword = options.Password
		}
	}
	return nil
}
