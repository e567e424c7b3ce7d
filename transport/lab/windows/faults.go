package windows

import "time"

// Faults are the ways in which a host can be made to fail. The zero value is a host
// without faults.
type Faults struct {
	// DenyAdd: Rules.Add alone answers access denied, to everybody.
	DenyAdd bool
	// StopAfterWrites: after so many further writes to the firewall its service stops.
	StopAfterWrites int
	// TwinOnAdd: another writer stores a rule of the same name and content right before
	// the next Add, and the switch goes off.
	TwinOnAdd bool
	// RemoveLeavesTwin: Remove answers success, and a rule of that name is left.
	RemoveLeavesTwin bool
	// EnumerationDelay passes before a COM enumeration of all rules begins.
	EnumerationDelay time.Duration
	// GPOverride: LocalPolicyModifyState answers NET_FW_MODIFY_STATE_GP_OVERRIDE.
	GPOverride bool
	// ModifyStateOK: LocalPolicyModifyState answers OK whatever group policy says.
	ModifyStateOK bool
	// FolderOwner owns %ProgramFiles%\farmwall; empty: Administrators.
	FolderOwner string
	// FullDisk: no file can grow. Processes that run already keep their space.
	FullDisk bool
	// ConstrainedLanguage: application control is in force.
	ConstrainedLanguage bool
	// PSVersion replaces PowerShell's version: "2.0".
	PSVersion string
	// NotAdmin: every log-on gets a token without administrator's rights.
	NotAdmin bool
	// ReadOnly are accounts ("LAB\\reader") of whose every write access is denied, though
	// they are administrators: to the firewall, to scheduled tasks, to processes and to
	// files. In a real PowerShell no file that they write can grow. Denied tells of each try.
	ReadOnly []string
	// LateFirewall is how long after a boot the firewall's service needs to start.
	LateFirewall time.Duration
	// BrokenTasks: registered tasks start and end at once without having done anything.
	BrokenTasks bool
	// BeforeWrite and AfterWrite are called around every write to the firewall with
	// "add", "remove" or "set PROPERTY" and the rule's name. They may do to the host
	// whatever a test likes.
	BeforeWrite, AfterWrite func(what, rule string) `json:"-"`
}
