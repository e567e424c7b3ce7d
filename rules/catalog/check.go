package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"farmwall/inventory"
	"farmwall/rules"
)

var (
	idForm      = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)
	versionForm = regexp.MustCompile(`^([0-9]{1,3}(\.[0-9]{1,3})?)?$`)
)

// check reports everything that is wrong with a file.
func (e *edition) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if e.Edition == "" || e.Title == "" || e.Complete == nil {
		wrong("edition, title and complete must be there")
		return errors.Join(errs...)
	}
	if !versionForm.MatchString(e.MinVersion) {
		wrong("min_version %q is no version", e.MinVersion)
	}
	for name, roles := range e.Ends {
		checkRoles(wrong, "end "+name, roles)
	}
	for _, c := range e.Components {
		if c.Name == "" || len(c.Rows) == 0 {
			wrong("component %q has no name or no rows", c.Name)
		}
		checkRoles(wrong, "component "+c.Name, c.Roles)
		for _, r := range c.Rows {
			if _, err := protocol(r.Protocol); err != nil {
				wrong("row %q: %w", r.ID, err)
			}
		}
	}
	for _, f := range e.Flows {
		name := fmt.Sprintf("flow %s to %s", f.From, f.To)
		for _, end := range []string{f.From, f.To} {
			if _, ok := e.Ends[end]; !ok {
				wrong("%s: end %q is not explained in ends", name, end)
			}
		}
		if len(f.Protocol) == 0 {
			wrong("%s: no protocol", name)
		}
		for _, p := range f.Protocol {
			if _, err := protocol(p); err != nil {
				wrong("%s: %w", name, err)
			}
		}
		if slices.Contains(f.Ports, 0) {
			wrong("%s: port 0", name)
		}
		if f.Replaces != "" && (len(f.Protocol) > 1 || len(f.Ports) > 1) {
			wrong("%s: a flow of several rows cannot replace one", name)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	seen := map[string]bool{}
	for _, r := range e.rows() {
		for _, err := range checkRow(r) {
			wrong("row %q: %w", r.ID, err)
		}
		if seen[r.ID] {
			wrong("row %q is there twice", r.ID)
		}
		seen[r.ID] = true
	}
	for _, tag := range e.tags() {
		if _, ok := e.Sources[tag]; !ok {
			wrong("source %q is not explained in sources", tag)
		}
	}
	return errors.Join(errs...)
}

func (e *edition) tags() []string {
	var tags []string
	for _, c := range e.Components {
		for _, r := range c.Rows {
			tags = append(tags, r.Source...)
		}
	}
	for _, f := range e.Flows {
		tags = append(tags, f.Source...)
	}
	return tags
}

func checkRoles(wrong func(string, ...any), where string, roles []inventory.Role) {
	for _, r := range roles {
		if !slices.Contains(inventory.Roles(), r) {
			wrong("%s: no role is called %q", where, r)
		}
	}
}

// checkRow reports what no row may say.
func checkRow(r rules.Row) (errs []error) {
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !idForm.MatchString(r.ID) {
		wrong("an id is 1 to 64 of a-z, 0-9, dot and hyphen")
	}
	switch {
	case !slices.Contains([]string{"in", "out", "local"}, r.Direction):
		wrong("direction %q", r.Direction)
	case !slices.Contains([]rules.Scope{rules.External, rules.Internal, rules.Localhost, rules.AnyScope}, r.Scope):
		wrong("scope %q", r.Scope)
	case (r.Direction == "local") != (r.Scope == rules.Localhost):
		wrong("direction local and scope localhost go together")
	case r.Direction == "out" && r.Scope != rules.AnyScope:
		wrong("an outbound row has scope any")
	case r.Direction == "in" && r.Scope == rules.AnyScope && !slices.Contains(r.When, "agent_push"):
		wrong("an inbound row of scope any would open to everybody")
	case r.Remote != "" && r.Direction != "out":
		wrong("only outbound rows have a remote")
	}
	if ports := r.Protocol == rules.TCP || r.Protocol == rules.UDP; ports != (r.Port != 0) {
		wrong("TCP and UDP have a port, other protocols have none")
	}
	for _, w := range r.When {
		if !slices.Contains(conditions(), w) {
			wrong("when: no setting is called %q", w)
		}
	}
	if !slices.Contains([]string{"", "always", "direct_mode"}, r.Clients) {
		wrong("clients is always or direct_mode, not %q", r.Clients)
	}
	if r.Clients != "" && r.Scope != rules.Internal {
		wrong("clients belongs to internal rows")
	}
	for _, v := range []string{r.MinVersion, r.MaxVersion} {
		if !versionForm.MatchString(v) {
			wrong("%q is no version", v)
		}
	}
	checkRoles(wrong, "peers", r.Peers)
	return errs
}

func conditions() []string {
	return []string{"ssl", "rdp_udp", "client_manager", "rdp_load_balancing", "direct_mode", "agent_push"}
}

// checkAll reports what is wrong between the editions.
func checkAll(all []rules.Row) error {
	var errs []error
	seen := map[string]string{}
	for _, r := range all {
		if first, ok := seen[r.ID]; ok {
			errs = append(errs, fmt.Errorf("port reference: row %q is in edition %s and in edition %s", r.ID, first, r.Edition))
		}
		if first, ok := seen[r.Replaces]; r.Replaces != "" && (!ok || first == r.Edition) {
			errs = append(errs, fmt.Errorf("port reference: row %q replaces %q, which no earlier edition has", r.ID, r.Replaces))
		}
		seen[r.ID] = r.Edition
	}
	return errors.Join(errs...)
}
