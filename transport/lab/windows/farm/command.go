package farm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"farmwall/transport/lab/windows"
)

// Words are the commands that a host of the lab understands besides what its engine
// runs, each with what it does.
func Words() [][2]string {
	return [][2]string{
		{"rules [WORD]", "the firewall's rules as the registry has them; only those that hold WORD"},
		{"add STRING", `add a rule: "v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=8080|Name=mine|"`},
		{"remove NAME", "remove one rule of that name"},
		{"enable NAME", "enable a rule of that name"},
		{"disable NAME", "disable a rule of that name"},
		{"tasks", "the scheduled tasks"},
		{"service NAME STATE", "start or stop a service: MpsSvc, BFE or Schedule; Running or Stopped"},
	}
}

// command is something that a person at the host's own desk does, as administrator.
func (h *Host) command(ctx context.Context, argv []string, input []byte) (answer, error) {
	if len(argv) == 0 {
		return answer{}, errors.New("which command?")
	}
	if want := map[string]int{"add": 1, "remove": 1, "enable": 1, "disable": 1, "tasks": 0, "service": 2}; len(argv) > 0 {
		if n, ok := want[argv[0]]; ok && len(argv)-1 != n {
			return answer{}, fmt.Errorf("%s takes %d words", argv[0], n)
		}
	}
	switch argv[0] {
	case "rules":
		return answer{Out: h.rules(argv[1:])}, nil
	case "add":
		return answer{}, h.AddEntry(argv[1])
	case "remove":
		if _, err := h.Item(argv[1]); err != nil {
			return answer{}, fmt.Errorf("rule %q: %w", argv[1], err)
		}
		return answer{}, h.Remove(argv[1], true)
	case "enable", "disable":
		r, err := h.Item(argv[1])
		if err != nil {
			return answer{}, fmt.Errorf("rule %q: %w", argv[1], err)
		}
		return answer{}, h.Set(r, "Enabled", argv[0] == "enable", true)
	case "tasks":
		return answer{Out: []byte(lines(h.Tasks()))}, nil
	case "service":
		switch argv[1] {
		case "MpsSvc", "BFE", "Schedule":
		default:
			return answer{}, fmt.Errorf("the lab's hosts have no service %s", argv[1])
		}
		if argv[2] != "Running" && argv[2] != "Stopped" {
			return answer{}, fmt.Errorf("%s: Running or Stopped", argv[2])
		}
		h.SetService(argv[1], argv[2])
		return answer{}, nil
	}
	var out, errs bytes.Buffer
	code, err := h.Run(ctx, windows.Command{Line: strings.Join(argv, " "), User: h.Name() + `\Administrator`, Admin: true,
		Stdin: bytes.NewReader(input), Stdout: &out, Stderr: &errs})
	if errors.Is(err, io.ErrClosedPipe) {
		err = nil
	}
	return answer{Out: out.Bytes(), Err: errs.Bytes(), Code: int(code)}, err
}

const rulesKey = `SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules`

func (h *Host) rules(words []string) []byte {
	var b bytes.Buffer
	values, _ := h.Key(rulesKey)
	for _, v := range values {
		text, _ := v.Data.(string)
		fits := true
		for _, w := range words {
			fits = fits && strings.Contains(strings.ToLower(text), strings.ToLower(w))
		}
		if fits {
			fmt.Fprintln(&b, text)
		}
	}
	return b.Bytes()
}

func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}
