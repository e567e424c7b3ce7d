package main

import (
	"fmt"
	"strings"
)

// act is one step of the demo.
type act struct {
	title, text string
	inventory   string // the inventory from here on; empty: as it was
	host        string // where the command is typed; empty: the controller
	rule        string // a part of the rule that RULE in the command stands for
	command     string
	exit        int
}

type demoHost struct {
	role, name, address string
	windows             bool
}

// demoHosts has every role of the reference.
func demoHosts() []demoHost {
	return []demoHost{
		{"halb", "lb1", "10.99.0.10", false},
		{"gateway", "gw1", "10.99.0.11", false},
		{"gateway", "gw2", "10.99.0.12", true},
		{"publishing_agent", "pa1", "10.99.0.21", true},
		{"rdsh", "rds1", "10.99.0.31", true},
		{"rdsh", "rds2", "10.99.0.32", true},
		{"vdi", "vdi1", "10.99.0.41", true},
		{"remote_pc", "pc1", "10.99.0.42", true},
		{"guest", "desk1", "10.99.0.43", true},
		{"reporting", "rep1", "10.99.0.51", true},
		{"performance_monitor", "perf1", "10.99.0.52", false},
		{"console", "con1", "10.99.0.61", true},
		{"client", "cl1", "10.99.0.71", true},
	}
}

// demoRuleset is what an administrator wrote by hand on every host. The limit in
// a table of its own makes a verdict about port 22 unknown, as in real life.
const demoRuleset = `table inet site {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif lo accept
		meta l4proto { icmp, ipv6-icmp } accept
		jump admin
	}
	chain admin {
		tcp dport 22 accept
	}
}
table inet limits {
	chain input {
		type filter hook input priority filter - 10; policy accept;
		tcp dport 22 ct state new limit rate over 600/minute drop
	}
}
`

// demoInventory is the farm, with more of its variables.
func demoInventory(vars string) string {
	var b strings.Builder
	b.WriteString("all:\n  vars:\n    ansible_user: root\n    ras_farm: demo\n    ras_version: \"16.5\"\n" + vars)
	b.WriteString("  children:\n")
	last := ""
	for _, h := range demoHosts() {
		if h.role != last {
			fmt.Fprintf(&b, "    %s:\n      hosts:\n", h.role)
			last = h.role
		}
		how := ""
		if h.windows {
			how = ", ansible_connection: winrm, ansible_port: 5985"
		}
		fmt.Fprintf(&b, "        %s: { ansible_host: %s%s }\n", h.name, h.address, how)
	}
	return b.String()
}

// demoSSH has farmwall open the management ports, each where it is; demoRDP is one
// more wish.
const (
	demoSSH   = "    farmwall_rules:\n      - { id: ssh, protocol: tcp, port: 22, remote: 10.99.0.0/24 }\n      - { id: winrm, protocol: tcp, port: 5985, remote: 10.99.0.0/24 }\n"
	demoWinRM = "    farmwall_rules:\n      - { id: winrm, protocol: tcp, port: 5985, remote: 10.99.0.0/24 }\n"
	demoRDP   = "    ras_rdp_load_balancing: true\n"
)

func demoStory() []act {
	return []act{
		{title: "A farm", text: "Thirteen hosts with every role of the reference: Linux with nftables over SSH, Windows with its firewall over WinRM,\nwhere each message is sealed. All drop by default. The inventory names roles, and no port but the two of management.",
			inventory: demoInventory(demoSSH), command: "cat farm.yml"},
		{title: "What would change?", text: "plan reads every host and changes nothing.",
			command: "farmwall plan -i farm.yml -o farm.plan"},
		{title: "Apply exactly that", text: "Each host arms a switch that undoes the change, loads it, and is looked at again over a new connection.\nOnly then is the change confirmed and made to survive a reboot.",
			command: "farmwall apply farm.plan -i farm.yml"},
		{title: "Plan again", text: "What was applied is what is there: nothing to do.",
			command: "farmwall plan -i farm.yml --detailed-exitcode"},
		{title: "Somebody breaks rules", text: "On gw1 somebody empties farmwall's chain by hand, on rds1 somebody switches a rule off; drift finds both (exit 2)\nand puts them back.",
			host: "gw1", command: "nft flush chain inet farmwall input"},
		{host: "rds1", rule: "rdsh-in-tcp-30004", command: "disable RULE"},
		{command: "farmwall drift -i farm.yml", exit: exitDiffers},
		{command: "farmwall drift --fix -i farm.yml"},
		{title: "A change, and back", text: "RDP through the gateways is switched on; then the whole run is taken back.",
			inventory: demoInventory(demoSSH + demoRDP), command: "farmwall apply -y -i farm.yml -l gateway"},
		{command: "farmwall rollback RUN -y -i farm.yml"},
		{title: "A lock-out, foreseen", text: "On rds2 Windows' own rule for WinRM goes, since farmwall has one; then somebody takes farmwall's out of the\ninventory. The plan would close the port that farmwall came by, so rds2 is refused and nothing on it changes.",
			host: "rds2", rule: "LPort=5985|App=System", command: "remove RULE"},
		{inventory: demoInventory(""), command: "farmwall apply -y -i farm.yml -l rds2", exit: exitFailed},
		{title: "A lock-out, not foreseen", text: "The same on lb1, where a limit on new connections keeps farmwall from foreseeing it: the change cuts the port\nit came by. Nobody can confirm it, and lb1 undoes it by itself. This takes 10 seconds.",
			inventory: demoInventory(demoWinRM), host: "lb1", command: "nft flush chain inet site admin"},
		{command: "farmwall apply -y -i farm.yml -l lb1 --confirm-timeout 10s", exit: exitFailed},
		{title: "Still there", text: "Both answer, with the rules that they had: drift finds nothing.",
			inventory: demoInventory(demoSSH), command: "farmwall drift -i farm.yml -l lb1,rds2"},
		{title: "What was done", text: "Every run is in the journal, chained by hashes.",
			command: "farmwall history list"},
		{command: "farmwall history verify"},
	}
}
