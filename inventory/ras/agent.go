// Package ras makes an inventory of what a Parallels RAS farm knows of itself: from
// a table that an administrator exported, or from the farm's REST API. It is the
// one place below inventory that uses the network.
package ras

import (
	"net/netip"
	"regexp"
	"strings"

	"farmwall/inventory"
)

// Agent is one component of a farm: one row of Get-RASAgent, or one element of the
// answer to GET /api/Agent.
type Agent struct {
	Server    string       // name or address of the host
	Type      string       // as the farm calls it: "Gateway", "RDSHost", "PA" ...
	Addresses []netip.Addr // where the farm names any
	Version   string       // of the agent, "20.0.1-25889"; empty where unknown
	Site      string       // number or name; empty where unknown
}

// What becomes of a type of component.
type kind int

const (
	unknownKind kind = iota
	hostKind         // a host with a role
	otherKind        // a host without a role that farmwall has rules for
	noHostKind       // a pool, a site, a template: no host at all
)

// role is the role of a component's type. The numbers are those of the REST API's
// RASServerType.
func (a *Agent) role() (inventory.Role, kind) {
	word := strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(a.Type))
	switch word {
	case "1", "rdshost", "rds", "rdsh", "rdsessionhost", "terminalserver":
		return inventory.RDSH, hostKind
	case "2", "provider", "vdiprovider", "vdiagent", "vdihostagent":
		return inventory.VDI, hostKind
	case "3", "gateway", "gw", "securegateway", "secureclientgateway":
		return inventory.Gateway, hostKind
	case "4", "guest", "guestagent", "2013", "vdihost", "67", "avdhost":
		return inventory.Guest, hostKind
	case "7", "broker", "pa", "publishingagent", "connectionbroker":
		return inventory.PublishingAgent, hostKind
	case "25", "halbdevice":
		return inventory.HALB, hostKind
	case "remotepc", "remotepcstatic":
		return inventory.RemotePC, hostKind
	case "reporting", "rasreporting":
		return inventory.Reporting, hostKind
	case "performancemonitor", "rasperformancemonitor":
		return inventory.PerformanceMonitor, hostKind
	case "45", "tenantbroker", "46", "enrollment", "enrollmentserver":
		return "", otherKind
	case "9", "site", "10", "vdihostpool", "16", "rdsgroup", "rdshostpool", "51", "halb", "64", "avdworkspace", "65", "avdhostpool", "66", "avdtemplate",
		"95", "vditemplateversion", "96", "avdtemplateversion", "97", "rdstemplateversion", "107", "rdstemplate", "108", "vditemplate":
		return "", noHostKind
	}
	if role, ok := inventory.ParseRole(a.Type); ok { // farmwall's own words in a table
		return role, hostKind
	}
	return "", unknownKind
}

var versionNumbers = regexp.MustCompile(`^\s*([0-9]{1,4})\.([0-9]{1,4})`)

// version is major and minor of the agent's version, or empty.
func (a *Agent) version() string {
	m := versionNumbers.FindStringSubmatch(a.Version)
	if m == nil {
		return ""
	}
	return m[1] + "." + m[2]
}

// addresses reads one or more addresses out of a field.
func addresses(field string) (list []netip.Addr, ok bool) {
	for _, word := range strings.FieldsFunc(field, func(c rune) bool { return strings.ContainsRune(",; |{}", c) }) {
		ip, err := netip.ParseAddr(word)
		if err != nil || ip.Zone() != "" {
			return nil, false
		}
		list = append(list, ip.Unmap())
	}
	return list, true
}

var serverName = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

// validServer says whether a text can be a host of the inventory.
func validServer(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Zone() == ""
	}
	return serverName.MatchString(name)
}
