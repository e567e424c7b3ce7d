package windows

import (
	"fmt"
	"slices"
	"strings"
)

// policy is what holds for the profiles, group policy counted in.
type policy struct {
	err      string // why nothing is known
	active   int    // bits of the active profiles
	modify   int
	profiles map[int]*profile
}

// profile is the settings of one profile.
type profile struct {
	bit      int
	enabled  bool
	blockAll bool
	inbound  action
	outbound action
	// merge: rules of the local store count.
	merge    bool
	excluded []string // names of interfaces
	// byGPO are the settings that group policy made, in words.
	byGPO []string
}

var (
	profileBits  = []int{domain, private, public}
	profileNames = map[int]string{domain: "Domain", private: "Private", public: "Public"}
	localKeys    = map[int]string{domain: "DomainProfile", private: "StandardProfile", public: "PublicProfile"}
	gpoKeys      = map[int]string{domain: "DomainProfile", private: "PrivateProfile", public: "PublicProfile"}
)

func (p *profile) String() string { return profileNames[p.bit] + " profile" }

// newPolicy lays group policy's values over those of COM, which are the local ones
// ("enabled locally, the effective result may differ": INetFwPolicy2).
func newPolicy(w *policyWire, reg *registryWire) (policy, error) {
	p := policy{err: w.Error, active: w.Active, modify: w.ModifyState, profiles: map[int]*profile{}}
	if w.Error == "" && reg.Error != "" {
		p.err = reg.Error
	}
	if p.err != "" {
		return p, nil
	}
	if w.Active <= 0 || w.Active&^allProfiles != 0 {
		return p, fmt.Errorf("the active profiles are %d", w.Active)
	}
	for _, bit := range profileBits {
		c, ok := w.Profiles[fmt.Sprint(bit)]
		if !ok {
			return p, fmt.Errorf("profile %d is missing", bit)
		}
		x := &profile{bit: bit, enabled: c.Enabled, blockAll: c.BlockAll, inbound: comAction(c.Inbound), outbound: comAction(c.Outbound), merge: true, excluded: c.Excluded}
		if x.inbound == noAction || x.outbound == noAction {
			return p, fmt.Errorf("the default actions of profile %d are %d and %d", bit, c.Inbound, c.Outbound)
		}
		x.overlay(reg)
		p.profiles[bit] = x
	}
	if len(w.Profiles) != len(profileBits) {
		return p, fmt.Errorf("there are %d profiles", len(w.Profiles))
	}
	return p, nil
}

// comAction reads NET_FW_ACTION, which is the registry's the other way round.
func comAction(n int) action {
	switch n {
	case 0:
		return block
	case 1:
		return allow
	}
	return noAction
}

// overlay applies the values of group policy.
func (p *profile) overlay(reg *registryWire) {
	values, own := reg.GPO[gpoKeys[p.bit]]
	if !own && p.bit != domain && reg.standardCounts() {
		// [MS-GPFAS] 2.2.3: without the two newer keys the old one is for both.
		values = reg.GPO["StandardProfile"]
	}
	get := func(name string) (int64, bool) {
		for k, v := range values {
			if strings.EqualFold(k, name) {
				return v, true
			}
		}
		return 0, false
	}
	said := func(name string) { p.byGPO = append(p.byGPO, name) }
	if v, ok := get("EnableFirewall"); ok {
		p.enabled = v != 0
		said("EnableFirewall")
	}
	if v, ok := get("DoNotAllowExceptions"); ok {
		p.blockAll = v != 0
		said("DoNotAllowExceptions")
	}
	if !own { // the rest must not stand under StandardProfile
		return
	}
	if v, ok := get("DefaultInboundAction"); ok {
		p.inbound = registryAction(v)
		said("DefaultInboundAction")
	}
	if v, ok := get("DefaultOutboundAction"); ok {
		p.outbound = registryAction(v)
		said("DefaultOutboundAction")
	}
	if v, ok := get("AllowLocalPolicyMerge"); ok {
		p.merge = v != 0
		said("AllowLocalPolicyMerge")
	}
}

// registryAction reads DefaultInboundAction and its like: 0 allows, 1 blocks
// ([MS-GPFAS] 2.2.3.16); what else it may be is not known.
func registryAction(v int64) action {
	switch v {
	case 0:
		return allow
	case 1:
		return block
	}
	return noAction
}

func (w *registryWire) standardCounts() bool {
	_, newer1 := w.GPO["PrivateProfile"]
	_, newer2 := w.GPO["PublicProfile"]
	return !newer1 && !newer2
}

// on lists the active profiles.
func (p *policy) on() []*profile {
	var out []*profile
	for _, bit := range profileBits {
		if p.active&bit != 0 && p.profiles[bit] != nil {
			out = append(out, p.profiles[bit])
		}
	}
	return out
}

// blocksOutbound says whether an active profile drops what no rule lets out.
func (p *policy) blocksOutbound() bool {
	return slices.ContainsFunc(p.on(), func(x *profile) bool { return x.enabled && x.outbound != allow })
}

func (p *policy) activeNames() string {
	var names []string
	for _, x := range p.on() {
		names = append(names, profileNames[x.bit])
	}
	return strings.Join(names, ", ")
}
