package windows

import "fmt"

// System is a release of Windows Server.
type System string

// The releases that the lab has.
const (
	Server2012R2 System = "2012r2"
	Server2016   System = "2016"
	Server2019   System = "2019"
	Server2022   System = "2022"
)

// release is what a host of a System says of itself.
type release struct {
	product    string // ProductName
	version    string // major.minor.build
	revision   int    // UBR
	powershell string // $PSVersionTable.PSVersion
	// rules is the version of the rule strings that it writes. 2.26 on 2016 and 2.31 on
	// 2022 have been seen; the others are taken to lie between.
	rules string
}

func releaseOf(s System) (release, error) {
	switch s {
	case Server2012R2:
		return release{"Windows Server 2012 R2 Standard", "6.3.9600", 20778, "4.0", "v2.22"}, nil
	case Server2016:
		return release{"Windows Server 2016 Standard", "10.0.14393", 5717, "5.1.14393.5582", "v2.26"}, nil
	case Server2019, "":
		return release{"Windows Server 2019 Standard", "10.0.17763", 4131, "5.1.17763.4131", "v2.29"}, nil
	case Server2022:
		return release{"Windows Server 2022 Standard", "10.0.20348", 1607, "5.1.20348.1366", "v2.31"}, nil
	}
	return release{}, fmt.Errorf("the lab has no Windows %q: 2012r2, 2016, 2019 and 2022", string(s))
}

// Version is the host's major.minor.build, "10.0.17763".
func (h *Host) Version() string { return h.release.version }
