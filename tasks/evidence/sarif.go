package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// sarifSchema is where the form of the file is published.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Automation  sarifAutomation   `json:"automationDetails"`
	Invocations []sarifInvocation `json:"invocations"`
	Columns     string            `json:"columnKind"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	Short   sarifText   `json:"shortDescription"`
	Full    sarifText   `json:"fullDescription"`
	Help    sarifText   `json:"help"`
	Default sarifConfig `json:"defaultConfiguration"`
}

type sarifConfig struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifAutomation struct {
	ID string `json:"id"`
}

type sarifInvocation struct {
	Successful bool   `json:"executionSuccessful"`
	End        string `json:"endTimeUtc,omitempty"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Related      []sarifLocation   `json:"relatedLocations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]string `json:"properties,omitempty"`
	// Suppressions are there only where somebody accepted the difference.
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifLocation struct {
	ID       *int           `json:"id,omitempty"`
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	Message  *sarifText     `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	Start int `json:"startLine"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// sarifKinds are the rules of the tool, in the order of their index.
func sarifKinds() []sarifRule {
	kind := func(id, name, level, short, full, help string) sarifRule {
		return sarifRule{ID: id, Name: name, Short: sarifText{short}, Full: sarifText{full}, Help: sarifText{help}, Default: sarifConfig{level}}
	}
	return []sarifRule{
		kind("closed", "WantedFlowClosed", "error", "A wanted flow is closed.", "The inventory wants this flow open, and the host's rules, all of them counted, close it.", "The message names the rule that decides. Where it is not farmwall's, it is not farmwall's to change."),
		kind("exposed", "OpenToOthers", "warning", "A port is open to others than those who are wanted.", "Everybody whom no rule names can reach this port, by a rule that is not farmwall's or by default.", "Close what the message names, or set farmwall_exposure: restrict."),
		kind("unknown", "NobodyCanSay", "note", "Nobody can say whether a wanted flow is open.", "The host's rules hold something that cannot be evaluated exactly, so no verdict is given.", "The message names what could not be evaluated."),
		kind("probe", "ProbeWrong", "error", "A probe with a real packet got the wrong answer.", "A flow that is to be open did not arrive, or one that is to be closed did.", "Where the host allows the flow, something between the two ends does not."),
		kind("drift", "HostDiffers", "warning", "The host is not as it was confirmed.", "Rules of ours on this host were changed, or a foreign rule now decides.", "farmwall drift --fix restores it."),
		kind("pending", "InventoryWantsMore", "note", "The inventory wants something that was not applied yet.", "What was last applied is in place; the inventory has changed since.", "farmwall plan shows it, farmwall apply makes it true."),
		kind("host", "HostNotDone", "error", "A host did not come to a good end.", "The host was refused, unreachable, taken back, or its state is unknown.", "The message says why, and what to do next."),
	}
}

// WriteSARIF writes what is not as it should be, in SARIF 2.1.0. A result's ruleId is
// its kind and the policy's line ("closed/gateway-in-tcp-443"); its place is the line of
// the inventory that decided.
func (r *Report) WriteSARIF(w io.Writer) error {
	run := sarifRun{Columns: "unicodeCodePoints", Results: []sarifResult{}, Automation: sarifAutomation{ID: "farmwall/" + strings.ReplaceAll(r.title(), " ", "/")}}
	run.Tool.Driver = sarifDriver{Name: "farmwall", Version: r.Version, Rules: sarifKinds()}
	run.Invocations = []sarifInvocation{{Successful: true, End: r.Made.UTC().Format("2006-01-02T15:04:05Z")}}
	for i := range r.Hosts {
		run.Results = append(run.Results, r.Hosts[i].results()...)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// result makes one result; rule is the policy's line, what tells apart two of a kind.
func (h *Host) result(kind, rule, what, text string, at *inventory.Position) sarifResult {
	out := sarifResult{RuleID: kind, Message: sarifText{printable(text)}}
	for i, k := range sarifKinds() {
		if k.ID == kind {
			out.RuleIndex, out.Level = i, k.Default.Level
		}
	}
	if rule != "" {
		out.RuleID += "/" + rule
	}
	sum := sha256.New()
	for _, part := range []string{kind, h.Farm, h.Host, rule, what} {
		fmt.Fprintf(sum, "%d:%s\n", len(part), part)
	}
	out.Fingerprints = map[string]string{"farmwall/v1": hex.EncodeToString(sum.Sum(nil))}
	place := h.At
	if at != nil {
		place = *at
	}
	here := sarifLocation{Physical: physical(place), Logical: []sarifLogical{{Name: printable(h.Farm + "/" + h.Host), Kind: "module"}}}
	out.Locations = []sarifLocation{here}
	if at != nil && *at != h.At && h.At.File != "" {
		one := 1
		out.Related = []sarifLocation{{ID: &one, Physical: physical(h.At), Message: &sarifText{"the host " + printable(h.Host)}}}
	}
	out.Properties = map[string]string{"farm": printable(h.Farm), "host": printable(h.Host)}
	if h.Run != "" {
		out.Properties["run"] = printable(h.Run)
	}
	return out
}

func (h *Host) results() []sarifResult {
	var out []sarifResult
	for i := range h.Openings {
		o := &h.Openings[i]
		if o.Block {
			continue
		}
		name := printable(o.name())
		switch o.Answer {
		case rules.Denied:
			one := h.result("closed", o.Rule, "", fmt.Sprintf("%s: %s is closed by %s", h.Host, name, o.By), o.At)
			if a := h.acceptedFlow(o, false); a != nil {
				one.Suppressions = suppressed(a)
			}
			out = append(out, one)
		case rules.Unknown:
			out = append(out, h.result("unknown", o.Rule, "", fmt.Sprintf("%s: nobody can say whether %s is open: %s", h.Host, name, o.Reason), o.At))
		}
		if o.Others == rules.Allowed {
			one := h.result("exposed", o.Rule, "", fmt.Sprintf("%s: %s %s is open to others too, allowed by %s", h.Host, o.Protocol, o.Ports, o.OthersBy), o.At)
			if h.closes(o) {
				one.Level = "error"
			}
			if a := h.acceptedFlow(o, true); a != nil {
				one.Suppressions = suppressed(a)
			}
			out = append(out, one)
		}
	}
	for i := range h.Probes {
		p := &h.Probes[i]
		if p.Right != nil && !*p.Right {
			text := fmt.Sprintf("%s: %s from %s is to be %s, and is %s", h.Host, probed(p), p.From, should(p), p.Answer)
			if why := probeWhy(p); why != "" {
				text += "; " + why
			}
			out = append(out, h.result("probe", p.Rule, fmt.Sprint(p.From, " ", p.Address, " ", p.Protocol, " ", p.Port), text, nil))
		}
	}
	if h.Status == tasks.Differs || h.Status == tasks.Foreign {
		for i := range h.Changes {
			sign, name, words := changeWords(&h.Changes[i])
			out = append(out, h.result("drift", "", sign+name, fmt.Sprintf("%s: %s %s %s", h.Host, sign, name, words), nil))
		}
		if len(h.Changes) == 0 {
			out = append(out, h.result("drift", "", "", fmt.Sprintf("%s: cause: %s", h.Host, h.Cause), nil))
		}
	}
	out = append(out, h.accepted()...)
	for i := range h.Pending {
		sign, name, words := changeWords(&h.Pending[i])
		out = append(out, h.result("pending", "", sign+name, fmt.Sprintf("%s: %s %s %s", h.Host, sign, name, words), nil))
	}
	if bad(h.Status) && h.Run != "" && h.Status != tasks.NotOpen {
		text := h.Host + ": " + string(h.Status)
		if h.Error != "" {
			text += ": " + h.Error
		}
		if h.Hint != "" {
			text += "; " + h.Hint
		}
		out = append(out, h.result("host", "", string(h.Status), text, nil))
	}
	return out
}

// physical is a place in a file as SARIF has it, or nil where there is none.
func physical(at inventory.Position) *sarifPhysical {
	if at.File == "" {
		return nil
	}
	path := filepath.ToSlash(at.File)
	u := url.URL{Path: path}
	if filepath.IsAbs(at.File) {
		if !strings.HasPrefix(path, "/") { // C:/...
			u.Path = "/" + path
		}
		u.Scheme = "file"
	}
	out := &sarifPhysical{Artifact: sarifArtifact{URI: u.String()}}
	if at.Line > 0 {
		out.Region = &sarifRegion{Start: at.Line}
	}
	return out
}
