package inventory

import (
	"context"
	"strings"
	"testing"
	"time"
)

const (
	pin1 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	pin2 = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
)

func TestWinRMAccess(t *testing.T) {
	pinText := strings.ToUpper(pin1[:2]) + ":" + pin1[2:4] + pin1[4:]
	tests := []struct {
		vars string
		port int
		want WinRM
	}{
		{"", 0, WinRM{TLS: true}},
		{"ansible_port=5985", 5985, WinRM{}},
		{"ansible_port=5986", 5986, WinRM{TLS: true}},
		{"ansible_port=5986 ansible_winrm_port=5985", 5985, WinRM{}},
		{"ansible_port=5985 ansible_winrm_scheme=https", 5985, WinRM{TLS: true}},
		{"ansible_port=8080 ansible_winrm_scheme=http", 8080, WinRM{}},
		{"ansible_winrm_scheme=http", 0, WinRM{}},
		{"ansible_winrm_path=/x ansible_winrm_transport=ssl", 0, WinRM{TLS: true, Path: "/x", Auth: "basic"}},
		{"ansible_winrm_path=wsman ansible_winrm_transport=basic", 0, WinRM{TLS: true, Path: "/wsman", Auth: "basic"}},
		{"ansible_winrm_transport=plaintext", 0, WinRM{TLS: true, Auth: "basic"}},
		{"ansible_port=5985 ansible_winrm_transport=ntlm", 5985, WinRM{Auth: "ntlm"}},
		{"ansible_port=5985 ansible_winrm_transport=Kerberos,ntlm", 5985, WinRM{Auth: "kerberos"}},
		{`ansible_winrm_transport="['negotiate', 'basic']"`, 0, WinRM{TLS: true, Auth: "negotiate"}},
		{"ansible_winrm_transport=certificate ansible_winrm_cert_pem=~/c.pem ansible_winrm_cert_key_pem=k.pem", 0, WinRM{TLS: true, Auth: "certificate", CertFile: "~/c.pem", KeyFile: "k.pem"}},
		{"ansible_winrm_server_cert_validation=ignore", 0, WinRM{TLS: true, SkipVerify: true}},
		{"ansible_winrm_server_cert_validation=validate ansible_winrm_ca_trust_path=/ca.pem", 0, WinRM{TLS: true, CAFile: "/ca.pem"}},
		{"ansible_winrm_kerberos_hostname_override=dc.example.com ansible_winrm_service=WSMAN ansible_winrm_keytab=/k", 0, WinRM{TLS: true, SPNHost: "dc.example.com", SPNClass: "WSMAN", Keytab: "/k"}},
		{"ansible_winrm_operation_timeout_sec=40 ansible_winrm_read_timeout_sec=50", 0, WinRM{TLS: true, OperationTimeout: 40 * time.Second}},
		{"ansible_winrm_connection_timeout=33", 0, WinRM{TLS: true, OperationTimeout: 33 * time.Second}},
		{"ansible_winrm_message_encryption=always ansible_winrm_send_cbt=yes ansible_winrm_kerberos_delegation=no", 0, WinRM{TLS: true}},
		{"farmwall_tls_pins=" + pinText + ",SHA256:" + pin2, 0, WinRM{TLS: true, Pins: []string{pin1, pin2}}},
	}
	for _, test := range tests {
		inv, err := loadText(t, "[gateway]\ng ansible_connection=winrm "+test.vars+"\n")
		if err != nil {
			t.Errorf("%s: %v", test.vars, err)
			continue
		}
		a := inv.Host("g").Access
		equal(t, test.vars, a.WinRM, test.want)
		equal(t, test.vars, a.Port, test.port)
	}
}

// psrp has names of its own for nearly all of it, and reads no other's.
func TestPSRPAccess(t *testing.T) {
	inv := must(t, `[gateway]
g ansible_connection=psrp ansible_winrm_host=no ansible_psrp_host=10.0.0.7 ansible_user=no ansible_psrp_user=u ansible_winrm_user=no ansible_winrm_pass=p ansible_winrm_port=1 ansible_psrp_port=5985
[gateway:vars]
ansible_psrp_protocol=https
ansible_psrp_path=wsman2
ansible_psrp_auth=certificate
ansible_psrp_cert_validation=ignore
ansible_psrp_cert_trust_path=weak.pem
ansible_psrp_ca_cert=ca.pem
ansible_psrp_certificate_pem=c
ansible_psrp_certificate_key_pem=k
ansible_psrp_operation_timeout=15
ansible_psrp_read_timeout=16
ansible_psrp_connection_timeout=7
ansible_psrp_negotiate_service=HTTP
ansible_psrp_negotiate_hostname_override=h
ansible_psrp_max_envelope_size=1
ansible_psrp_configuration_name=JEA
ansible_winrm_transport=ntlm
`)
	a := inv.Host("g").Access
	equal(t, "reach", reach(a), reached{Connection: "winrm", Address: "10.0.0.7", Port: 5985, User: "u", Password: "p", Timeout: 7 * time.Second})
	equal(t, "winrm", a.WinRM, WinRM{TLS: true, Path: "/wsman2", Auth: "certificate", CAFile: "ca.pem", SkipVerify: true, CertFile: "c", KeyFile: "k", SPNClass: "HTTP", SPNHost: "h", OperationTimeout: 15 * time.Second})
	equal(t, "addresses", inv.Host("g").Addresses.Name, "ansible_psrp_host")
	if w := inv.Warnings.Error(); !strings.Contains(w, "ansible_psrp_configuration_name is not used (farmwall runs") || strings.Contains(w, "max_envelope") {
		t.Errorf("got %s", w)
	}
}

func TestRefusedWinRM(t *testing.T) {
	for vars, want := range map[string]string{
		"ansible_winrm_scheme=ftp": "http or https", "ansible_winrm_transport=credssp": "needs no second hop", "ansible_winrm_transport=digest": "is not known",
		"ansible_port=5985 ansible_winrm_transport=basic": "in the clear over http", "ansible_winrm_scheme=http ansible_winrm_transport=plaintext,ntlm": "in the clear over http",
		"ansible_winrm_scheme=http ansible_winrm_transport=certificate ansible_winrm_cert_pem=c ansible_winrm_cert_key_pem=k": "cannot work over http",
		"ansible_winrm_transport=certificate ansible_winrm_cert_pem=c":                                                        "needs ansible_winrm_cert_pem and ansible_winrm_cert_key_pem",
		"ansible_winrm_server_cert_validation=Ignore":                                                                         "validate or ignore", "ansible_winrm_message_encryption=never": "sends nothing in the clear",
		"ansible_winrm_message_encryption=perhaps": "auto or always", "ansible_winrm_operation_timeout_sec=30 ansible_winrm_read_timeout_sec=30": "must exceed the operation time-out of 30s",
		"ansible_winrm_read_timeout_sec=20": "must exceed the operation time-out of 20s", "ansible_winrm_operation_timeout_sec=x": "time-out",
		"ansible_winrm_transport=kerberos ansible_winrm_kinit_mode=auto": "managed or manual",
	} {
		_, err := loadText(t, "[gateway]\ng ansible_connection=winrm "+vars+"\n")
		if ps, _ := err.(Problems); len(ps) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", vars, err, want)
		}
		// A host that speaks SSH is not asked about WinRM, and what concerns no member
		// stops nobody.
		if vars = strings.Replace(vars, "ansible_port=5985 ", "", 1); vars != "" {
			must(t, "[gateway]\ng "+vars+"\n")
		}
		inv := must(t, "x ansible_connection=winrm "+vars+withRole)
		if p := inv.Host("x").Access.Problems; len(p) != 1 && !strings.Contains(vars, "transport=basic") {
			t.Errorf("%s on a host that is no member: %v", vars, p)
		}
	}
	_, err := loadText(t, "[gateway]\ng ansible_connection=winrm farmwall_tls_pins=abc,"+pin1+"\n")
	if err == nil || !strings.Contains(err.Error(), `farmwall_tls_pins: "abc" is no fingerprint (the SHA-256 of the certificate`) {
		t.Errorf("got %v", err)
	}
}

func TestWinRMVariablesThatAreNotUsed(t *testing.T) {
	inv := must(t, `[gateway]
g
h
[gateway:vars]
ansible_connection=winrm
ansible_winrm_transport=ntlm,basic
ansible_winrm_kinit_cmd=/tmp/x
ansible_winrm_realm=EXAMPLE
ansible_winrm_proxy=http://proxy
ansible_winrm_credssp_disable_tlsv1_2=yes
ansible_winrm_send_cbt=no
ansible_winrm_kerberos_delegation=yes
ansible_winrm_flux=1
`)
	text := inv.Warnings.Error()
	for _, want := range []string{"ansible_winrm_transport: farmwall takes the first, \"ntlm\" (it never falls back", "ansible_winrm_kinit_cmd is not used (farmwall speaks Kerberos itself",
		"ansible_winrm_realm is not used (write the user as", "ansible_winrm_proxy is not used", "ansible_winrm_credssp_disable_tlsv1_2 is not used", "ansible_winrm_send_cbt is not used (farmwall always binds",
		"ansible_winrm_kerberos_delegation is not used", "ansible_winrm_flux is not used (farmwall does not know it)"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("told %d times: %s\nin:\n%s", strings.Count(text, want), want, text)
		}
	}
	if n := len(inv.Warnings); n != 8 {
		t.Errorf("%d warnings:\n%s", n, text)
	}
}

// A ticket that the user has got is used without the password beside it.
func TestKinitByHand(t *testing.T) {
	a := must(t, "[gateway]\ng ansible_connection=winrm ansible_password=p ansible_winrm_transport=kerberos ansible_winrm_kinit_mode=manual\n").Host("g").Access
	if !a.Password.Empty() {
		t.Error("the password stands beside a ticket got by hand")
	}
	dir := tree(t, map[string]string{"hosts": "[gateway]\ng ansible_connection=winrm ansible_winrm_transport=kerberos ansible_winrm_kinit_mode=managed\n"})
	inv, err := Load(context.Background(), []string{dir}, Options{Password: NewSecret("cli"), KeyFile: "id"})
	if err != nil {
		t.Fatal(err)
	}
	if a := inv.Host("g").Access; a.Password.Reveal() != "cli" || a.KeyFile != "" {
		t.Errorf("got %+v", reach(a))
	}
}
