// Package lab makes a farm on this machine, for tests, the demo and
// benchmarks. Its Linux hosts are network namespaces with their own addresses,
// mounts, processes and SSH server, and the kernel's real packet filter. Root is
// not needed where the kernel gives user namespaces to everybody.
//
// The lab shares no code with what it checks. It works by running this very
// program again, inside the namespaces: a program (or test) that brings a lab up
// calls Main before anything else.
//
// How the parts hang together:
//
//	program that called Up ── lifeline ── farm process: the wire, the controller's address
//	                                       ├── host process: init of host 1, its SSH server
//	                                       └── host process: init of host 2 ...
//
// The farm process is the first process of a PID namespace and each host process
// that of a nested one, so the kernel ends everything with the farm process, and the
// farm process ends when the lifeline breaks, however its holder died.
package lab

import (
	"errors"
	"net/netip"
	"time"
)

// Options says what to bring up.
type Options struct {
	Hosts []HostSpec
	// Guests are hosts that the caller's own program plays in the controller's place,
	// as Windows hosts are: they get Name, Names and Addresses here, and nothing else.
	// Who speaks to them speaks from the controller's addresses.
	Guests []HostSpec
	// Dir gets the control socket, keys, known_hosts, the state folder and one for the
	// guests; only its owner can enter it. It is created, and removed at the end. Empty: a new
	// temporary folder.
	Dir string
	// Controller is the addresses that commands inside the farm speak from. Empty:
	// the highest free address of the first IPv4 and the first IPv6 network.
	Controller []netip.Addr
	// Self is what to run inside the namespaces, by default this very program. It
	// must call Main first.
	Self []string
}

// HostSpec is one host to bring up.
type HostSpec struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"` // at least one, on one wire with all others
	// Names are other names that the controller can dial the host by.
	Names []string `json:"names,omitempty"`
	// Port is where SSH answers; 0 is 22.
	Port int `json:"port,omitempty"`
	// Ruleset is nft's language; it becomes /etc/nftables.conf, which every boot
	// loads before the network starts.
	Ruleset string `json:"ruleset,omitempty"`
	// AtBoot is a script that every boot runs before the network starts and before the
	// ruleset, as a distribution's own services do: for rules of iptables, for example.
	AtBoot string `json:"at_boot,omitempty"`
	// RealSSHD runs OpenSSH's sshd instead of the lab's own server. Needs root.
	RealSSHD bool `json:"real_sshd,omitempty"`
	// DiskKB limits each of disk (/etc, /root, /var) and /run, in KiB; 0 is no
	// limit worth naming.
	DiskKB int `json:"disk_kb,omitempty"`
}

// Result is what a command left behind.
type Result struct {
	Code   int // 128 + signal where a signal ended it
	Stdout []byte
	Stderr []byte
}

// HostState is what the farm process knows of a host.
type HostState struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	Port      int          `json:"port"`
	Power     string       `json:"power"` // "on", "booting", "paused" or "off"
	Cut       bool         `json:"cut"`   // the network cable is pulled
	Boots     int          `json:"boots"`
}

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnsupported: this machine cannot hold a lab; the text says why.
	ErrUnsupported = errors.New("the lab cannot run here")
	// ErrNoLab: no lab answers in that folder.
	ErrNoLab = errors.New("no lab is up")
	// ErrEnded: the farm process has gone.
	ErrEnded = errors.New("the lab has ended")
)

// Environment variables that commands inside the farm get.
const (
	envKnownHosts = "FARMWALL_KNOWN_HOSTS"
	envPrivateKey = "FARMWALL_PRIVATE_KEY"
	envState      = "FARMWALL_STATE"
	// EnvDir names the folder of the lab that a command runs in.
	EnvDir = "FARMWALL_LAB"
)

// Hidden first arguments of the program that runs again.
const (
	argFarm = "lab-farm"
	argHost = "lab-host"
)

// sshPort is where a host answers unless its HostSpec says otherwise.
const sshPort = 22

// drainTime is how long the output of an ended command may still arrive while
// some child of it keeps the pipe open.
const drainTime = 250 * time.Millisecond
