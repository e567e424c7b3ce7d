package lab

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Check says whether this machine can hold a lab, and what to install where it
// cannot.
func Check() error {
	var missing, packages []string
	for _, need := range [][2]string{{"ip", "iproute2"}, {"nft", "nftables"}} {
		if _, err := find(need[0], []string{"PATH=" + systemPath + ":" + os.Getenv("PATH")}); err != nil {
			missing, packages = append(missing, need[0]), append(packages, need[1])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s missing; install with: apt-get install %s", ErrUnsupported, strings.Join(missing, " and "), strings.Join(packages, " "))
	}
	if os.Geteuid() != 0 && !userNamespaces() {
		return fmt.Errorf("%w: this kernel gives user namespaces to root only (user.max_user_namespaces, kernel.unprivileged_userns_clone or kernel.apparmor_restrict_unprivileged_userns); run as root", ErrUnsupported)
	}
	return nil
}

// userNamespaces reads the switches that the kernel, Debian's and Ubuntu's have
// for user namespaces.
func userNamespaces() bool {
	number := func(name string, otherwise int) int {
		text, err := os.ReadFile(name)
		if err != nil {
			return otherwise
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return otherwise
		}
		return n
	}
	if number("/proc/sys/user/max_user_namespaces", 0) == 0 {
		return false
	}
	return os.Geteuid() == 0 || number("/proc/sys/kernel/unprivileged_userns_clone", 1) != 0 && number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 0
}
