package windows

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type builtin func(ctx context.Context, rest string, out, errs io.Writer) (int64, error)

// environment is the variables of a command, by upper-case name.
func (h *Host) environment(c Command) map[string]string {
	_, user, _ := strings.Cut(h.account(c), `\`)
	env := map[string]string{
		"COMPUTERNAME": strings.ToUpper(h.options.Name), "USERNAME": user, "USERDOMAIN": h.options.Domain,
		"SYSTEMROOT": `C:\Windows`, "WINDIR": `C:\Windows`, "SYSTEMDRIVE": "C:", "COMSPEC": `C:\Windows\system32\cmd.exe`,
		"PROGRAMFILES": `C:\Program Files`, "PROGRAMW6432": `C:\Program Files`, "OS": "Windows_NT", "PROCESSOR_ARCHITECTURE": "AMD64",
		"USERPROFILE": `C:\Users\` + user, "TEMP": `C:\Windows\Temp`, "PATH": `C:\Windows\system32;C:\Windows`,
	}
	for k, v := range c.Env {
		env[strings.ToUpper(k)] = v
	}
	return env
}

// expand replaces %NAME%; what is not known stays as it is.
func (p *prompt) expand(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			break
		}
		j := strings.IndexByte(text[i+1:], '%')
		if j < 0 {
			break
		}
		b.WriteString(text[:i])
		if v, ok := p.env[strings.ToUpper(text[i+1:i+1+j])]; ok {
			b.WriteString(v)
			text = text[i+j+2:]
		} else {
			b.WriteByte('%')
			text = text[i+1:]
		}
	}
	return b.String() + text
}

// builtins are the commands that third-party clients are tried with.
func (p *prompt) builtins() map[string]builtin {
	say := func(format string, args ...any) builtin {
		return func(_ context.Context, _ string, out, _ io.Writer) (int64, error) {
			fmt.Fprintf(out, format+"\r\n", args...)
			return 0, nil
		}
	}
	return map[string]builtin{
		"echo": func(_ context.Context, rest string, out, _ io.Writer) (int64, error) {
			fmt.Fprintf(out, "%s\r\n", rest)
			return 0, nil
		},
		"ver":      say("\r\nMicrosoft Windows [Version %s.%d]", p.host.release.version, p.host.release.revision),
		"hostname": say("%s", p.host.options.Name),
		"whoami":   say("%s", strings.ToLower(p.host.account(p.command))),
		"rem":      func(context.Context, string, io.Writer, io.Writer) (int64, error) { return 0, nil },
		"cd":       say(`C:\Users\%s`, p.env["USERNAME"]),
		"chcp":     p.chcp,
		"exit":     p.exit,
		"set":      p.set,
		"more":     p.filter(""),
		"sort":     p.filter(""),
		"findstr":  p.filter("find"),
		"find":     p.filter("find"),
		"type":     p.typeFile,
		"ipconfig": p.ipconfig,
		"timeout":  p.wait, "ping": p.wait,
	}
}

func (p *prompt) exit(_ context.Context, rest string, _, _ io.Writer) (int64, error) {
	p.done = true
	f := strings.Fields(rest)
	if len(f) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(f[len(f)-1], 10, 32)
	if err != nil {
		return 0, nil
	}
	return int64(uint32(n)), nil
}

func (p *prompt) chcp(_ context.Context, rest string, out, _ io.Writer) (int64, error) {
	page := strings.TrimSpace(rest)
	if page == "" {
		page = "437"
	}
	fmt.Fprintf(out, "Active code page: %s\r\n", page)
	return 0, nil
}

func (p *prompt) set(_ context.Context, rest string, out, errs io.Writer) (int64, error) {
	name, value, assigns := strings.Cut(strings.Trim(rest, `"`), "=")
	if assigns {
		p.env[strings.ToUpper(name)] = value
		return 0, nil
	}
	found := false
	for _, k := range slices.Sorted(maps.Keys(p.env)) {
		if strings.HasPrefix(k, strings.ToUpper(strings.TrimSpace(name))) {
			fmt.Fprintf(out, "%s=%s\r\n", k, p.env[k])
			found = true
		}
	}
	if !found {
		fmt.Fprintf(errs, "Environment variable %s not defined\r\n", name)
		return 1, nil
	}
	return 0, nil
}

// filter prints standard input: all of it, or the lines that hold a text.
func (p *prompt) filter(kind string) builtin {
	return func(ctx context.Context, rest string, out, _ io.Writer) (int64, error) {
		want := ""
		if kind != "" {
			for _, a := range arguments(rest) {
				if !strings.HasPrefix(a, "/") {
					want = a
				}
			}
		}
		if want == "^" || want == ".*" {
			want = ""
		}
		found := false
		err := p.lines(ctx, func(line string) {
			if strings.Contains(line, want) {
				fmt.Fprintf(out, "%s\r\n", line)
				found = true
			}
		})
		if kind != "" && !found {
			return 1, err
		}
		return 0, err
	}
}

// lines reads standard input until it ends or ctx does.
func (p *prompt) lines(ctx context.Context, do func(line string)) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(p.command.Stdin)
		s.Buffer(nil, 64<<20)
		for s.Scan() {
			select {
			case lines <- strings.TrimSuffix(s.Text(), "\r"):
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case l, more := <-lines:
			if !more {
				return nil
			}
			do(l)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// typeFile prints con, which is standard input; the lab has no other files.
func (p *prompt) typeFile(ctx context.Context, rest string, out, errs io.Writer) (int64, error) {
	if strings.EqualFold(strings.TrimSpace(rest), "con") {
		return p.filter("")(ctx, "", out, errs)
	}
	fmt.Fprint(errs, "The system cannot find the file specified.\r\n")
	return 1, nil
}

func (p *prompt) ipconfig(_ context.Context, _ string, out, _ io.Writer) (int64, error) {
	fmt.Fprint(out, "\r\nWindows IP Configuration\r\n\r\n")
	for _, i := range p.host.interfaces() {
		fmt.Fprintf(out, "\r\nEthernet adapter %s:\r\n\r\n", i.Name)
		for _, a := range i.Prefixes {
			fmt.Fprintf(out, "   IP Address. . . . . . . . . . . . : %s\r\n", a.Addr())
		}
	}
	return 0, nil
}

// wait is ping -n N ADDRESS and timeout /t N: what scripts wait with.
func (p *prompt) wait(ctx context.Context, rest string, out, _ io.Writer) (int64, error) {
	seconds := 4
	f := strings.Fields(rest)
	for i, a := range f[:max(0, len(f)-1)] {
		if strings.EqualFold(a, "-n") || strings.EqualFold(a, "/t") {
			seconds, _ = strconv.Atoi(f[i+1])
		}
	}
	for i := range seconds {
		fmt.Fprintf(out, "%d\r\n", i+1)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return 0, nil
}
