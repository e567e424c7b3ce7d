package nftables

import (
	"encoding/json"
	"fmt"

	"farmwall/rules"
)

// block is what all matches of a rule that drops say together. ok is false where it is
// not exactly what blockLine writes.
func (w *matches) block() (rules.Rule, bool) {
	r := rules.Rule{Direction: w.direction, Protocol: rules.Protocol(w.protocol), Ports: rules.MergePorts(w.ports), Block: true}
	ok := w.direction == rules.In && w.protocol != 0 && w.remotes == nil && w.family == 0 && !w.loopback && w.others && w.states
	return r, ok
}

// notLoopback reads the match that leaves loopback out.
func (w *matches) notLoopback(key string, right json.RawMessage) error {
	var name string
	if key != "iifname" && key != "iif" || json.Unmarshal(right, &name) != nil || name != "lo" || w.others {
		return fmt.Errorf("meta %s != %s", key, right)
	}
	w.others = true
	return nil
}

// stateBits are nft's names for the states of connection tracking.
var stateBits = map[string]int{"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}

// state reads the match on connection tracking: any of beginnings, however nft lists
// them ("in" of a list, or of a list with |).
func (w *matches) state(key, op string, right json.RawMessage) error {
	var list []json.RawMessage
	if json.Unmarshal(right, &list) != nil {
		var or map[string][]json.RawMessage
		if json.Unmarshal(right, &or) != nil || len(or) != 1 {
			return fmt.Errorf("ct %s %s", key, right)
		}
		list = or["|"]
	}
	bits := 0
	for _, raw := range list {
		var n int
		var name string
		if json.Unmarshal(raw, &n) != nil {
			if json.Unmarshal(raw, &name) != nil || stateBits[name] == 0 {
				return fmt.Errorf("ct %s %s", key, right)
			}
			n = stateBits[name]
		}
		bits |= n
	}
	if key != "state" || op != "in" || bits != 1|8|64 || w.states {
		return fmt.Errorf("ct %s %s %s", key, op, right)
	}
	w.states = true
	return nil
}
