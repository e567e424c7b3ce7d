package wsman

import (
	"context"
	"fmt"
	"strings"
)

// config answers a Get of winrm/config, which only administrators may read.
func (s *Service) config(_ context.Context, r request) (string, *fault) {
	if !r.who.admin {
		return "", faultAccessDenied()
	}
	q := s.quotas
	var b strings.Builder
	field := func(name string, value any) { fmt.Fprintf(&b, "<cfg:%s>%v</cfg:%s>", name, value, name) }
	group := func(name string, content func()) {
		b.WriteString("<cfg:" + name + ">")
		content()
		b.WriteString("</cfg:" + name + ">")
	}
	b.WriteString(`<cfg:Config xmlns:cfg="` + nsConfig + `" xml:lang="en-US">`)
	field("MaxEnvelopeSizekb", q.MaxEnvelopeSizekb)
	field("MaxTimeoutms", maxWait.Milliseconds())
	field("MaxBatchItems", 32000)
	group("Service", func() {
		field("MaxConcurrentOperations", uint32(4294967295))
		field("MaxConcurrentOperationsPerUser", q.MaxConcurrentOperationsPerUser)
		field("MaxConnections", q.MaxConnections)
		field("MaxPacketRetrievalTimeSeconds", 120)
		field("AllowUnencrypted", s.o.AllowUnencrypted)
		group("Auth", func() {
			field("Basic", s.o.Schemes.Basic)
			field("Kerberos", s.o.Schemes.Kerberos)
			field("Negotiate", s.o.Schemes.Negotiate)
			field("Certificate", s.o.Schemes.Certificate)
			field("CredSSP", false)
			field("CbtHardeningLevel", [...]string{"Relaxed", "None", "Strict"}[s.o.CbtHardeningLevel])
		})
		group("DefaultPorts", func() { field("HTTP", 5985); field("HTTPS", 5986) })
		field("IPv4Filter", "*")
		field("IPv6Filter", "*")
		field("AllowRemoteAccess", true)
	})
	group("Winrs", func() {
		field("AllowRemoteShellAccess", !s.Faults().ShellsDisabled)
		field("IdleTimeout", q.IdleTimeout.Milliseconds())
		field("MaxConcurrentUsers", q.MaxConcurrentUsers)
		field("MaxShellRunTime", unlimited)
		field("MaxProcessesPerShell", q.MaxProcessesPerShell)
		field("MaxMemoryPerShellMB", q.MaxMemoryPerShellMB)
		field("MaxShellsPerUser", q.MaxShellsPerUser)
	})
	b.WriteString("</cfg:Config>")
	return b.String(), nil
}
