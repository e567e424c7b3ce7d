package inventory

import "strings"

// ourVariables are all variables with our prefixes.
func ourVariables() []string {
	return []string{
		"ras_version", "ras_ssl", "ras_rdp_udp", "ras_client_manager", "ras_rdp_load_balancing", "ras_direct_mode", "ras_agent_push",
		"ras_addresses", "ras_vip", "ras_internal_networks", "ras_client_networks", "ras_push_networks", "ras_second_level_auth_servers",
		"ras_roles", "ras_member", "ras_farm",
		"farmwall_sources", "farmwall_egress", "farmwall_resolve_endpoints", "farmwall_rules", "farmwall_keep", "farmwall_probe_outsider", "farmwall_order", "farmwall_exposure", "farmwall_accept", "farmwall_wall",
		"farmwall_tls_pins",
	}
}

// settings reads the variables that decide a host's rules.
func (r *variables) settings() Settings {
	s := Settings{
		Version: setting(r, "ras_version", DefaultVersion(), readVersion),

		SSL:              setting(r, "ras_ssl", true, readBool),
		RDPUDP:           setting(r, "ras_rdp_udp", true, readBool),
		ClientManager:    setting(r, "ras_client_manager", true, readBool),
		RDPLoadBalancing: setting(r, "ras_rdp_load_balancing", false, readBool),
		DirectMode:       setting(r, "ras_direct_mode", false, readBool),
		AgentPush:        setting(r, "ras_agent_push", false, readBool),

		Addresses:              setting(r, "ras_addresses", nil, readAddresses),
		VIP:                    setting(r, "ras_vip", nil, readAddresses),
		InternalNetworks:       setting(r, "ras_internal_networks", nil, readNetworks),
		ClientNetworks:         setting(r, "ras_client_networks", nil, readNetworks),
		PushNetworks:           setting(r, "ras_push_networks", nil, readPushNetworks),
		SecondLevelAuthServers: setting(r, "ras_second_level_auth_servers", nil, readEndpoints),

		Sources:          setting(r, "farmwall_sources", SourcesFarm, readWord(SourcesFarm, SourcesPeers)),
		Egress:           setting(r, "farmwall_egress", EgressAuto, readWord(EgressAuto, EgressAlways, EgressNever)),
		ResolveEndpoints: setting(r, "farmwall_resolve_endpoints", false, readBool),
		ProbeOutsider:    setting(r, "farmwall_probe_outsider", false, readBool),
		Order:            setting(r, "farmwall_order", Order{}, readOrder),
		Wall:             setting(r, "farmwall_wall", nil, readWall),
		Exposure:         setting(r, "farmwall_exposure", ExposureReport, readWord(ExposureReport, ExposureRestrict)),
		AcceptFile:       setting(r, "farmwall_accept", "", readAcceptFile),
	}
	s.Rules = setting(r, "farmwall_rules", nil, readRules).Value
	s.Keep = setting(r, "farmwall_keep", nil, readKeep).Value
	return s
}

func readVersion(p part, bad complaint) Version {
	text, _ := p.text()
	v, err := ParseVersion(text)
	if err != nil {
		bad(p.at, "write major.minor, as in 16.5", "%s is no version", show(p.any))
	}
	return v
}

// checkNames reports variables with our prefixes that do not exist, wherever
// they are set.
func (d *draft) checkNames(extra Vars) {
	known := map[string]bool{}
	for _, name := range ourVariables() {
		known[name] = true
	}
	check := func(vars Vars) {
		for name, v := range vars {
			if known[name] || !strings.HasPrefix(name, "ras_") && !strings.HasPrefix(name, "farmwall_") {
				continue
			}
			d.problem(v.At, suggestOr("those that exist: "+list(ourVariables()), name, ourVariables()...), "variable %s does not exist", show(name))
		}
	}
	check(extra)
	for _, g := range d.groupOrder {
		check(g.vars)
	}
	for _, h := range d.hostOrder {
		check(h.vars)
	}
	for _, place := range d.files {
		for _, vars := range place.groups {
			check(vars)
		}
		for _, vars := range place.hosts {
			check(vars)
		}
	}
}
