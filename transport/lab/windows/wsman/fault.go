package wsman

import (
	"fmt"
	"strings"
)

// fault is a SOAP fault as WinRM writes it, always with HTTP status 500.
type fault struct {
	number  uint32 // the code of f:WSManFault
	sender  bool   // s:Sender, else s:Receiver
	subcode string // "w:TimedOut"
	detail  string // the end of the faultDetail URI, if any
	text    string
	// provider is the plug-in's own message, inside f:ProviderFault.
	provider string
	// address: the fault is one of addressing, with that action.
	address bool
	// wmi: the detail is a p:MSFT_WmiError, as newer hosts write quota faults.
	wmi bool
}

const shellPlugin = `provider="Shell cmd plugin" path="%systemroot%\system32\winrscmd.dll"`

// xml is the content of s:Body; machine is what the host is called.
func (f *fault) xml(machine string) string {
	var b strings.Builder
	side := "s:Receiver"
	if f.sender {
		side = "s:Sender"
	}
	if f.subcode == "s:MustUnderstand" {
		side = "s:MustUnderstand"
	}
	b.WriteString("<s:Fault><s:Code><s:Value>" + side + "</s:Value>")
	if f.subcode != side {
		b.WriteString("<s:Subcode><s:Value>" + f.subcode + "</s:Value></s:Subcode>")
	}
	b.WriteString(`</s:Code><s:Reason><s:Text xml:lang="en-US">` + escape(f.text) + "</s:Text></s:Reason><s:Detail>")
	if f.detail != "" {
		b.WriteString("<w:FaultDetail>" + faultDetail + f.detail + "</w:FaultDetail>")
	}
	if f.wmi {
		f.wmiError(&b)
	} else {
		fmt.Fprintf(&b, `<f:WSManFault xmlns:f="%s" Code="%d" Machine="%s"><f:Message>`, nsFault, f.number, escape(machine))
		if f.provider != "" {
			b.WriteString("<f:ProviderFault " + shellPlugin + ">" + escape(f.provider) + "</f:ProviderFault>")
		} else {
			b.WriteString(escape(f.text))
		}
		b.WriteString("</f:Message></f:WSManFault>")
	}
	b.WriteString("</s:Detail></s:Fault>")
	return b.String()
}

func (f *fault) wmiError(b *strings.Builder) {
	fmt.Fprintf(b, `<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/microsoft/windows/management/MSFT_WmiError" xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`+
		`<p:CIMStatusCode xsi:type="cim:cimUnsignedInt">27</p:CIMStatusCode><p:error_Category xsi:type="cim:cimUnsignedInt">30</p:error_Category>`+
		`<p:error_Code xsi:type="cim:cimUnsignedInt">%d</p:error_Code><p:error_Type xsi:type="cim:cimString">HRESULT</p:error_Type>`+
		`<p:error_WindowsErrorMessage xsi:type="cim:cimString">%s</p:error_WindowsErrorMessage>`+
		`<p:Message xsi:type="cim:cimString">%s</p:Message><p:MessageID xsi:type="cim:cimString">HRESULT 0x%08x</p:MessageID></p:MSFT_WmiError>`,
		f.number, escape(f.text), escape(f.text), f.number)
}

// action is the fault message's own.
func (f *fault) action() string {
	if f.address {
		return actionAddress
	}
	return actionFault
}
