package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/inventory/ras"
)

func (p *program) importVerb() *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "write an inventory of what a RAS farm knows of itself", ArgsUsage: "[FILE]",
		Flags: []cli.Flag{
			text("from", "", "", "`WHAT`: csv (FILE, or \"-\": a table of Get-RASAgent) or rest (the farm's REST API)"),
			text("server", "", "", "the `HOST[:PORT]` with the REST API (port 20443)"),
			text("user", "u", "", "log in as `USER`"),
			text("farm", "", "", "`NAME` of the farm in the inventory"),
			text("ca-file", "", "", "trust the certificates in `FILE` instead of the system's"),
			text("tls-pin", "", "", "trust the certificate with this `SHA256`"),
			text("out", "o", "", "write to a new `FILE`"),
		},
		Action: p.action(p.inventoryImport),
	}
}

// passwordVariable holds the password for the REST API where nobody can be asked.
const passwordVariable = "FARMWALL_RAS_PASSWORD"

func (p *program) inventoryImport(c *cli.Context) (int, error) {
	var agents []ras.Agent
	var source string
	var err error
	switch c.String("from") {
	case "csv":
		source, err = oneArgument(c, "FILE")
		if err == nil {
			agents, err = p.importCSV(source)
		}
	case "rest":
		source = c.String("server")
		if err = noArgument(c); err == nil {
			agents, err = p.importREST(c)
		}
	default:
		err = usagef("import from where? give --from csv FILE, or --from rest --server HOST --user USER")
	}
	if err != nil {
		return exitOK, err
	}
	var out bytes.Buffer
	made, err := ras.Write(&out, agents, c.String("farm"), source)
	if err != nil {
		return exitOK, err
	}
	for _, name := range made.LeftOut {
		p.say("warning", name+" is left out: farmwall has no role for it")
	}
	if err := p.writeNew(c.String("out"), out.Bytes()); err != nil {
		return exitOK, err
	}
	p.say("note", fmt.Sprintf("%s imported; look it over with farmwall inventory lint", count(made.Hosts, "host")))
	return exitOK, nil
}

func (p *program) importCSV(name string) ([]ras.Agent, error) {
	if name == "-" {
		return ras.ReadCSV(p.stdin, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ras.ReadCSV(f, name)
}

func (p *program) importREST(c *cli.Context) ([]ras.Agent, error) {
	if c.String("server") == "" || c.String("user") == "" {
		return nil, usagef("--from rest needs --server HOST and --user USER")
	}
	password, set := os.LookupEnv(passwordVariable)
	if !set {
		var err error
		if password, err = p.askSecret("--from rest (or the variable "+passwordVariable+")", "Password of "+plain(c.String("user"))+": "); err != nil {
			return nil, err
		}
	}
	farm := &ras.Farm{Server: c.String("server"), User: c.String("user"), Password: inventory.NewSecret(strings.TrimRight(password, "\r\n")),
		CAFile: c.String("ca-file"), Pin: c.String("tls-pin")}
	return farm.Agents(c.Context)
}

// writeNew writes to a file that must not be there yet, or to standard output.
func (p *program) writeNew(name string, text []byte) error {
	if name == "" {
		_, err := p.stdout.Write(text)
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, bytes.NewReader(text)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
