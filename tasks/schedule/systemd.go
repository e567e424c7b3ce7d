package schedule

import (
	"fmt"
	"strings"
	"time"
)

// prefix begins the names of our units.
const prefix = "farmwall-schedule-"

// Systemd says what a unit may use.
type Systemd struct {
	// System: a unit of the machine, run as root; else one of the user's own manager.
	System bool
	// Credentials: systemd hands over secrets (247 and later).
	Credentials bool
}

// Unit is a file of systemd.
type Unit struct{ Name, Text string }

// Units are the service and the timer of a schedule. Option by option they follow
// systemd.exec(5), systemd.service(5) and systemd.timer(5).
func (s *Schedule) Units(how Systemd) (service, timer Unit) {
	base := prefix + s.Name
	return Unit{base + ".service", s.service(how)}, Unit{base + ".timer", s.timer()}
}

func (s *Schedule) service(how Systemd) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by farmwall schedule install; farmwall schedule remove --name %s takes it away.", s.Name)
	line("[Unit]")
	line("Description=farmwall: drift of a farm, schedule %s", s.Name)
	if how.System {
		line("Wants=network-online.target")
		line("After=network-online.target")
	}
	line("")
	line("[Service]")
	line("Type=oneshot")
	var words []string
	var handed []string
	for i, a := range s.Args {
		word := unitWord(a.Text)
		switch {
		case a.File != "" && how.System && how.Credentials:
			id := fmt.Sprintf("secret-%d", i)
			handed = append(handed, fmt.Sprintf("LoadCredential=%s:%s", id, strings.ReplaceAll(a.File, "%", "%%")))
			word += "${CREDENTIALS_DIRECTORY}/" + id
		case a.File != "":
			word += unitWord(a.File)
		}
		words = append(words, `"`+word+`"`)
	}
	line(`ExecStart="%s" %s`, unitWord(s.Program), strings.Join(words, " "))
	for _, h := range handed {
		line("%s", h)
	}
	line(`Environment="HOME=%s"`, unitWord(s.Home))
	line("UMask=0077")
	line("# Told to stop, farmwall finishes or restores the hosts that it is changing.")
	line("KillMode=mixed")
	line("TimeoutStopSec=%d", int(s.Stop.Seconds()))
	line("TimeoutStartSec=%d", int(s.limit().Seconds()))
	line("")
	for _, option := range hardened(how.System) {
		line("%s", option)
	}
	if how.System {
		line(`ReadWritePaths="%s"`, unitWord(s.State))
	}
	return b.String()
}

// hardened are the options that take from the service what it does not need. The
// user's own manager cannot make file systems read-only without user namespaces,
// which many systems forbid.
func hardened(system bool) []string {
	both := []string{
		"NoNewPrivileges=yes",
		"LockPersonality=yes",
		"MemoryDenyWriteExecute=yes",
		"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
		"RestrictNamespaces=yes",
		"RestrictRealtime=yes",
		"RestrictSUIDSGID=yes",
		"SystemCallArchitectures=native",
		"SystemCallFilter=@system-service",
		"SystemCallFilter=~@privileged @resources",
		"SystemCallErrorNumber=EPERM",
	}
	if !system {
		return both
	}
	return append([]string{
		"User=root",
		"CapabilityBoundingSet=",
		"AmbientCapabilities=",
		"ProtectSystem=strict",
		"ProtectHome=read-only",
		"ProtectProc=invisible",
		"ProcSubset=pid",
		"ProtectClock=yes",
		"ProtectControlGroups=yes",
		"ProtectHostname=yes",
		"ProtectKernelLogs=yes",
		"ProtectKernelModules=yes",
		"ProtectKernelTunables=yes",
		"PrivateDevices=yes",
		"PrivateTmp=yes",
		"KeyringMode=private",
		"RemoveIPC=yes",
	}, both...)
}

func (s *Schedule) timer() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by farmwall schedule install; farmwall schedule remove --name %s takes it away.", s.Name)
	line("[Unit]")
	line("Description=farmwall: every %s, schedule %s", span(s.Every), s.Name)
	line("")
	line("[Timer]")
	if at, ok := calendar(s.Every); ok {
		line("OnCalendar=%s", at)
		line("Persistent=yes")
	} else {
		// No calendar has this rhythm. After a boot it begins anew, so nothing is missed.
		line("OnActiveSec=1min")
		line("OnUnitActiveSec=%d", int(s.Every.Seconds()))
	}
	line("RandomizedDelaySec=%d", int(Jitter(s.Every).Seconds()))
	line("AccuracySec=1s")
	line("")
	line("[Install]")
	line("WantedBy=timers.target")
	return b.String()
}

// calendar is a rhythm as systemd.time(7) writes it, where it divides an hour, a day
// or a week.
func calendar(every time.Duration) (string, bool) {
	minutes := int(every / time.Minute)
	hours := minutes / 60
	switch {
	case minutes < 60 && 60%minutes == 0:
		return fmt.Sprintf("*-*-* *:0/%d:00", minutes), true
	case minutes%60 != 0:
		return "", false
	case hours < 24 && 24%hours == 0:
		return fmt.Sprintf("*-*-* 0/%d:00:00", hours), true
	case hours == 24:
		return "*-*-* 00:00:00", true
	case hours == 7*24:
		return "Mon *-*-* 00:00:00", true
	}
	return "", false
}

// unitWord writes a text inside the double quotes of a unit: quotes, specifiers and
// variables are none.
func unitWord(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(text)
}
