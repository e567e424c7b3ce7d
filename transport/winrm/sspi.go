package winrm

import "context"

// sspi signs on as whoever is logged on to this Windows machine.
func (d *Dialer) sspi(ctx context.Context, k *link) error {
	name, err := servicePrincipal(&k.target.access)
	if err != nil { // an address: Windows signs on with NTLM then
		name = spn{"HTTP", k.target.serverName()}
	}
	m, err := newSSPI(name.String(), k.binding(), k.state == nil)
	if err != nil {
		return err
	}
	return k.establish(ctx, m, nil)
}
