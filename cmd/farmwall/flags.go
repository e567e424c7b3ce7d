package main

import (
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// env is the variable of a flag: FARMWALL_ and its long name.
func env(name string) []string {
	return []string{"FARMWALL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
}

func text(name, short, value, usage string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Aliases: aliases(short), Value: value, Usage: usage, EnvVars: env(name)}
}

func list(name, short, usage string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Aliases: aliases(short), Usage: usage, EnvVars: env(name)}
}

func toggle(name, short, usage string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Aliases: aliases(short), Usage: usage, EnvVars: env(name), DisableDefaultText: true}
}

func aliases(short string) []string {
	if short == "" {
		return nil
	}
	return strings.Split(short, ",")
}

// sourceFlags say which farm and which of its hosts.
func sourceFlags() []cli.Flag {
	return together([]cli.Flag{
		list("inventory", "i", "inventory `SOURCE`: file, directory, script or \"a,b,\"; may be given again"),
		text("limit", "l", "", "only the hosts that match `PATTERN` are contacted; who is a member stays the same"),
		list("extra-vars", "e", "`VAR`=VALUE, or @FILE; wins over every other variable"),
		&cli.DurationFlag{Name: "script-timeout", Usage: "`TIME` that an inventory script may take for one answer", Value: 30 * time.Second, DefaultText: "30s", EnvVars: env("script-timeout")},
	}, vaultFlags())
}

// vaultFlags are the passwords for what Ansible Vault encrypted.
func vaultFlags() []cli.Flag {
	return []cli.Flag{
		list("vault-id", "", "`LABEL@SOURCE` of a vault password: a file, a program that prints it, or prompt"),
		&cli.StringSliceFlag{Name: "vault-password-file", Usage: "`FILE` with the vault password, or a program that prints it",
			EnvVars: append(env("vault-password-file"), "ANSIBLE_VAULT_PASSWORD_FILE")},
		toggle("ask-vault-pass", "J", "ask for the vault password"),
	}
}

// reachFlags say how to reach hosts. What the inventory says about a host wins, as in Ansible.
func reachFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "forks", Aliases: []string{"f"}, Value: 32, Usage: "at most `N` hosts at once", EnvVars: env("forks")},
		text("user", "u", "", "log in as `USER`"),
		toggle("ask-pass", "k", "ask for the login password"),
		toggle("become", "b", "use sudo (not on Windows)"),
		toggle("ask-become-pass", "K", "ask for the sudo password"),
		text("private-key", "key-file", "", "log in with the key in `FILE`"),
		text("known-hosts", "", "", "`FILE` with the hosts' keys (default: ~/.ssh/known_hosts)"),
		text("known-tls", "", "", "`FILE` with the hosts' certificates (default: ~/.ssh/known_tls)"),
		toggle("insecure-winrm", "", "check no certificate where the inventory says so"),
	}
}

// showFlags say how results are printed.
func showFlags(formats ...string) []cli.Flag {
	if len(formats) == 0 {
		formats = []string{"text", "json", "jsonl"}
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Value: "text", Usage: "`FORMAT`: " + strings.Join(formats, ", "), EnvVars: env("output"),
			Action: func(_ *cli.Context, given string) error {
				if !slices.Contains(formats, given) {
					return usagef("--output %s: this verb prints %s", given, strings.Join(formats, ", "))
				}
				return nil
			}},
		toggle("no-color", "", "no colours (also NO_COLOR)"),
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Count: new(int), Usage: "say more: every host, every address, every step", EnvVars: env("verbose"), DisableDefaultText: true},
		toggle("diff", "D", "show the reason for each rule"),
	}
}

func stateFlags() []cli.Flag {
	return []cli.Flag{text("state", "", "", "`DIR` of the journal (default: "+stateDirWords()+")")}
}

func detailedFlag() cli.Flag {
	return toggle("detailed-exitcode", "", "exit 2 where there are differences")
}

// rolloutFlags say how a change goes through the farm.
func rolloutFlags() []cli.Flag {
	return []cli.Flag{
		toggle("yes", "y,auto-approve", "do not ask"),
		serialFlag(),
		&cli.DurationFlag{Name: "soak", Usage: "`TIME` that each batch is left alone before its hosts are looked at again and the next one starts", EnvVars: env("soak-time")}, // FARMWALL_SOAK is make soak's
		text("max-fail", "", "0", "more failed hosts than `N` (or N%) start no new batch"),
		text("on-fail", "", "host", "`WHAT` a failure takes back: host, batch or run"),
		&cli.DurationFlag{Name: "confirm-timeout", Usage: "`TIME` after which hosts undo what is not confirmed, 10s to 30m", DefaultText: "60s, on Windows 120s", EnvVars: env("confirm-timeout"), Action: windowFits},
		text("confirm", "", "auto", "`MODE`: auto, or manual to keep a change only when a person says so"),
		toggle("strict", "", "take a change back also where something foreign exposes or hides a flow"),
		text("take-over", "", "", "replace the rules of another `FARM` that a host carries"),
	}
}

func serialFlag() cli.Flag {
	return text("serial", "", "", "batch `SIZES`, for example 1,25%,100%; the last one repeats")
}

func windowFits(_ *cli.Context, given time.Duration) error {
	if given < 10*time.Second || given > 30*time.Minute {
		return usagef("--confirm-timeout %s: it must be 10s to 30m", given)
	}
	return nil
}

func together(groups ...[]cli.Flag) []cli.Flag { return slices.Concat(groups...) }
