package windows

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// RuleObject is an INetFwRule: detached until Add has stored it, and from then on
// the stored rule itself. Get one from a Host.
type RuleObject struct {
	id   string // of the stored rule; empty: detached
	gpo  bool
	last condition // as last seen
}

// NewRule makes a detached rule.
func (h *Host) NewRule() *RuleObject { return &RuleObject{last: newCondition()} }

// Get reads a property: a string, an int, a bool, a []string, or nil for null.
func (h *Host) Get(r *RuleObject, property string) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh(r)
	return r.last.get(property, &h.world)
}

// refresh reads the stored rule; false where it is gone. A detached one is as it is.
func (h *Host) refresh(r *RuleObject) bool {
	if r.id == "" {
		return true
	}
	s := &h.local
	if r.gpo {
		s = &h.gpo
	}
	i := s.index(r.id)
	if i < 0 {
		return false
	}
	r.last = readRule(s.entries[i].Text)
	return true
}

// Set assigns a property: a string, an int, a bool, a []string or Null. On a stored
// rule it is committed at once, or fails and is lost.
func (h *Host) Set(r *RuleObject, property string, value any, admin bool) error {
	return h.set(r, property, value, caller{admin: admin})
}

func (h *Host) set(r *RuleObject, property string, value any, by caller) error {
	if r.id == "" {
		h.mu.Lock()
		defer h.mu.Unlock()
		return r.last.set(property, value, &h.world)
	}
	return h.write("set "+strings.ToLower(property), func() string { return show(h.nameNow(r)) }, by, func() error {
		i := h.local.index(r.id)
		if r.gpo {
			return EAccessDenied
		}
		if i < 0 {
			return ENotFound
		}
		c := readRule(h.local.entries[i].Text)
		if err := c.set(property, value, &h.world); err != nil {
			return err
		}
		if err := c.storable(); err != nil {
			return err
		}
		text := c.registry()
		if strings.EqualFold(property, "enabled") {
			text = withActive(h.local.entries[i].Text, c.enabled)
		}
		h.local.put(i, text)
		r.last = c
		return nil
	})
}

func (h *Host) nameNow(r *RuleObject) *string {
	h.refresh(r)
	return r.last.name
}

func show(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// write runs one write to the firewall as the host's faults let it.
func (h *Host) write(what string, name func() string, by caller, do func() error) error {
	h.mu.Lock()
	rule, before := name(), h.faults.BeforeWrite
	h.mu.Unlock()
	if before != nil {
		before(what, rule)
	}
	h.mu.Lock()
	err := h.writable(by)
	if err == nil && h.denies(by, what) {
		err = EAccessDenied
	}
	if err == nil {
		err = do()
	}
	if err == nil {
		h.writes++
		if h.faults.StopAfterWrites > 0 {
			if h.faults.StopAfterWrites--; h.faults.StopAfterWrites == 0 {
				h.services["MpsSvc"] = "Stopped"
			}
		}
	}
	after := h.faults.AfterWrite
	h.mu.Unlock()
	if err == nil && after != nil {
		after(what, rule)
	}
	return err
}

func (h *Host) writable(by caller) error {
	switch {
	case !h.on || by.life != nil && by.life.Err() != nil:
		return ENoEndpoint
	case !h.firewallRuns():
		return ENoEndpoint
	case !by.admin:
		return EAccessDenied
	}
	return nil
}

func (h *Host) firewallRuns() bool {
	return h.services["MpsSvc"] == "Running" && h.services["BFE"] == "Running"
}

// Add is INetFwRules.Add.
func (h *Host) Add(r *RuleObject, admin bool) error { return h.add(r, caller{admin: admin}) }

func (h *Host) add(r *RuleObject, by caller) error {
	return h.write("add", func() string { return show(r.last.name) }, by, func() error {
		if h.faults.DenyAdd {
			return EAccessDenied
		}
		if r.id != "" {
			return EUnexpected
		}
		c := r.last
		if err := c.storable(); err != nil {
			return err
		}
		c.version = h.release.rules
		if h.faults.TwinOnAdd {
			h.faults.TwinOnAdd = false
			h.local.add(Entry{newGUID(), c.registry()})
		}
		e := Entry{newGUID(), c.registry()}
		h.local.add(e)
		r.id, r.last = e.ID, c
		return nil
	})
}

// Remove is INetFwRules.Remove: of several rules of that name one goes.
func (h *Host) Remove(name string, admin bool) error { return h.remove(name, caller{admin: admin}) }

func (h *Host) remove(name string, by caller) error {
	return h.write("remove", func() string { return name }, by, func() error {
		if name == "" {
			return EInvalidArg
		}
		i := h.local.named(name, h.world.variant.LastTwinFirst)
		if i < 0 || h.faults.RemoveLeavesTwin {
			return nil
		}
		h.local.delete(i)
		return nil
	})
}

// Item is INetFwRules.Item: one of the rules of that name.
func (h *Host) Item(name string) (*RuleObject, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.firewallRuns() {
		return nil, ENoEndpoint
	}
	i := h.local.named(name, h.world.variant.LastTwinFirst)
	if i < 0 {
		return nil, ENotFound
	}
	return h.object(h.local.entries[i], false), nil
}

func (h *Host) object(e Entry, gpo bool) *RuleObject {
	return &RuleObject{id: e.ID, gpo: gpo, last: readRule(e.Text)}
}

// Rules is an enumeration of INetFwRules.
func (h *Host) Rules() ([]*RuleObject, error) {
	h.mu.Lock()
	delay := h.faults.EnumerationDelay
	h.mu.Unlock()
	time.Sleep(delay)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.firewallRuns() {
		return nil, ENoEndpoint
	}
	var out []*RuleObject
	for _, e := range h.local.entries {
		out = append(out, h.object(e, false))
	}
	if h.world.variant.RulesShowGPO {
		for _, e := range h.gpo.entries {
			out = append(out, h.object(e, true))
		}
	}
	return out, nil
}

// Count is INetFwRules.Count.
func (h *Host) Count() (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.firewallRuns() {
		return 0, ENoEndpoint
	}
	n := len(h.local.entries)
	if h.world.variant.RulesShowGPO {
		n += len(h.gpo.entries)
	}
	return n, nil
}

func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("{%X-%X-%X-%X-%X}", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
