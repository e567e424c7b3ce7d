package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/tasks"
	"farmwall/tasks/notify"
)

func notifyFlags() []cli.Flag {
	return []cli.Flag{
		list("notify", "", "tell `URL` when a farm's condition changes: https://, smtp://, exec:, slack:// ...; repeatable"),
		list("notify-file", "", "`FILE` with such URLs, one a line, where secrets may stand; a vault may encrypt it"),
	}
}

// teller makes the receivers of the flags; nil where there are none.
func (p *program) teller(c *cli.Context) (*notify.Teller, error) {
	receivers, err := p.receivers(c)
	if err != nil || len(receivers) == 0 {
		return nil, err
	}
	dir, err := madeStateDir(c)
	if err != nil {
		return nil, err
	}
	return &notify.Teller{Receivers: receivers, Dir: dir, Controller: controller(), Scope: c.String("limit"), Now: time.Now}, nil
}

// receivers reads the flags.
func (p *program) receivers(c *cli.Context) ([]notify.Receiver, error) {
	urls, err := p.receiverURLs(c)
	if err != nil || len(urls) == 0 {
		return nil, err
	}
	receivers, err := notify.Parse(urls, notify.FromSystem(func(name string) (string, error) {
		return systemKeyring{}.Get(inventory.KeyringService, name)
	}))
	if err != nil {
		return nil, usagef("%v", err)
	}
	return receivers, nil
}

// receiverURLs gathers the URLs. A command line can be read by everybody on the machine.
func (p *program) receiverURLs(c *cli.Context) ([]string, error) {
	var urls []string
	given := c.StringSlice("notify")
	if fromVariable := os.Getenv(env("notify")[0]); len(given) == 1 && given[0] == fromVariable {
		urls = strings.Fields(fromVariable)
	} else if err := noSecretURL(given); err != nil {
		return nil, err
	} else {
		urls = slices.Clone(given)
	}
	for _, file := range c.StringSlice("notify-file") {
		text, err := p.receiverFile(c, file)
		if err != nil {
			return nil, err
		}
		urls = append(urls, notify.Lines(text)...)
	}
	return urls, nil
}

func noSecretURL(urls []string) error {
	for _, u := range urls {
		if notify.HoldsSecret(u) {
			return usagef("--notify %s holds a secret, and a command line can be read by everybody on this machine; write the URL into a file for --notify-file, or a reference such as ${file:PATH} into it", notify.Redacted(u))
		}
	}
	return nil
}

// maxReceiverFile is the largest file of receivers, in bytes.
const maxReceiverFile = 1 << 20

func (p *program) receiverFile(c *cli.Context, name string) (string, error) {
	f, err := os.Open(atHome(name))
	if err != nil {
		return "", fmt.Errorf("--notify-file %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxReceiverFile+1))
	if err == nil && len(text) > maxReceiverFile {
		err = errors.New("it is larger than 1 MiB")
	}
	if err == nil && inventory.IsEncrypted(text) {
		var vault *inventory.Vault
		if vault, err = p.vault(c); err == nil {
			text, _, err = vault.Decrypt(text)
		}
	}
	if err != nil {
		return "", fmt.Errorf("--notify-file %s: %w", name, err)
	}
	return string(text), nil
}

// tellOf tells the receivers what a cycle found, or that it could not run. A cycle
// that was interrupted tells nothing.
func (p *program) tellOf(ctx context.Context, t *notify.Teller, s *tasks.Summary, exit int, failed error) []notify.Told {
	if t == nil || ctx.Err() != nil {
		return nil
	}
	var reports []notify.Report
	if failed != nil {
		exit = exitOfError(failed)
		reports = []notify.Report{notify.BrokenReport(failed)}
	} else if reports = notify.Reports(s); reports != nil {
		reports = append(reports, notify.RunningReport())
	}
	told, err := t.Tell(ctx, reports, s, exit)
	if err != nil {
		p.say("warning", err.Error())
	}
	for _, one := range told {
		if one.Err != nil {
			p.say("warning", fmt.Sprintf("receiver %s was not told of %s: %v", one.Receiver, farmWords(one.Farm), one.Err))
		}
	}
	return told
}

func farmWords(farm string) string {
	if farm == notify.AllFarms {
		return "the cycle"
	}
	return "farm " + farm
}
