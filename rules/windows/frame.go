package windows

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"farmwall/rules"
)

// Observe is the one script that reads a Windows host.
func (s *System) Observe() rules.Script { return script("observe", nil) }

// Change is steps 3 to 6 of the protocol. A saved undo as the target (a rollback to a
// host's own bytes) is made into the rules that it tells of.
func (s *System) Change(r rules.ChangeRequest) rules.Script {
	return script("change", changeWire{
		Format: format, Run: r.Run, Controller: r.Controller, Lease: r.Lease, Ours: r.Ours, Rest: r.Rest,
		WindowMS: int64(r.Window / time.Millisecond), Target: object(exact(r.Target)), Undo: object(r.Undo), Digest: r.Digest,
	})
}

// Confirm is steps 8 to 10.
func (s *System) Confirm(r rules.ConfirmRequest) rules.Script {
	return script("confirm", confirmWire{Format: format, Run: r.Run, Controller: r.Controller, Lease: r.Lease, Time: r.Time.UTC().Format(time.RFC3339)})
}

// Revert asks the switch to undo now and waits for it.
func (s *System) Revert(r rules.RevertRequest) rules.Script {
	return script("revert", revertWire{Format: format, Run: r.Run, Lease: r.Lease})
}

// Recover finishes what a token found confirming or undoing began.
func (s *System) Recover() rules.Script { return script("recover", recoverWire{Format: format}) }

// Doctor is a script that only reads, for a person: it probes what no documentation
// says about a Windows host, and answers in text.
func Doctor() rules.Script { return script("doctor", nil) }

func script(name string, request any) rules.Script {
	s := rules.Script{Name: name, Shell: rules.PowerShell, Body: body(name)}
	if request != nil {
		s.Input = encode(request)
	}
	return s
}

// object is a copy as it goes into a request. What is no object of ours goes as a text,
// which the host refuses.
func object(c rules.Copy) json.RawMessage {
	var o map[string]json.RawMessage
	if utf8.Valid(c) && json.Unmarshal(c, &o) == nil && o != nil {
		return json.RawMessage(c)
	}
	return encode(string(c))
}
