package winrm

import "context"

// sspi signs on as whoever is logged on to this Windows machine.
func (d *Dialer) sspi(ctx context.Context, k *link) error {
	spn, err := servicePrincipal(&k.target.access)
	if err != nil {
		return err
	}
	m, err := newSSPI(spn.String(), k.binding(), k.state == nil)
	if err != nil {
		return err
	}
	return k.establish(ctx, m, nil)
}
