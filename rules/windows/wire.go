package windows

// The JSON that crosses the line. All of it is UTF-8 and has the format number 1. A
// reader takes nothing it does not know: an unknown key, a key twice, a missing
// required key or anything behind the value is an error. A key is required unless
// it says omitempty here; where there is nothing to say its value is empty.

// format is the number of every form here.
const format = 1

// observation is what observe.ps1 answers.
type observation struct {
	Format     int    `json:"format"`
	System     string `json:"system"`     // "Microsoft Windows Server 2019 Standard"
	Version    string `json:"version"`    // "10.0.17763"
	PowerShell string `json:"powershell"` // "5.1.17763.1"
	Admin      bool   `json:"admin"`
	User       string `json:"user"` // DOMAIN\name
	Boot       string `json:"boot"` // the same string during one boot, another one after it
	UptimeMS   int64  `json:"uptime_ms"`
	Now        string `json:"now"` // RFC 3339, for the clock's offset
	// Services holds MpsSvc, BFE and Schedule: Running, Stopped, Missing or Unknown.
	Services map[string]string `json:"services"`
	Policy   policyWire        `json:"policy"`
	Registry registryWire      `json:"registry"`
	// Local and GPO are the two stores: value name and rule string. Strings with
	// AppPkgId= or LUOwn= in them are left out and counted.
	Local      [][2]string     `json:"local"`
	GPO        [][2]string     `json:"gpo"`
	LeftOut    leftOutWire     `json:"left_out"`
	Interfaces []interfaceWire `json:"interfaces"`
	Connection connectionWire  `json:"connection"`
	// Folder says why our folder must not be trusted; then lease, token and record
	// are empty.
	Folder string     `json:"folder"`
	Lease  leaseWire  `json:"lease"`
	Token  tokenWire  `json:"token"`
	Record recordWire `json:"record"`
	// Ours is the SHA-256, in hex, over the UTF-8 of the rule strings of the local store
	// whose Name= begins with "farmwall:", each with a line feed behind it, ordinally
	// sorted. In each string the lease number is left out first, so that rules which were
	// taken off and put back again count as the same (see leaseInName). Rest is the
	// same over the strings of enabled foreign Action=Block rules of both stores (never
	// AppPkgId= or LUOwn= lines; nothing is left out of these strings), sorted, and
	// behind them the sorted lines "STORE PROFILE VALUE=NUMBER" of Registry, where STORE is
	// gpo or local.
	Ours string `json:"ours"`
	Rest string `json:"rest"`
	// Switch names the tasks of ours that exist, "farmwall-switch farmwall-boot".
	Switch string `json:"switch"`
}

// leaseInName is the pattern whose match in a rule string becomes "|Name=MARK" before
// the string is hashed for Ours: "$1" is kept, the number behind the mark is not. A
// part's ":K" behind the number stays. It is .NET's and Go's alike.
const leaseInName = `(\|Name=farmwall:[a-z0-9-]{1,32}:[a-z0-9.-]{1,64}:[0-9a-f]{8}):[0-9]{1,19}`

// policyWire is what the COM object HNetCfg.FwPolicy2 says.
type policyWire struct {
	Error       string `json:"error"` // why it could not be asked; then the rest is empty
	Active      int    `json:"active"`
	ModifyState int    `json:"modify_state"` // LocalPolicyModifyState; -1 where it failed
	// Profiles has the keys "1", "2" and "4".
	Profiles map[string]profileWire `json:"profiles"`
}

// profileWire is one profile; the actions are COM's: 0 blocks, 1 allows.
type profileWire struct {
	Enabled  bool     `json:"enabled"`
	BlockAll bool     `json:"block_all"`
	Inbound  int      `json:"inbound"`
	Outbound int      `json:"outbound"`
	Excluded []string `json:"excluded"` // names of interfaces that the firewall leaves alone
}

// registryWire is the numbers below the policy keys: profile key, value name, number. A
// key that is not in the registry is left out, an empty one is {}. GPO may hold
// DomainProfile, PrivateProfile, PublicProfile and StandardProfile; Local holds
// DomainProfile, StandardProfile (which is Private) and PublicProfile.
type registryWire struct {
	Error string                      `json:"error"`
	GPO   map[string]map[string]int64 `json:"gpo"`
	Local map[string]map[string]int64 `json:"local"`
	// DeleteAppContainers says that DeleteUserAppContainersOnLogoff is there and 1.
	DeleteAppContainers bool `json:"delete_app_containers_on_logoff"`
}

// leftOutWire counts what was not sent: strings with AppPkgId= or LUOwn= of the two
// stores, and all values of the two RestrictedServices keys.
type leftOutWire struct {
	Local      int `json:"local"`
	GPO        int `json:"gpo"`
	Restricted int `json:"restricted"`
}

type interfaceWire struct {
	Name      string   `json:"name"`
	Index     int      `json:"index"`
	Up        bool     `json:"up"`
	Loopback  bool     `json:"loopback"`
	Addresses []string `json:"addresses"` // "10.0.0.5/24"
	Gateways  []string `json:"gateways"`
	DNS       []string `json:"dns"`
	DHCP      []string `json:"dhcp"`
	WINS      []string `json:"wins"`
	GUID      string   `json:"guid"` // "{...}"
	// Type is "lan", "wireless" or "remoteaccess", empty where it is not known; Profile is
	// the bit of the network's profile, 0 where it is not known.
	Type    string `json:"type,omitempty"`
	Profile int    `json:"profile,omitempty"`
}

type connectionWire struct {
	Client string `json:"client"` // "10.0.0.1:50123", IPv6 in brackets; empty where not known
	Local  string `json:"local"`
}

type leaseWire struct {
	Number  uint64 `json:"number"`
	Holder  string `json:"holder"` // "user@controller run RUN"
	Run     string `json:"run"`
	SinceMS int64  `json:"since_ms"` // 0 after a reboot
}

type tokenWire struct {
	State  string `json:"state"` // "", armed, confirming, undoing, done
	LeftMS int64  `json:"left_ms"`
}

type recordWire struct {
	Run        string `json:"run"`
	Controller string `json:"controller"`
	Digest     string `json:"digest"`
	Time       string `json:"time"` // RFC 3339
}

// targetCopy is what a change makes of our rules.
type targetCopy struct {
	Format int `json:"format"`
	// Keep and Off are whole names of rules of ours as they were read, one entry for each
	// twin; a name that stands in both has that many twins of each kind. A rule that is
	// in neither, or a name that is missing on the host, is a failed test: the script
	// answers refused.
	Keep []string   `json:"keep"`
	Add  []addition `json:"add"`
	Off  []string   `json:"off"`
	// All means that every rule of ours on the host goes off, whatever its name; Keep and
	// Off are empty. It is there where a saved undo is the target (a rollback).
	All bool `json:"all,omitempty"`
	// Refuse is why the host must answer refused, with this as its message: a saved undo
	// holds what COM cannot make again.
	Refuse string `json:"refuse,omitempty"`
}

// addition is a rule that the script makes: detached and whole, then Rules.Add. Its name
// is MARK:N, or MARK:N:K for a part K > 0, N the lease number of the change. What is not
// named here keeps the value of a new object; Grouping is "farmwall", Profiles are all
// (2147483647), Action is 1, Enabled is true and is set last.
type addition struct {
	Mark            string `json:"mark"`
	Part            int    `json:"part"`
	Description     string `json:"description"`
	Direction       int    `json:"direction"` // 1 in, 2 out
	Protocol        int    `json:"protocol"`
	LocalPorts      string `json:"local_ports"`  // empty: not set
	RemotePorts     string `json:"remote_ports"` // empty: not set
	RemoteAddresses string `json:"remote_addresses"`
	// Again holds the properties of a hand-edited rule that a rollback puts back; they are
	// set over those above, in the order of the struct's keys here.
	Again *again `json:"again,omitempty"`
}

// again is the rest of a rule's properties by their COM names; nil is not set.
type again struct {
	Grouping        *string `json:"Grouping,omitempty"`
	ApplicationName *string `json:"ApplicationName,omitempty"`
	ServiceName     *string `json:"serviceName,omitempty"`
	IcmpTypes       *string `json:"IcmpTypesAndCodes,omitempty"`
	LocalAddresses  *string `json:"LocalAddresses,omitempty"`
	Action          *int    `json:"Action,omitempty"`
	Profiles        *int    `json:"Profiles,omitempty"`
	InterfaceTypes  *string `json:"InterfaceTypes,omitempty"`
	Edge            *int    `json:"EdgeTraversalOptions,omitempty"`
	SecureFlags     *int    `json:"SecureFlags,omitempty"`
	Enabled         *bool   `json:"Enabled,omitempty"`
}

// undoCopy is all rules of ours as they are now, one entry for each twin.
type undoCopy struct {
	Format int        `json:"format"`
	Rules  []undoRule `json:"rules"`
}

type undoRule struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Text    string `json:"text"`
}

// reportWire is the answer of change, confirm, revert and recover.
type reportWire struct {
	Format  int    `json:"format"`
	Result  string `json:"result"`
	Lease   uint64 `json:"lease"`
	Ours    string `json:"ours"`
	LeftMS  int64  `json:"left_ms"`
	Holder  string `json:"holder"`
	Message string `json:"message"`
	Unsaved string `json:"unsaved"`
}
