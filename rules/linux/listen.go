package linux

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"farmwall/rules"
)

// What a host's own programs run to wait for flows. Neither of the two first texts holds a
// single quote: they stand between two.
var (
	//go:embed listen.pl
	listenPerl string
	//go:embed listen.py
	listenPython string
	//go:embed listen.sh
	listenSh string
)

// Listen says what the host waits on, and waits on the ends of the request that are free,
// with perl, python3 or busybox.
func (s *System) Listen(r rules.ListenRequest) rules.Script {
	var q request
	q.add("nonce", r.Nonce)
	q.add("life", strconv.FormatInt(int64(r.Life/time.Second), 10))
	if len(r.Ends) > 0 {
		q.add("do", "open")
	}
	if r.Tool != "" {
		q.add("tool", r.Tool)
	}
	q.b.WriteByte('\n')
	for i, e := range r.Ends {
		if e.Protocol == rules.TCP || e.Protocol == rules.UDP {
			fmt.Fprintf(&q.b, "%d %s %s %d\n", i, e.Protocol, e.Address, e.Port)
		}
	}
	return listening(q.b.Bytes())
}

// Unlisten ends the listeners of a Listen.
func (s *System) Unlisten(r rules.ListenRequest) rules.Script {
	var q request
	q.add("nonce", r.Nonce)
	q.add("do", "close")
	return listening(q.end())
}

func listening(input []byte) rules.Script {
	return rules.Script{Name: "listen", Shell: rules.Sh, Input: input,
		Body: folderSh + "listen_perl='" + listenPerl + "'\nlisten_python='" + listenPython + "'\n" + listenSh}
}

// ReadListen reads the lines that listen.sh describes. Of an Unlisten, Closed says whether
// the listeners lived until then.
func (s *System) ReadListen(r rules.ListenRequest, out []byte) (*rules.ListenReport, error) {
	lines, err := probeLines("listen", out)
	if err != nil {
		return nil, err
	}
	report := &rules.ListenReport{Opened: make([]bool, len(r.Ends)), Why: make([]string, len(r.Ends))}
	seen := make([]bool, len(r.Ends))
	for _, line := range lines {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tool":
			report.Tool = value
		case "cannot":
			report.Cannot = value
		case "closed":
			report.Closed = true
		case "waits":
			var e rules.FlowEnd
			if e, err = socketOf(value); err == nil {
				report.Waits = append(report.Waits, e)
			}
		case "opened":
			number, why, _ := strings.Cut(value, " ")
			n, bad := strconv.ParseUint(number, 10, 31)
			if bad != nil || int(n) >= len(r.Ends) || seen[n] {
				err = fmt.Errorf("nobody asked for that")
				break
			}
			seen[n] = true
			if report.Opened[n] = why == "yes"; !report.Opened[n] {
				report.Why[n] = why
			}
		default:
			err = fmt.Errorf("unknown line")
		}
		if err != nil {
			return nil, fmt.Errorf("the host's answer holds %s: %w", brief([]byte(line)), err)
		}
	}
	for i, e := range r.Ends {
		switch {
		case seen[i]:
		case e.Protocol != rules.TCP && e.Protocol != rules.UDP:
			report.Why[i] = "a protocol without ports has no listener"
		case report.Cannot != "":
			report.Why[i] = report.Cannot
		default:
			return nil, fmt.Errorf("the host's answer does not say whether it waits on %s port %d", e.Protocol, e.Port)
		}
	}
	return report, nil
}

// socketOf reads "tcp 0100007F:1F90" as /proc/net has it: 32 bits at a time, in the order of
// bytes that all machines have on which a farm runs.
func socketOf(text string) (rules.FlowEnd, error) {
	var e rules.FlowEnd
	protocol, rest, _ := strings.Cut(text, " ")
	switch protocol {
	case "tcp":
		e.Protocol = rules.TCP
	case "udp":
		e.Protocol = rules.UDP
	default:
		return e, fmt.Errorf("unknown protocol")
	}
	address, port, _ := strings.Cut(rest, ":")
	b, err := hex.DecodeString(address)
	if err != nil || len(b) != 4 && len(b) != 16 {
		return e, fmt.Errorf("no address")
	}
	for part := range slices.Chunk(b, 4) {
		slices.Reverse(part)
	}
	e.Address, _ = netip.AddrFromSlice(b)
	e.Address = e.Address.Unmap()
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return e, fmt.Errorf("no port")
	}
	e.Port = uint16(n)
	return e, nil
}
