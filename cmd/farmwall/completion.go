package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) completionVerb() *cli.Command {
	verb := &cli.Command{Name: "completion", Usage: "print a script that completes verbs and flags in your shell", Category: "this program"}
	for _, shell := range []struct {
		name, use string
		write     func(app *cli.App) string
	}{
		{"bash", "source <(farmwall completion bash)", bashCompletion},
		{"zsh", "source <(farmwall completion zsh)", zshCompletion},
		{"fish", "farmwall completion fish | source", fishCompletion},
		{"powershell", "farmwall completion powershell | Out-String | Invoke-Expression", powershellCompletion},
	} {
		verb.Subcommands = append(verb.Subcommands, &cli.Command{
			Name: shell.name, Usage: shell.use,
			Action: p.action(func(c *cli.Context) (int, error) {
				_, err := fmt.Fprint(p.stdout, shell.write(p.app()))
				return exitOK, err
			}),
		})
	}
	return verb
}

// words of one verb: what may follow it.
func completions(c *cli.Command) []string {
	words := verbNames(c.Subcommands)
	for _, f := range flagsOf(c) {
		for _, name := range f.Names() {
			words = append(words, dashed(name))
		}
	}
	sort.Strings(words)
	return words
}

// flagsOf is a verb's flags with those of its sub-verbs, each once.
func flagsOf(c *cli.Command) []cli.Flag {
	var out []cli.Flag
	seen := map[string]bool{}
	everyVerb([]*cli.Command{c}, func(c *cli.Command) {
		for _, f := range c.Flags {
			if name := f.Names()[0]; !seen[name] {
				seen[name] = true
				out = append(out, f)
			}
		}
	})
	return out
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func bashCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# farmwall completion for bash\n_farmwall() {\n  local word verb=\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $word in\n")
	fmt.Fprintf(&b, "    %s) verb=$word; break ;;\n    esac\n  done\n  case $verb in\n", strings.Join(verbNames(app.Commands), "|"))
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "  %s) word='%s' ;;\n", c.Name, strings.Join(completions(c), " "))
	}
	fmt.Fprintf(&b, "  *) word='%s' ;;\n  esac\n", strings.Join(verbNames(app.Commands), " "))
	b.WriteString("  mapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\ncomplete -o default -F _farmwall farmwall\n")
	return b.String()
}

func zshCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("#compdef farmwall\n_farmwall() {\n  local word verb=\n  for word in \"${words[@]:1:CURRENT-2}\"; do\n    case $word in\n")
	fmt.Fprintf(&b, "    %s) verb=$word; break ;;\n    esac\n  done\n  case $verb in\n", strings.Join(verbNames(app.Commands), "|"))
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "  %s) compadd -- %s ;;\n", c.Name, strings.Join(completions(c), " "))
	}
	fmt.Fprintf(&b, "  *) compadd -- %s ;;\n  esac\n  _files\n}\ncompdef _farmwall farmwall\n", strings.Join(verbNames(app.Commands), " "))
	return b.String()
}

func fishCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# farmwall completion for fish\n")
	verbs := strings.Join(verbNames(app.Commands), " ")
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "complete -c farmwall -n 'not __fish_seen_subcommand_from %s' -f -a %s -d '%s'\n", verbs, c.Name, quoted(c.Usage))
		for _, s := range c.Subcommands {
			fmt.Fprintf(&b, "complete -c farmwall -n '__fish_seen_subcommand_from %s' -f -a %s -d '%s'\n", c.Name, s.Name, quoted(s.Usage))
		}
		for _, f := range flagsOf(c) {
			line := fmt.Sprintf("complete -c farmwall -n '__fish_seen_subcommand_from %s'", c.Name)
			for _, name := range f.Names() {
				if len(name) == 1 {
					line += " -s " + name
				} else {
					line += " -l " + name
				}
			}
			if _, isBool := f.(*cli.BoolFlag); !isBool {
				line += " -r"
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func powershellCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# farmwall completion for PowerShell\nRegister-ArgumentCompleter -Native -CommandName farmwall -ScriptBlock {\n  param($word, $line, $cursor)\n  $known = @{\n")
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "    '%s' = '%s'\n", c.Name, strings.Join(completions(c), " "))
	}
	fmt.Fprintf(&b, "  }\n  $candidates = '%s'\n", strings.Join(verbNames(app.Commands), " "))
	b.WriteString(`  foreach ($element in $line.CommandElements | Select-Object -Skip 1) {
    $text = $element.ToString()
    if ($element.Extent.EndOffset -lt $cursor -and $known.ContainsKey($text)) { $candidates = $known[$text]; break }
  }
  $candidates.Split(' ') | Where-Object { $_.StartsWith($word) } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`)
	return b.String()
}

func quoted(s string) string { return strings.ReplaceAll(s, "'", `\'`) }
