package wsman

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxVariable is the longest value of an environment variable, in UTF-16 units.
const maxVariable = 32767

// codePages are those that a console of Windows can be set to, as far as any
// client is known to ask for them.
var codePages = []string{"", "437", "850", "852", "858", "866", "932", "936", "949", "950", "1250", "1251", "1252", "20127", "28591", "65001"}

func (s *Service) create(_ context.Context, r request) (string, *fault) {
	if f := s.mayHaveShell(r.who); f != nil {
		return "", f
	}
	sh, f := newShell(r, s.quotas.IdleTimeout)
	if f != nil {
		return "", f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.shellQuota(r.who.user); f != nil {
		return "", f
	}
	if s.shells[strings.ToUpper(sh.id)] != nil {
		return "", faultParameter()
	}
	if s.shells == nil {
		s.shells = map[string]*shell{}
	}
	s.shells[strings.ToUpper(sh.id)] = sh
	sh.timer = time.AfterFunc(sh.idle, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.shells[strings.ToUpper(sh.id)] == sh {
			s.drop(strings.ToUpper(sh.id))
		}
	})
	return createAnswer(sh, s.o.Release.modern() && !s.faults.NoShellBody), nil
}

func (s *Service) mayHaveShell(who *identity) *fault {
	f := s.Faults()
	switch {
	case f.ShellsDisabled:
		return faultShellsDisabled()
	case f.AccessDenied || !who.shell:
		return faultAccessDenied()
	}
	return nil
}

// newShell reads a Create's rsp:Shell.
func newShell(r request, idle time.Duration) (*shell, *fault) {
	e := r.body.child(nsShell, "Shell")
	if e == nil {
		return nil, faultSchema()
	}
	if !slices.Contains(codePages, r.options["WINRS_CODEPAGE"]) {
		return nil, faultCodePage()
	}
	client, _ := r.line.ends()
	sh := &shell{id: e.attr("ShellId"), user: r.who.user, client: client.Addr(), dir: e.child(nsShell, "WorkingDirectory").value(),
		begun: time.Now(), idle: idle, env: map[string]string{}, commands: map[string]*command{}}
	if sh.id == "" {
		sh.id = newGUID()
	}
	for _, name := range strings.Fields(e.child(nsShell, "InputStreams").value()) {
		if name != "stdin" {
			return nil, faultSchema()
		}
		sh.input = true
	}
	if t := e.child(nsShell, "IdleTimeOut"); t != nil {
		d, err := parseDuration(t.value())
		if err != nil || d <= 0 {
			return nil, faultSchema()
		}
		sh.idle = min(d, idle)
	}
	if env := e.child(nsShell, "Environment"); env != nil {
		for _, v := range env.children {
			if v.name.Local != "Variable" || v.attr("Name") == "" || len(utf16le(v.text)) > 2*maxVariable {
				return nil, faultSchema()
			}
			sh.env[v.attr("Name")] = v.text
		}
	}
	return sh, nil
}

// shellQuota says what is in the way of one more shell. The service must be locked.
func (s *Service) shellQuota(user string) *fault {
	wmi := s.faults.QuotaWMI
	if strikes(&s.faults.Quota) {
		return s.quotaFault(2150859173)
	}
	users, own := map[string]bool{user: true}, uint32(0)
	for _, sh := range s.shells {
		users[sh.user] = true
		if sh.user == user {
			own++
		}
	}
	if own >= s.quotas.MaxShellsPerUser {
		return faultUserQuota(2150859173, s.quotas.MaxShellsPerUser, "shells", wmi)
	}
	if len(users) > int(s.quotas.MaxConcurrentUsers) {
		return faultQuota(2150859179, fmt.Sprintf("The WS-Management service cannot process the request. The maximum number of users "+
			"executing shell operations has been exceeded (%d). Retry after sometime or raise the quota for concurrent shell users. ", s.quotas.MaxConcurrentUsers), wmi)
	}
	return nil
}

// quotaFault is the one on demand. The service must be locked.
func (s *Service) quotaFault(number uint32) *fault {
	if s.faults.QuotaCode != 0 {
		number = s.faults.QuotaCode
	}
	most, what := s.quotas.MaxShellsPerUser, "shells"
	if number != 2150859173 {
		most, what = s.quotas.MaxConcurrentOperationsPerUser, "operations"
	}
	return faultUserQuota(number, most, what, s.faults.QuotaWMI)
}

func createAnswer(sh *shell, whole bool) string {
	var b strings.Builder
	id := escape(sh.id)
	b.WriteString("<x:ResourceCreated><a:Address>" + anonymous + "</a:Address><a:ReferenceParameters><w:ResourceURI>" + resourceCmd +
		`</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">` + id + "</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>")
	if !whole {
		return b.String()
	}
	b.WriteString("<rsp:Shell><rsp:ShellId>" + id + "</rsp:ShellId><rsp:ResourceUri>" + resourceCmd + "</rsp:ResourceUri>" +
		"<rsp:Owner>" + escape(sh.user) + "</rsp:Owner><rsp:ClientIP>" + sh.client.String() + "</rsp:ClientIP>")
	if sh.dir != "" {
		b.WriteString("<rsp:WorkingDirectory>" + escape(sh.dir) + "</rsp:WorkingDirectory>")
	}
	b.WriteString("<rsp:IdleTimeOut>" + duration(sh.idle) + "</rsp:IdleTimeOut>")
	if sh.input {
		b.WriteString("<rsp:InputStreams>stdin</rsp:InputStreams>")
	}
	b.WriteString("<rsp:OutputStreams>stdout stderr</rsp:OutputStreams>")
	if len(sh.env) > 0 {
		b.WriteString("<rsp:Environment>")
		for _, name := range slices.Sorted(maps.Keys(sh.env)) {
			b.WriteString(`<rsp:Variable Name="` + escape(name) + `">` + escape(sh.env[name]) + "</rsp:Variable>")
		}
		b.WriteString("</rsp:Environment>")
	}
	b.WriteString("<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>")
	return b.String()
}

func (s *Service) delete(_ context.Context, r request) (string, *fault) {
	sh, f := s.shellOf(r)
	if f != nil {
		return "", f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(strings.ToUpper(sh.id))
	return "", nil
}
