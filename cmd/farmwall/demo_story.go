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
	command     string
	exit        int
}

type demoHost struct{ role, name, address string }

func demoHosts() []demoHost {
	return []demoHost{
		{"gateway", "gw1", "10.99.0.11"},
		{"gateway", "gw2", "10.99.0.12"},
		{"publishing_agent", "pa1", "10.99.0.21"},
		{"rdsh", "rds1", "10.99.0.31"},
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
		fmt.Fprintf(&b, "        %s: { ansible_host: %s }\n", h.name, h.address)
	}
	return b.String()
}

// demoSSH has farmwall open the management port; demoRDP is one more wish.
const (
	demoSSH = "    farmwall_rules:\n      - { id: ssh, protocol: tcp, port: 22, remote: 10.99.0.0/24 }\n"
	demoRDP = "    ras_rdp_load_balancing: true\n"
)

func demoStory() []act {
	return []act{
		{title: "A farm", text: "Two gateways, a publishing agent and a session host, with SSH and nftables; each drops by default.\nThe inventory names roles, and no port but SSH.",
			inventory: demoInventory(demoSSH), command: "cat farm.yml"},
		{title: "What would change?", text: "plan reads every host and changes nothing.",
			command: "farmwall plan -i farm.yml -o farm.plan"},
		{title: "Apply exactly that", text: "Each host arms a switch that undoes the change, loads it in one transaction, and is looked at again\nover a new connection. Only then is the change confirmed and made to survive a reboot.",
			command: "farmwall apply farm.plan -i farm.yml"},
		{title: "Plan again", text: "What was applied is what is there: nothing to do.",
			command: "farmwall plan -i farm.yml --detailed-exitcode"},
		{title: "Somebody breaks a rule", text: "On gw1 somebody empties farmwall's chain by hand; drift finds it (exit 2) and puts it back.",
			host: "gw1", command: "nft flush chain inet farmwall input"},
		{command: "farmwall drift -i farm.yml", exit: exitDiffers},
		{command: "farmwall drift --fix -i farm.yml"},
		{title: "A change, and back", text: "RDP through the gateways is switched on; then the whole run is taken back.",
			inventory: demoInventory(demoSSH + demoRDP), command: "farmwall apply -y -i farm.yml -l gateway"},
		{command: "farmwall rollback RUN -y -i farm.yml"},
		{title: "A lock-out", text: "On rds1 the administrators' own rule for SSH goes, since farmwall has one; then somebody takes farmwall's\nout of the inventory. The limit on new connections keeps farmwall from foreseeing what that does: the change\ncuts the port it came by. So nobody can confirm it, and rds1 undoes it by itself. This takes 10 seconds.",
			inventory: demoInventory(""), host: "rds1", command: "nft flush chain inet site admin"},
		{command: "farmwall apply -y -i farm.yml -l rds1 --confirm-timeout 10s", exit: exitFailed},
		{title: "Still there", text: "rds1 answers on port 22, with the rules that it had: drift finds nothing.",
			inventory: demoInventory(demoSSH), command: "farmwall drift -i farm.yml -l rds1"},
		{title: "What was done", text: "Every run is in the journal, chained by hashes.",
			command: "farmwall history list"},
		{command: "farmwall history verify"},
	}
}
