package winrm

import (
	"context"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// maxReferrals is how many realms may lie between the user and the host.
const maxReferrals = 8

// grant fetches a ticket for a service (RFC 4120 3.3). The KDC leads to the host's
// realm by referrals, as domains of a forest do (RFC 6806 8); where it does not know
// the host, domain_realm of krb5.conf is asked.
func (a *account) grant(ctx context.Context, tgt ticket, s spn) (ticket, error) {
	name := types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: []string{s.class, s.host}}
	named := a.conf.realmOfHost(s.host)
	for range maxReferrals {
		realm := grantingRealm(tgt)
		t, err := a.exchange(ctx, tgt, name)
		var ke messages.KRBError
		if errors.As(err, &ke) && ke.ErrorCode == errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN && named != "" && named != realm {
			to := types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: []string{"krbtgt", named}}
			t, err = a.exchange(ctx, tgt, to)
		}
		if err != nil {
			return ticket{}, a.explainService(err, s, realm)
		}
		next := grantingRealm(t)
		if next == "" {
			return t, nil
		}
		if next == realm {
			break
		}
		tgt = t
	}
	return ticket{}, a.explainService(errors.New("the KDCs refer to each other in a circle"), s, a.who.realm)
}

// grantingRealm is the realm whose KDC takes the ticket; empty: it is for a service.
func grantingRealm(t ticket) string {
	if n := t.SName.NameString; len(n) == 2 && n[0] == "krbtgt" {
		return n[1]
	}
	return ""
}

// exchange asks for one ticket with another.
func (a *account) exchange(ctx context.Context, tgt ticket, name types.PrincipalName) (ticket, error) {
	k, err := a.conf.kdcsOf(ctx, grantingRealm(tgt))
	if err != nil {
		return ticket{}, err
	}
	req, err := messages.NewTGSReq(tgt.client.name, k.realm, a.conf.library(true), tgt.Ticket, tgt.key, name, false)
	if err == nil {
		err = proveTicket(&req, tgt)
	}
	if err != nil {
		return ticket{}, err
	}
	request, err := req.Marshal()
	if err != nil {
		return ticket{}, err
	}
	reply, err := k.ask(ctx, request, false)
	if err != nil {
		return ticket{}, err
	}
	return readGranted(reply, tgt, req.ReqBody.Nonce)
}

// proveTicket shows that the ticket is ours (RFC 4120 7.2.2). The library does so
// too, but names the realm that issued the ticket as the client's, which is wrong
// two realms away.
func proveTicket(req *messages.TGSReq, tgt ticket) error {
	body, err := req.ReqBody.Marshal()
	if err != nil {
		return err
	}
	e, err := crypto.GetEtype(tgt.key.KeyType)
	if err != nil {
		return err
	}
	sum, err := e.GetChecksumHash(tgt.key.KeyValue, body, keyusage.TGS_REQ_PA_TGS_REQ_AP_REQ_AUTHENTICATOR_CHKSUM)
	if err != nil {
		return err
	}
	auth, err := types.NewAuthenticator(tgt.client.realm, tgt.client.name)
	if err != nil {
		return err
	}
	auth.Cksum = types.Checksum{CksumType: e.GetHashID(), Checksum: sum}
	proof, err := messages.NewAPReq(tgt.Ticket, tgt.key, auth)
	if err != nil {
		return err
	}
	value, err := proof.Marshal()
	req.PAData = types.PADataSequence{{PADataType: patype.PA_TGS_REQ, PADataValue: value}}
	return err
}

// readGranted opens the KDC's reply to a request with that nonce.
func readGranted(reply []byte, tgt ticket, nonce int) (ticket, error) {
	var rep messages.TGSRep
	if err := rep.Unmarshal(reply); err != nil {
		return ticket{}, fmt.Errorf("the KDC's reply cannot be read: %w", err)
	}
	plain, err := decrypt(rep.EncPart.Cipher, tgt.key, keyusage.TGS_REP_ENCPART_SESSION_KEY)
	if err != nil {
		return ticket{}, fmt.Errorf("the KDC's reply cannot be opened: %w", err)
	}
	var part messages.EncKDCRepPart
	if err := part.Unmarshal(plain); err != nil {
		return ticket{}, fmt.Errorf("the KDC's reply cannot be read: %w", err)
	}
	switch {
	case part.Nonce != nonce || !rep.CName.Equal(tgt.client.name):
		return ticket{}, errors.New("the KDC's reply is to another request")
	case !rep.Ticket.SName.Equal(part.SName) || rep.Ticket.Realm != part.SRealm:
		return ticket{}, errors.New("the ticket was exchanged on the way")
	}
	return ticket{rep.Ticket, tgt.client, part.Key, part.EndTime}, nil
}
