package main

import (
	"maps"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts a command line into the one order that cli reads: the verb, its
// flags, its arguments. People who come from Ansible write flags before the verb,
// after it, and after its argument; all of these mean the same here. Short flags
// may stand together (-bK, -vv) and hold their value (-lgateways). What follows
// "--" is no flag.
func arrange(commands []*cli.Command, argv []string) ([]string, error) {
	if len(argv) == 0 {
		argv = []string{"farmwall"}
	}
	known := flagShapes(commands)
	// A flag that two verbs have in two shapes is read as the verb at hand has it.
	for _, word := range argv[1:] {
		if c := named(commands, word); c != nil {
			maps.Copy(known, flagShapes([]*cli.Command{c}))
			break
		}
	}
	var flags, words, literal []string
	for rest := argv[1:]; len(rest) > 0; {
		word := rest[0]
		rest = rest[1:]
		switch {
		case word == "--":
			literal, rest = rest, nil
		case strings.HasPrefix(word, "--"):
			name, _, holds := strings.Cut(word[2:], "=")
			takes, ok := known[name]
			if !ok || len(name) < 2 {
				return nil, usagef("there is no flag --%s%s", name, meant(name, longNames(known)))
			}
			flags = append(flags, word)
			if takes && !holds {
				if len(rest) == 0 {
					return nil, usagef("--%s needs a value", name)
				}
				flags[len(flags)-1] += "=" + rest[0]
				rest = rest[1:]
			}
		case len(word) > 1 && word[0] == '-':
			taken, left, err := shortFlags(word[1:], rest, known)
			if err != nil {
				return nil, err
			}
			flags, rest = append(flags, taken...), left
		default:
			words = append(words, word)
		}
	}
	out := []string{argv[0]}
	for list := commands; len(words) > 0; {
		c := named(list, words[0])
		if c == nil {
			break
		}
		out, words, list = append(out, c.Name), words[1:], c.Subcommands
	}
	out = append(out, flags...)
	// cli takes an argument that begins with "-" for a flag unless "--" stands before it.
	return append(append(append(out, "--"), words...), literal...), nil
}

// shortFlags reads one word of short flags, without its "-".
func shortFlags(word string, rest []string, known map[string]bool) (flags, left []string, err error) {
	for word != "" {
		name := word[:1]
		word = word[1:]
		takes, ok := known[name]
		switch {
		case !ok:
			return nil, nil, usagef("there is no flag -%s", name)
		case !takes:
			flags = append(flags, "-"+name)
			continue
		case word != "":
			return append(flags, "-"+name+"="+strings.TrimPrefix(word, "=")), rest, nil
		case len(rest) == 0:
			return nil, nil, usagef("-%s needs a value", name)
		}
		return append(flags, "-"+name+"="+rest[0]), rest[1:], nil
	}
	return flags, rest, nil
}

// flagShapes says for each flag of any verb whether it takes a value.
func flagShapes(commands []*cli.Command) map[string]bool {
	known := map[string]bool{"h": false, "help": false}
	everyVerb(commands, func(c *cli.Command) {
		for _, f := range c.Flags {
			_, isBool := f.(*cli.BoolFlag)
			for _, name := range f.Names() {
				known[name] = !isBool
			}
		}
	})
	return known
}

func longNames(known map[string]bool) []string {
	var names []string
	for name := range known {
		if len(name) > 1 {
			names = append(names, name)
		}
	}
	return names
}

func named(list []*cli.Command, name string) *cli.Command {
	for _, c := range list {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}
