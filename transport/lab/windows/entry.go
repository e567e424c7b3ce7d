package windows

import (
	"errors"
	"fmt"
	"strings"
)

// AddEntry stores a rule by its registry string, as other software does through the
// firewall's service.
func (h *Host) AddEntry(text string) error {
	c := readRule(text)
	switch {
	case !strings.HasPrefix(c.version, "v2.") || c.name == nil || *c.name == "":
		return errors.New(`a rule is a registry string with a name: "v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=8080|Name=mine|"`)
	case len(c.rest) > 0:
		return fmt.Errorf("%s=%s: the lab's firewall does not know that", c.rest[0].key, c.rest[0].value)
	}
	return h.write("add", func() string { return *c.name }, caller{admin: true}, func() error {
		if err := c.storable(); err != nil {
			return err
		}
		h.local.add(Entry{newGUID(), c.registry()})
		return nil
	})
}
