// Package rules says what each host's firewall should hold, how two rule sets
// differ, and what a flow meets. It does no I/O: it makes scripts and reads
// their answers.
package rules

import (
	"net/netip"

	"farmwall/inventory"
)

// Direction is which way a flow is opened, seen from the host.
type Direction string

// The directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Protocol is an IP protocol number.
type Protocol uint8

// The protocols of the catalogue.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	VRRP Protocol = 112
)

// PortRange is ports First to Last, both included.
type PortRange = inventory.PortRange

// Rule allows one kind of flow, or with Block closes one. Two rules with equal
// content are the same rule, whatever Why says.
type Rule struct {
	// ID is the catalogue's row or the user's name: 1 to 64 of [a-z0-9.-]. A set
	// holds each once. It is empty on a rule that was found in our own place
	// without a mark of ours.
	ID string `json:"id"`
	// Farm is 1 to 32 of [a-z0-9-].
	Farm string `json:"farm"`

	Direction Direction   `json:"direction"`
	Protocol  Protocol    `json:"protocol"`
	Ports     []PortRange `json:"ports,omitempty"` // local for In, remote for Out; sorted and merged; none: no ports in this protocol
	// Remotes are sources for In, destinations for Out; nil means anywhere. An
	// empty list is never a rule.
	Remotes *Addresses `json:"remotes,omitempty"`
	// Loopback limits the rule to the loopback interface.
	Loopback bool `json:"loopback,omitempty"`
	// Block closes what the rule names, to everybody whom no other rule of the set
	// opens it to: farmwall_exposure: restrict. Such a rule is inbound and has neither
	// Remotes nor Loopback; its ID is "exposure.PROTO-PORTS". In a set, and wherever it
	// is written, it stands after every rule that allows, so that these decide first.
	// It drops packets that begin something: a new connection, and what connection
	// tracking calls invalid or does not track. Answers to what the host itself began
	// pass, for their local port may be one of these; loopback passes; and so does
	// everything that the rule does not name.
	// Part of the content only where true, so that marks of older sets stay the same.
	Block bool `json:"block,omitempty"`

	// OnlyIfBlocked: wanted only where the host blocks outbound by default. Not content.
	OnlyIfBlocked bool `json:"only_if_blocked,omitempty"`
	// Opaque is a rule in our own place that farmwall cannot have written, in the
	// host's words; such a rule is always unwanted.
	Opaque string `json:"opaque,omitempty"`
	// Hash is the HASH8 that an observed rule's mark carries. Empty in a wanted rule.
	Hash string `json:"-"`
	// Why explains a wanted rule. Not content.
	Why *Why `json:"why,omitempty"`
}

// Why is the reason for a wanted rule.
type Why struct {
	Role inventory.Role `json:"role,omitempty"` // empty for a rule of the user
	Row  string         `json:"row"`            // catalogue row or name in farmwall_rules
	// Text is the reference's own comment.
	Text string `json:"text,omitempty"`
	// Deciders are the variables or defaults that decided, for example
	// "ras_ssl is on (default)" or "ras_internal_networks (group_vars/all.yml:3)".
	Deciders []string `json:"deciders,omitempty"`
}

// Set is the rules of one host: each ID once, every rule canonical, those that allow
// sorted by ID before those that Block, sorted by ID too. Make one with NewSet.
type Set []Rule

// Verb is what happens to one rule.
type Verb string

// The verbs of a change. Repair is for what is no rule but holds ours in place:
// a jump, the persistent copy, its unit.
const (
	Add     Verb = "add"
	Remove  Verb = "remove"
	Replace Verb = "replace"
	Repair  Verb = "repair"
)

// Change is one difference between what a host has and what it should have.
type Change struct {
	Verb Verb  `json:"verb"`
	Have *Rule `json:"have,omitempty"`
	Want *Rule `json:"want,omitempty"`
	// Places are where the host differs, for example "table ip filter".
	Places []string `json:"places,omitempty"`
	// Note says what Repair repairs, or what is odd about Have ("twin",
	// "edited by hand").
	Note string `json:"note,omitempty"`
	// Cause is why drift finds this difference: "host", "policy", "both" or "foreign
	// rule"; empty where nobody knows, and in a plan.
	Cause string `json:"cause,omitempty"`
}

// Flow is what a verdict is asked about: one protocol and port between the host
// and a list of remotes. Nil Remotes means anywhere.
type Flow struct {
	Direction Direction  `json:"direction"`
	Protocol  Protocol   `json:"protocol"`
	Port      uint16     `json:"port,omitempty"`
	Remotes   *Addresses `json:"remotes,omitempty"`
	Loopback  bool       `json:"loopback,omitempty"`
	// Not narrows Remotes: everything in Remotes but these ("an outsider").
	Not *Addresses `json:"not,omitempty"`
}

// Answer is what happens to a flow.
type Answer string

// The answers. Where a flow's parts differ the worst is reported: denied, then
// unknown, then allowed.
const (
	Allowed Answer = "allowed"
	Denied  Answer = "denied"
	Unknown Answer = "unknown"
)

// Openness orders answers from the most closed, which is the worst.
func (a Answer) Openness() int {
	switch a {
	case Denied:
		return 0
	case Unknown:
		return 1
	}
	return 2
}

// Verdict is the answer for one flow, with the rule that decided.
type Verdict struct {
	Answer Answer `json:"answer"`
	// By is the deciding rule or policy in the host's words and where it stands.
	By string `json:"by,omitempty"`
	// Way is the chains walked, in order.
	Way []string `json:"way,omitempty"`
	// Reason says why the answer is unknown.
	Reason string `json:"reason,omitempty"`
	// Part is the addresses that the answer is for, where it does not hold for all of the flow's.
	Part []netip.Prefix `json:"part,omitempty"`
}
