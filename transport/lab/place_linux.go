package lab

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
)

// Env is what commands in the controller's place need to use the lab's hosts.
func (f *Farm) Env() []string {
	return []string{
		envKnownHosts + "=" + f.KnownHosts(), envPrivateKey + "=" + f.KeyFile(),
		envState + "=" + f.State(), EnvDir + "=" + f.dir,
	}
}

// Dir is the lab's folder.
func (f *Farm) Dir() string { return f.dir }

// KnownHosts is the file with the hosts' keys.
func (f *Farm) KnownHosts() string { return filepath.Join(f.dir, knownName) }

// KeyFile is the private key that every host accepts for root.
func (f *Farm) KeyFile() string { return filepath.Join(f.dir, keyName) }

// State is a folder for the journal of runs against the lab.
func (f *Farm) State() string { return filepath.Join(f.dir, stateName) }

// Guests is the folder of the program that plays the guests.
func (f *Farm) Guests() string { return filepath.Join(f.dir, guestName) }

// Controller is the addresses that commands inside the farm speak from.
func (f *Farm) Controller() []netip.Addr { return append([]netip.Addr(nil), f.own...) }

// Down ends the farm, whoever holds it.
func (f *Farm) Down(ctx context.Context) error {
	_, err := f.ask(ctx, request{Op: "down"})
	return err
}

// List says how each host is.
func (f *Farm) List(ctx context.Context) ([]HostState, error) {
	a, err := f.ask(ctx, request{Op: "list"})
	return a.Hosts, err
}

// Host finds a host by its inventory name.
func (f *Farm) Host(name string) (*Host, error) {
	for _, spec := range f.hosts {
		if spec.Name == name {
			return &Host{HostSpec: spec, farm: f}, nil
		}
	}
	return nil, fmt.Errorf("the lab has no host %q", name)
}

// Hosts lists all hosts in the order they were given.
func (f *Farm) Hosts() []*Host {
	var all []*Host
	for _, spec := range f.hosts {
		all = append(all, &Host{HostSpec: spec, farm: f})
	}
	return all
}
