package nftables

import (
	"strings"

	"farmwall/rules"
)

// Export is a file for `nft -f` that makes a set true of our own table on a host that
// cannot be reached. want must be settled. What other tables close it cannot know, and
// the file says so; what nft cannot say is refused, as Check does.
func Export(want rules.Set) ([]byte, error) {
	if refusals := refuseRules(want); len(refusals) > 0 {
		return nil, refusals
	}
	var b strings.Builder
	b.WriteString("#!/usr/sbin/nft -f\n# Firewall rules of farmwall. Run as root: nft -f THIS-FILE\n" +
		"# They open nothing that another table drops: add the same rules there, or a jump to them.\n" +
		"# They are not loaded again at boot unless something runs this file then.\n" +
		"table " + ownFamily + " " + ownTable + "\ndelete table " + ownFamily + " " + ownTable + "\n")
	for _, p := range needed(nil, want) {
		p.write(&b, p.holds(want))
	}
	return []byte(b.String()), nil
}
