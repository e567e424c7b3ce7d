package rules

import (
	"fmt"
	"strconv"
	"strings"

	"farmwall/inventory"
)

// defaultVersion stands in where ras_version is not set.
func defaultVersion() inventory.Version { return inventory.Version{Major: 16, Minor: 5} }

// versionOf is the RAS version of a host, for which its rows are chosen.
func versionOf(h *inventory.Host) inventory.Version {
	if h.Version.Value == (inventory.Version{}) {
		return defaultVersion()
	}
	return h.Version.Value
}

// bound is one end of a version range. Without a minor number it means all of
// the major version: "14 and earlier" holds 14.2.
type bound struct {
	major, minor int
	whole        bool // only the major number counts
	none         bool
}

func parseBound(s string) (bound, error) {
	if s == "" {
		return bound{none: true}, nil
	}
	major, minor, dotted := strings.Cut(s, ".")
	b := bound{whole: !dotted}
	var err error
	if b.major, err = strconv.Atoi(major); err == nil && dotted {
		b.minor, err = strconv.Atoi(minor)
	}
	if err != nil || b.major < 0 || b.minor < 0 {
		return bound{}, fmt.Errorf("%q is no version", s)
	}
	return b, nil
}

// boundOf is the bound of a user's rule; a minor number of 0 means the whole
// major version, as in "14".
func boundOf(v inventory.Version) bound {
	return bound{major: v.Major, minor: v.Minor, whole: v.Minor == 0, none: v == (inventory.Version{})}
}

// compare is negative where v lies before the bound.
func (b bound) compare(v inventory.Version) int {
	if v.Major != b.major || b.whole {
		return v.Major - b.major
	}
	return v.Minor - b.minor
}

func within(v inventory.Version, low, high bound) bool {
	return (low.none || low.compare(v) >= 0) && (high.none || high.compare(v) <= 0)
}
