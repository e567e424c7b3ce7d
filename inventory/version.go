package inventory

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// DefaultVersion is assumed where ras_version is not set.
func DefaultVersion() Version { return Version{16, 5} }

var versionForm = regexp.MustCompile(`^([0-9]{1,4})(?:\.([0-9]{1,4}))?$`)

// ParseVersion reads "16.5" or "16", which is 16.0.
func ParseVersion(s string) (Version, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("%q is no version; write major.minor, as in 16.5", s)
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	if major == 0 {
		return Version{}, fmt.Errorf("%q is no version; write major.minor, as in 16.5", s)
	}
	return Version{major, minor}, nil
}

// String writes the version as "16.5".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Compare is -1 where v is older than w, +1 where it is newer, else 0.
func (v Version) Compare(w Version) int {
	if c := cmp.Compare(v.Major, w.Major); c != 0 {
		return c
	}
	return cmp.Compare(v.Minor, w.Minor)
}
