package windows

import (
	"errors"
	"strings"
	"testing"

	"farmwall/rules"
)

func TestCheckRefusesAHostThatCannotBeChanged(t *testing.T) {
	for want, change := range map[string]func(*host){
		"not an administrator":       func(h *host) { h.Admin = false },
		"PowerShell 2.0 is too old":  func(h *host) { h.PowerShell = "2.0" },
		"MpsSvc (Windows Firewall)":  func(h *host) { h.Services["MpsSvc"] = "Stopped" },
		"BFE (Base Filtering":        func(h *host) { h.Services["BFE"] = "Missing" },
		"Schedule (Task Scheduler)":  func(h *host) { h.Services["Schedule"] = "Stopped" },
		"rules could not be read":    func(h *host) { h.Registry.Error = "access denied" },
		"settings could not be read": func(h *host) { h.Policy = policyWire{Error: "no endpoints", Profiles: map[string]profileWire{}} },
		"owned by somebody":          func(h *host) { h.Folder = `C:\Program Files\farmwall is owned by somebody` },
	} {
		h := newHost()
		change(h)
		err := New().Check(h.state(t), nil)
		var refusals rules.Refusals
		if !errors.As(err, &refusals) || len(refusals) != 1 || !strings.Contains(err.Error(), want) || refusals[0].Hint == "" {
			t.Errorf("%s: %v", want, err)
		}
	}
	h := newHost()
	h.Admin, h.Folder, h.PowerShell = false, "not ours", "1.0"
	h.Services["Schedule"] = "Stopped"
	var all rules.Refusals
	if err := New().Check(h.state(t), nil); !errors.As(err, &all) || len(all) != 4 {
		t.Errorf("not all of it at once: %v", err)
	}
}

func TestCheckRefusesWhatWindowsCannotSay(t *testing.T) {
	good := rules.Rule{ID: "x", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 1, Last: 2}}, Remotes: from("10.0.0.1")}
	for want, change := range map[string]func(*rules.Rule){
		"do not make a mark":       func(r *rules.Rule) { r.ID = "A B" },
		"direction":                func(r *rules.Rule) { r.Direction = "" },
		"no rule of farmwall":      func(r *rules.Rule) { r.Opaque = "odd" },
		"no protocol":              func(r *rules.Rule) { r.Protocol, r.Ports = 0, nil },
		"no ports of protocol 112": func(r *rules.Rule) { r.Protocol = rules.VRRP },
		"ports 0-1":                func(r *rules.Rule) { r.Ports = []rules.PortRange{{First: 0, Last: 1}} },
		"nobody to open to":        func(r *rules.Rule) { r.Remotes = rules.NewAddresses(nil) },
		"unspecified address":      func(r *rules.Rule) { r.Remotes = from("::/0") },
		"loopback address":         func(r *rules.Rule) { r.Remotes = from("::1") },
		"multicast addresses":      func(r *rules.Rule) { r.Remotes = from("ff02::1") },
		"more than 256":            func(r *rules.Rule) { r.Remotes = many(300_000) },
	} {
		r := good
		change(&r)
		if err := New().Check(newHost().state(t), rules.Set{r}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := New().Check(newHost().state(t), rules.Set{good}); err != nil {
		t.Error(err)
	}
	if err := New().Check(&rules.State{}, nil); err == nil {
		t.Error("a state of another system passes")
	}
}
