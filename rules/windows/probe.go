package windows

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"farmwall/rules"
)

var _ rules.Prober = (*System)(nil)

// leastWait is how long a Windows host needs to say that it was refused: it tries again
// twice or more, half a second and longer apart.
const leastWait = 4 * time.Second

type probeWire struct {
	Format int         `json:"format"`
	WaitMS int64       `json:"wait_ms"`
	AtOnce int         `json:"at_once"`
	Nonce  string      `json:"nonce"`
	Ends   [][4]string `json:"ends"` // protocol, address, port, "listener" or ""
}

type probedWire struct {
	Format  int         `json:"format"`
	Replies [][4]string `json:"replies"` // word, local address, whose answer, text
}

type listenWire struct {
	Format int         `json:"format"`
	Do     string      `json:"do"` // "list", "open" or "close"
	Nonce  string      `json:"nonce"`
	LifeS  int64       `json:"life_s"`
	Ends   [][3]string `json:"ends"`
}

type listeningWire struct {
	Format int         `json:"format"`
	Waits  [][3]string `json:"waits"`
	Opened []string    `json:"opened"` // "yes", or why not
	Cannot string      `json:"cannot"`
	Closed bool        `json:"closed"`
}

// Stealthy is true: Windows keeps silent at a port where nothing listens, whatever rules say.
func (s *System) Stealthy() bool { return true }

// Probe opens all flows of the request with .NET's sockets. Windows takes its time to give
// up, so it waits for 4 s at least.
func (s *System) Probe(r rules.ProbeRequest) rules.Script {
	w := probeWire{Format: format, WaitMS: int64(max(r.Wait, leastWait) / time.Millisecond), AtOnce: max(r.AtOnce, 1), Nonce: r.Nonce, Ends: [][4]string{}}
	for i, e := range r.Ends {
		if end, can := endOf(e); can {
			hears := ""
			if r.Listener[i] {
				hears = "listener"
			}
			w.Ends = append(w.Ends, [4]string{end[0], end[1], end[2], hears})
		}
	}
	return script("probe", w)
}

// endOf is an end in words; can is false for a protocol without ports.
func endOf(e rules.FlowEnd) (words [3]string, can bool) {
	switch e.Protocol {
	case rules.TCP, rules.UDP:
		return [3]string{e.Protocol.String(), e.Address.String(), strconv.Itoa(int(e.Port))}, true
	}
	return words, false
}

// ReadProbe reads the replies.
func (s *System) ReadProbe(r rules.ProbeRequest, out []byte) (*rules.ProbeReport, error) {
	var w probedWire
	if err := decodeStrict(out, &w); err != nil {
		return nil, fmt.Errorf("the host's answer: %w", err)
	}
	if w.Format != format {
		return nil, fmt.Errorf("the host's answer has the format %d, not %d", w.Format, format)
	}
	report := &rules.ProbeReport{Tool: ".NET", Replies: make([]rules.ProbeReply, len(r.Ends))}
	next := 0
	for i, e := range r.Ends {
		reply := &report.Replies[i]
		if _, can := endOf(e); !can {
			reply.Answer, reply.Text = rules.ProbeUnanswerable, "a protocol without ports gives no answer"
			continue
		}
		if next >= len(w.Replies) {
			return nil, fmt.Errorf("the host's answer holds only %d replies", len(w.Replies))
		}
		if err := read(reply, w.Replies[next], r.Listener[i]); err != nil {
			return nil, err
		}
		next++
	}
	if next < len(w.Replies) {
		return nil, fmt.Errorf("the host's answer holds %d replies to %d questions", len(w.Replies), next)
	}
	return report, nil
}

func read(reply *rules.ProbeReply, w [4]string, hears bool) error {
	switch w[0] {
	case "connected", "refused", "filtered", "unreachable":
		reply.Answer = rules.ProbeAnswer(w[0])
	case "silent":
		// Where a listener of ours waits, silence means that nothing got there or back.
		if reply.Answer = rules.ProbeUnanswerable; hears {
			reply.Answer = rules.ProbeFiltered
		}
	default:
		return fmt.Errorf("the host's answer holds the word %q", brief(w[0]))
	}
	if w[1] != "" {
		local, err := netip.ParseAddr(w[1])
		if err != nil {
			return fmt.Errorf("the host's answer holds the address %q", brief(w[1]))
		}
		if !local.IsUnspecified() {
			reply.Local = local.Unmap().WithZone("")
		}
	}
	reply.Text = w[3]
	switch w[2] {
	case "ours":
		reply.Ours = true
	case "earlier":
		reply.Ours, reply.Text = true, "a listener of an earlier run answered"
	case "":
	default:
		return fmt.Errorf("the host's answer holds the owner %q", brief(w[2]))
	}
	return nil
}

// Listen says what the host waits on, and waits on the ends of the request that are free.
func (s *System) Listen(r rules.ListenRequest) rules.Script {
	w := listenWire{Format: format, Do: "list", Nonce: r.Nonce, LifeS: int64(r.Life / time.Second), Ends: [][3]string{}}
	for _, e := range r.Ends {
		if end, can := endOf(e); can {
			w.Do, w.Ends = "open", append(w.Ends, end)
		}
	}
	return script("listen", w)
}

// Unlisten ends the listeners of a Listen.
func (s *System) Unlisten(r rules.ListenRequest) rules.Script {
	return script("listen", listenWire{Format: format, Do: "close", Nonce: r.Nonce, Ends: [][3]string{}})
}

// ReadListen reads what Listen or Unlisten answered.
func (s *System) ReadListen(r rules.ListenRequest, out []byte) (*rules.ListenReport, error) {
	var w listeningWire
	if err := decodeStrict(out, &w); err != nil {
		return nil, fmt.Errorf("the host's answer: %w", err)
	}
	if w.Format != format {
		return nil, fmt.Errorf("the host's answer has the format %d, not %d", w.Format, format)
	}
	report := &rules.ListenReport{Tool: ".NET", Cannot: w.Cannot, Closed: w.Closed, Opened: make([]bool, len(r.Ends)), Why: make([]string, len(r.Ends))}
	for _, e := range w.Waits {
		end, err := endIn(e)
		if err != nil {
			return nil, err
		}
		report.Waits = append(report.Waits, end)
	}
	next := 0
	for i, e := range r.Ends {
		if _, can := endOf(e); !can {
			report.Why[i] = "a protocol without ports has no listener"
			continue
		}
		if next >= len(w.Opened) {
			return nil, fmt.Errorf("the host's answer tells of only %d ports", len(w.Opened))
		}
		if report.Opened[i] = w.Opened[next] == "yes"; !report.Opened[i] {
			report.Why[i] = w.Opened[next]
		}
		next++
	}
	if next < len(w.Opened) {
		return nil, fmt.Errorf("the host's answer tells of %d ports and %d were asked for", len(w.Opened), next)
	}
	return report, nil
}

func endIn(w [3]string) (rules.FlowEnd, error) {
	var e rules.FlowEnd
	switch w[0] {
	case "tcp":
		e.Protocol = rules.TCP
	case "udp":
		e.Protocol = rules.UDP
	default:
		return e, fmt.Errorf("the host's answer holds the protocol %q", brief(w[0]))
	}
	address, err := netip.ParseAddr(w[1])
	if err != nil {
		return e, fmt.Errorf("the host's answer holds the address %q", brief(w[1]))
	}
	port, err := strconv.ParseUint(w[2], 10, 16)
	if err != nil {
		return e, fmt.Errorf("the host's answer holds the port %q", brief(w[2]))
	}
	e.Address, e.Port = address.Unmap().WithZone(""), uint16(port)
	return e, nil
}
