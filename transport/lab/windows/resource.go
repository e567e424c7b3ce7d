package windows

import "strings"

// resources are the texts behind the indirect names of built-in rules, in English.
var resources = map[string]string{
	"-28752": "Remote Desktop", "-28775": "Remote Desktop - User Mode (TCP-In)", "-28776": "Remote Desktop - User Mode (UDP-In)",
	"-28778": "Remote Desktop - Shadow (TCP-In)",
	"-28502": "File and Printer Sharing", "-28511": "File and Printer Sharing (SMB-In)", "-28503": "File and Printer Sharing (NB-Session-In)",
	"-28519": "File and Printer Sharing (NB-Name-In)", "-28527": "File and Printer Sharing (NB-Datagram-In)",
	"-28543": "File and Printer Sharing (Echo Request - ICMPv4-In)", "-28545": "File and Printer Sharing (Echo Request - ICMPv6-In)",
	"-34251": "Windows Management Instrumentation (WMI)", "-34252": "Windows Management Instrumentation (DCOM-In)", "-34254": "Windows Management Instrumentation (WMI-In)",
	"-30267": "Windows Remote Management", "-30253": "Windows Remote Management (HTTP-In)",
	"-29252": "Remote Event Log Management", "-29253": "Remote Event Log Management (RPC)", "-29265": "Remote Event Log Management (RPC-EPMAP)",
	"-25000": "Core Networking",
}

// resource resolves an indirect string; what is not known stays as it is.
func resource(text string) string {
	if !strings.HasPrefix(text, "@") {
		return text
	}
	if _, id, ok := strings.Cut(text, ","); ok {
		if t, ok := resources[id]; ok {
			return t
		}
	}
	return text
}

// expand replaces the environment variables that paths of rules use.
func expand(path string) string {
	for _, v := range [][2]string{{"%systemroot%", `C:\Windows`}, {"%windir%", `C:\Windows`}, {"%programfiles%", `C:\Program Files`}, {"%systemdrive%", "C:"}} {
		if i := strings.Index(strings.ToLower(path), v[0]); i >= 0 {
			path = path[:i] + v[1] + path[i+len(v[0]):]
		}
	}
	return path
}
