package linux

import (
	_ "embed"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"farmwall/rules"
)

// What a host's own programs run to open flows. Neither of the two first texts holds a
// single quote: they stand between two.
var (
	//go:embed probe.pl
	probePerl string
	//go:embed probe.py
	probePython string
	//go:embed probe.sh
	probeSh string
)

var _ rules.Prober = (*System)(nil)

// Stealthy is false: Linux says so where nothing listens.
func (s *System) Stealthy() bool { return false }

// Probe opens all flows of the request with what the host has: perl, python3, bash,
// socat, nc or curl.
func (s *System) Probe(r rules.ProbeRequest) rules.Script {
	var q request
	q.add("wait", strconv.FormatInt(max(int64(r.Wait/time.Millisecond), 1), 10))
	q.add("at-once", strconv.Itoa(max(r.AtOnce, 1)))
	q.add("nonce", r.Nonce)
	if r.Tool != "" {
		q.add("tool", r.Tool)
	}
	q.b.WriteByte('\n')
	for i, e := range r.Ends {
		if e.Protocol != rules.TCP && e.Protocol != rules.UDP {
			continue // ReadProbe knows the answer
		}
		hears := "-"
		if r.Listener[i] {
			hears = "listener"
		}
		fmt.Fprintf(&q.b, "%d %s %s %d %s\n", i, e.Protocol, e.Address, e.Port, hears)
	}
	return rules.Script{Name: "probe", Shell: rules.Sh, Input: q.b.Bytes(),
		Body: "probe_perl='" + probePerl + "'\nprobe_python='" + probePython + "'\n" + probeSh}
}

// ReadProbe reads the lines that probe.sh describes.
func (s *System) ReadProbe(r rules.ProbeRequest, out []byte) (*rules.ProbeReport, error) {
	lines, err := probeLines("probe", out)
	if err != nil {
		return nil, err
	}
	report := &rules.ProbeReport{Replies: make([]rules.ProbeReply, len(r.Ends))}
	for _, line := range lines {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tool":
			report.Tool = value
		case "cannot":
			report.Cannot = value
		case "reply":
			err = takeReply(report, r, value)
		default:
			err = fmt.Errorf("unknown line")
		}
		if err != nil {
			return nil, fmt.Errorf("the host's answer holds %s: %w", brief([]byte(line)), err)
		}
	}
	for i, e := range r.Ends {
		switch reply := &report.Replies[i]; {
		case reply.Answer != "":
		case e.Protocol != rules.TCP && e.Protocol != rules.UDP:
			reply.Answer, reply.Text = rules.ProbeUnanswerable, "a protocol without ports gives no answer"
		case report.Cannot != "":
			reply.Answer, reply.Text = rules.ProbeUnanswerable, report.Cannot
		default:
			return nil, fmt.Errorf("the host's answer lacks the reply to %s port %d of %s", e.Protocol, e.Port, e.Address)
		}
	}
	return report, nil
}

// probeLines are the lines between the first and the last of an answer.
func probeLines(name string, out []byte) ([]string, error) {
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) < 2 || lines[0] != "farmwall "+name+" 1" || lines[len(lines)-1] != "end" {
		return nil, fmt.Errorf("the host's answer is cut off or no answer: %s", brief(out))
	}
	return lines[1 : len(lines)-1], nil
}

// takeReply reads NUMBER WORD LOCAL OURS TEXT.
func takeReply(report *rules.ProbeReport, r rules.ProbeRequest, value string) error {
	f := strings.SplitN(value, " ", 5)
	if len(f) < 4 {
		return fmt.Errorf("too few words")
	}
	n, err := strconv.ParseUint(f[0], 10, 31)
	if err != nil || int(n) >= len(r.Ends) {
		return fmt.Errorf("nobody asked for that")
	}
	reply := &report.Replies[n]
	if reply.Answer != "" {
		return fmt.Errorf("it is there twice")
	}
	if len(f) == 5 {
		reply.Text = strings.TrimSpace(f[4])
	}
	if f[2] != "-" {
		if reply.Local, err = netip.ParseAddr(f[2]); err != nil {
			return err
		}
		reply.Local = reply.Local.Unmap().WithZone("")
	}
	switch f[3] {
	case "ours":
		reply.Ours = true
	case "earlier":
		reply.Ours, reply.Text = true, "a listener of an earlier run answered"
	case "-":
	default:
		return fmt.Errorf("unknown owner")
	}
	switch f[1] {
	case "connected", "refused", "filtered", "unreachable":
		reply.Answer = rules.ProbeAnswer(f[1])
	case "silent":
		// Where a listener of ours waits, silence means that nothing got there or back.
		reply.Answer = rules.ProbeUnanswerable
		if r.Listener[n] {
			reply.Answer = rules.ProbeFiltered
		}
	case "cannot":
		reply.Answer = rules.ProbeUnanswerable
	default:
		return fmt.Errorf("unknown word")
	}
	return nil
}
