package windows

import (
	"strconv"
	"strings"
)

// windowsNT is the platform of every Windows that farmwall meets ([MS-FASP] 2.2.30).
const windowsNT = 2

// setVersion applies the conditions on the system's version: elsewhere says that the
// rule is for other systems.
func (r *rule) setVersion(version string) {
	major, minor, ok := systemVersion(version)
	if len(r.platform) > 0 {
		fits := false
		for _, p := range r.platform {
			if p.kind != windowsNT || !ok {
				r.doubt("which systems it is for is not known")
				return
			}
			same := p.major == major && p.minor == minor
			fits = fits || same || p.atLeast && (major > p.major || major == p.major && minor > p.minor)
		}
		r.elsewhere = !fits
	}
	if r.skip == "" {
		return
	}
	// Systems whose grammar is not newer than SkipVer pass the rule over.
	a, b, found := strings.Cut(r.skip, ".")
	x, ok1 := small(a, 255)
	y, ok2 := small(b, 255)
	if oldest := grammarOf(major, minor); !ok || !found || !ok1 || !ok2 || x > 2 || x == 2 && y >= oldest {
		r.doubt("whether this system passes it over (SkipVer=" + r.skip + ") is not known")
	}
}

// grammarOf is the least minor number of the grammar that a system writes: 2.10 on
// 2008 R2, 2.26 on 2016 (real exports); 2012 and 2012 R2 lie between.
func grammarOf(major, minor int) int {
	switch {
	case major >= 10:
		return 24
	case major == 6 && minor >= 2:
		return 20
	case major == 6 && minor == 1:
		return 10
	}
	return 0
}

func systemVersion(s string) (major, minor int, ok bool) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}
