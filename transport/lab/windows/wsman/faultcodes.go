package wsman

import "fmt"

// The faults that this service gives. Numbers, subcodes and texts are those of real
// hosts (MS-WSMV 2.2.4.43, recordings of Windows Server 2008 R2 to 2016).

func faultTimedOut() *fault {
	return &fault{number: 2150858793, subcode: "w:TimedOut",
		text: "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  "}
}

func faultNoShell(id string) *fault {
	return &fault{number: 2150858843, sender: true, subcode: "w:InvalidSelectors", detail: "UnexpectedSelectors",
		text: "The request for the Windows Remote Shell with ShellId " + id + " failed because the shell was not found on the server. " +
			"Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server. " +
			"Provide the correct ShellId or create a new shell and retry the operation. "}
}

func faultNoCommand(id string) *fault {
	return &fault{number: 2150858843, sender: true, subcode: "w:InvalidSelectors", detail: "UnexpectedSelectors",
		text: "The request for the Windows Remote Shell failed because the command identifier " + id + " does not exist on the server. "}
}

func faultAccessDenied() *fault {
	return &fault{number: 5, sender: true, subcode: "w:AccessDenied", text: "Access is denied. "}
}

func faultParameter() *fault {
	return &fault{number: 87, sender: true, subcode: "w:InvalidParameter", detail: "InvalidValue",
		text: "The parameter is incorrect. ", provider: "The parameter is incorrect. "}
}

// faultPlugin is an error of the shell's own plug-in.
func faultPlugin(number uint32, text string) *fault {
	return &fault{number: number, subcode: "w:InternalError", text: text, provider: text}
}

func faultNotFound() *fault {
	return faultPlugin(2147942402, "The system cannot find the file specified. ")
}
func faultBusy() *fault      { return faultPlugin(170, "The requested resource is in use. ") }
func faultPipeEnded() *fault { return faultPlugin(109, "The pipe has been ended. ") }
func faultAborted() *fault {
	return faultPlugin(995, "The I/O operation has been aborted because of either a thread exit or an application request. ")
}

func faultAction(action string) *fault {
	return &fault{number: 2150858753, sender: true, subcode: "a:ActionNotSupported", address: true,
		text: "The WS-Management service cannot process the request because it does not support the action " + action + ". "}
}

func faultTimeoutHeader() *fault {
	return &fault{number: 2150858767, sender: true, subcode: "a:InvalidMessageInformationHeader", address: true,
		text: "The WS-Management service cannot process the request because the OperationTimeout header is not valid. "}
}

func faultNotUnderstood(header string) *fault {
	return &fault{number: 2150858768, subcode: "s:MustUnderstand",
		text: "The WS-Management service cannot process a SOAP packet that contains a mustUnderstand header it does not know: " + header + ". "}
}

func faultHeaderMissing(header string) *fault {
	return &fault{number: 2150858769, sender: true, subcode: "a:MessageInformationHeaderRequired", address: true,
		text: "The WS-Management service cannot process the request because the header " + header + " is missing. "}
}

func faultEnvelope(number uint32, detail, text string) *fault {
	return &fault{number: number, sender: true, subcode: "w:EncodingLimit", detail: detail, text: text}
}

func faultEnvelopeSmall() *fault {
	return faultEnvelope(2150858878, "MinimumEnvelopeLimit",
		"The WS-Management service cannot process the request. The MaxEnvelopeSize in the request is below the smallest of 8192. ")
}

// faultEnvelopeFull: an answer that cannot be made small enough for the client.
func faultEnvelopeFull() *fault {
	return faultEnvelope(2150858824, "MaxEnvelopeSizeExceeded",
		"The WS-Management service cannot process the request because the response exceeds the MaxEnvelopeSize. ")
}

func faultBody() *fault {
	return &fault{number: 2150858791, sender: true, subcode: "w:SchemaValidationError",
		text: "The WS-Management service cannot process the request. The SOAP packet is not valid. "}
}

func faultXML() *fault {
	return &fault{number: 2150858819, sender: true, subcode: "w:SchemaValidationError",
		text: "The WS-Management service cannot process the request because the XML is not valid. "}
}

func faultSchema() *fault {
	return &fault{number: 2150858817, sender: true, subcode: "w:SchemaValidationError",
		text: "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and retry. "}
}

func faultResource() *fault {
	return &fault{number: 2150858811, sender: true, subcode: "a:DestinationUnreachable", detail: "InvalidResourceURI", address: true,
		text: "The WS-Management service cannot process the request. The resource URI is missing or not valid. "}
}

func faultNoSelector() *fault {
	return &fault{number: 2150858842, sender: true, subcode: "w:InvalidSelectors", detail: "InsufficientSelectors",
		text: "The Windows Remote Shell cannot process the request because it requires the following selector: ShellId. "}
}

func faultCodePage() *fault {
	return &fault{number: 2150859072, sender: true, subcode: "w:InvalidParameter", detail: "InvalidValue",
		text: "The WS-Management service cannot process the request. The code page that was asked for is not supported. "}
}

func faultNoInput() *fault {
	return &fault{number: 2150859147, sender: true, subcode: "w:InvalidParameter", detail: "InvalidValue",
		text: "The Windows Remote Shell cannot process the request: the input stream stdin is not valid for this shell. "}
}

func faultShellsDisabled() *fault {
	return &fault{number: 2150859180, sender: true, subcode: "w:AccessDenied",
		text: "The WS-Management service cannot process the request: access to remote shells is not allowed on this computer (AllowRemoteShellAccess). "}
}

func faultQuota(number uint32, text string, wmi bool) *fault {
	return &fault{number: number, sender: true, subcode: "w:QuotaLimit", text: text, wmi: wmi}
}

// faultUserQuota: a user has too many of something (2150859173, 2150859174).
func faultUserQuota(number uint32, most uint32, what string, wmi bool) *fault {
	advice := "Close existing operations for this user"
	if number == 2150859173 {
		advice = "Close existing shells"
	}
	return faultQuota(number, fmt.Sprintf("The WS-Management service cannot process the request. "+
		"This user is allowed a maximum number of %d concurrent %s, which has been exceeded. %s or raise the quota for this user. ", most, what, advice), wmi)
}
