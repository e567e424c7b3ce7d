package winrm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"farmwall/transport"
)

// Codes of faults (Windows SDK, wsmerror.h; winerror.h for the small ones).
const (
	faultAccessDenied    = 5
	faultBusy            = 170
	faultAborted         = 995
	faultProviderTimeout = 1460
	faultDenied          = 2147942405
	faultKeyDeleted      = 2147943418
	faultTimedOut        = 2150858793
	faultNoShell         = 2150858843
	faultAuthentication  = 2150858806
	faultEnvelope        = 2150858824
	faultQuota           = 2150858815
	faultShellsPerUser   = 2150859173
	faultOperations      = 2150859174
	faultUserQuota       = 2150859175
	faultSystemQuota     = 2150859176
	faultShellUsers      = 2150859179
	faultShellsDisabled  = 2150859180
	faultPluginFirst     = 2150859236
	faultPluginLast      = 2150859242
)

// Fault is a host's refusal of a request.
type Fault struct {
	// Code is the WSManFault's, which Windows also gives in hex; 0: there was none.
	Code uint32
	// WMI is the code of an MSFT_WmiError in it, as hosts since 2012 send with quotas.
	WMI uint32
	// Subcode is SOAP's, without its prefix: "TimedOut", "QuotaLimit".
	Subcode string
	Text    string // as the host says it
}

func (f *Fault) Error() string {
	text := transport.Printable([]byte(f.Text))
	switch code := f.code(); {
	case code == 0 && text == "":
		return "fault " + transport.Printable([]byte(f.Subcode))
	case code == 0:
		return "fault " + transport.Printable([]byte(f.Subcode)) + ": " + text
	case code > 1<<16:
		return fmt.Sprintf("fault %d (0x%08X): %s", code, code, text)
	default:
		return fmt.Sprintf("fault %d: %s", code, text)
	}
}

// code is the one that says most.
func (f *Fault) code() uint32 {
	// The class of the fault is told by WSManFault, the quota by WMI's error.
	if f.WMI >= faultQuota && f.WMI <= faultPluginLast && f.Code != faultTimedOut {
		return f.WMI
	}
	if f.Code == 0 {
		return f.WMI
	}
	return f.Code
}

// timedOut: nothing happened within OperationTimeout.
func (f *Fault) timedOut() bool { return f.Code == faultTimedOut || f.Subcode == "TimedOut" }

// gone: the shell, and all that ran in it, is no more or takes no more commands.
func (f *Fault) gone() bool {
	switch f.code() {
	case faultNoShell, faultKeyDeleted, faultOperations:
		return true
	}
	return false
}

// asFault finds the fault in an error; nil: there is none.
func asFault(err error) *Fault {
	var f *Fault
	errors.As(err, &f)
	return f
}

// explain turns a fault into the error that farmwall knows it by, with what to
// do.
func (f *Fault) explain() (sentinel error, hint string) {
	switch code := f.code(); {
	case code == faultAccessDenied, code == faultDenied:
		return transport.ErrNoPrivilege, "the account must be an administrator of the host; local accounts other than Administrator also need LocalAccountTokenFilterPolicy = 1 there"
	case code == faultShellsDisabled:
		return transport.ErrNoPrivilege, "remote shells are switched off on the host (AllowRemoteShellAccess)"
	case code == faultAuthentication:
		return transport.ErrRejected, "check the user and the password"
	case code == faultShellsPerUser:
		return transport.ErrQuota, "close this user's other remote shells, or raise MaxShellsPerUser on the host (winrm set winrm/config/winrs)"
	case code == faultOperations, code == faultUserQuota:
		return transport.ErrQuota, "other programs use this account on the host: wait for them, or raise MaxConcurrentOperationsPerUser there"
	case code == faultShellUsers:
		return transport.ErrQuota, "too many users have remote shells on the host: raise MaxConcurrentUsers there (winrm set winrm/config/winrs)"
	case code == faultQuota, code == faultSystemQuota, code >= faultPluginFirst && code <= faultPluginLast, f.Subcode == "QuotaLimit":
		return transport.ErrQuota, "a limit of WinRM on the host is reached: see winrm get winrm/config there"
	case code == faultEnvelope, f.Subcode == "EncodingLimit":
		return transport.ErrQuota, "the host takes only short messages: set MaxEnvelopeSizekb to 150 or more there"
	case code == faultBusy:
		return transport.ErrBusy, "the host is under load: try again later"
	case code == faultAborted:
		return transport.ErrLineBroke, "the WinRM service or the host is stopping or restarting"
	case f.timedOut(), code == faultProviderTimeout:
		return transport.ErrTimeout, "the host is under load: try again, or raise ansible_winrm_operation_timeout_sec"
	case f.Subcode == "AccessDenied":
		return transport.ErrNoPrivilege, "the account must be an administrator of the host"
	case f.gone():
		return transport.ErrLineBroke, "the remote shell has gone: did somebody restart WinRM, or does a load balancer stand in between?"
	}
	return transport.ErrLineBroke, ""
}

// soapFault is SOAP's form of a fault.
type soapFault struct {
	Value   string `xml:"Code>Value"`
	Subcode string `xml:"Code>Subcode>Value"`
	Reason  string `xml:"Reason>Text"`
	Detail  struct {
		Inner string `xml:",innerxml"`
	}
}

// read takes the first code of each kind: WSManFaults stand in each other, the
// outermost says what happened.
func (s *soapFault) read() *Fault {
	f := &Fault{Subcode: strings.TrimSpace(s.Subcode), Text: strings.TrimSpace(s.Reason)}
	if f.Subcode == "" {
		f.Subcode = strings.TrimSpace(s.Value)
	}
	_, after, ok := strings.Cut(f.Subcode, ":")
	if ok {
		f.Subcode = after
	}
	d := xml.NewDecoder(strings.NewReader(s.Detail.Inner))
	d.Strict = false
	var open string
	for {
		t, err := d.Token()
		if err != nil {
			return f
		}
		switch t := t.(type) {
		case xml.StartElement:
			open = t.Name.Local
			for _, a := range t.Attr {
				if open == "WSManFault" && a.Name.Local == "Code" && f.Code == 0 {
					f.Code = code(a.Value)
				}
			}
		case xml.CharData:
			text := strings.TrimSpace(string(t))
			switch {
			case text == "":
			case open == "error_Code" && f.WMI == 0:
				f.WMI = code(text)
			case open == "Message" && f.Text == "":
				f.Text = text
			}
		case xml.EndElement:
			open = ""
		}
	}
}

// code reads a number that may come with a sign.
func code(text string) uint32 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 64)
	if err != nil {
		return 0
	}
	return uint32(n)
}
