package wsman

// Name spaces (MS-WSMV 2.2.1).
const (
	nsSoap       = "http://www.w3.org/2003/05/soap-envelope"
	nsAddressing = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsTransfer   = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
	nsWsman      = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
	nsMicrosoft  = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
	nsShell      = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
	nsFault      = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
	nsConfig     = "http://schemas.microsoft.com/wbem/wsman/1/config"
	nsIdentity   = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
)

// Resources, roles and the like.
const (
	resourceCmd    = nsShell + "/cmd"
	resourceConfig = nsConfig
	anonymous      = nsAddressing + "/role/anonymous"
	faultDetail    = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"
	actionFault    = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
	actionAddress  = nsAddressing + "/fault"
	secureProfile  = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/"
	mutualScheme   = secureProfile + "https/mutual"
	commandState   = nsShell + "/CommandState/"
	signalPrefix   = nsShell + "/signal/"
)

// Actions. An answer's action is the request's and "Response".
const (
	actionCreate  = nsTransfer + "/Create"
	actionDelete  = nsTransfer + "/Delete"
	actionGet     = nsTransfer + "/Get"
	actionCommand = nsShell + "/Command"
	actionSend    = nsShell + "/Send"
	actionReceive = nsShell + "/Receive"
	actionSignal  = nsShell + "/Signal"
)
