package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"farmwall/transport"
)

// credentials lists what may be shown to the target, the agent's keys first,
// then files, then the password. Keys that were named always get their turn:
// an agent full of other keys must not use up the attempts.
func (d *Dialer) credentials(ctx context.Context, t *target) (*auth, error) {
	a := &auth{ctx: ctx, gate: d.cfg.Gate, target: t, hangUp: func() {}}
	room := attempts
	withPassword := !t.password.Empty() && !(t.noPassword && t.noKeyboard)
	if withPassword {
		room--
	}
	if !t.noKeys {
		d.keySteps(ctx, a, room)
	}
	if withPassword {
		a.steps = append(a.steps, step{method: "password", name: "password"})
	}
	return a, nil
}

func (d *Dialer) keySteps(ctx context.Context, a *auth, room int) {
	t := a.target
	var named, usual []step
	for _, path := range t.identities {
		steps, err := d.fileSteps(a, path)
		if err != nil {
			a.notes = append(a.notes, fmt.Sprintf("%s was not tried: %s", path, err))
		}
		named = append(named, steps...)
	}
	for _, path := range t.defaults {
		steps, err := d.fileSteps(a, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.notes = append(a.notes, fmt.Sprintf("%s was not tried: %s", path, err))
		}
		usual = append(usual, steps...)
	}
	has := func(list []step, id string) bool {
		return slices.ContainsFunc(list, func(s step) bool { return s.id == id })
	}
	var wanted, others []step
	for _, s := range d.agentSteps(ctx, a) {
		switch {
		case has(named, s.id):
			wanted = append(wanted, s)
		case !t.identitiesOnly || has(usual, s.id):
			others = append(others, s)
		}
	}
	free := func(list []step) []step { // those that the agent does not hold
		return slices.DeleteFunc(list, func(s step) bool {
			held := has(wanted, s.id) || has(others, s.id)
			if f, ok := s.signer.(*fileSigner); ok && !held && f.key.stub {
				a.notes = append(a.notes, fmt.Sprintf("%s was not tried: %s", s.name, errOnlyPublic))
				return true
			}
			return held
		})
	}
	named = free(named)
	if most := max(0, room-len(wanted)-len(named)); len(others) > most {
		a.notes = append(a.notes, fmt.Sprintf("%d more keys of the agent were not tried", len(others)-most))
		others = others[:most]
	}
	all := slices.Concat(wanted, others, named, free(usual))
	a.steps = append(a.steps, all[:min(len(all), room)]...)
}

// fileSteps are a key file's certificate, where it has one, and its key.
func (d *Dialer) fileSteps(a *auth, path string) ([]step, error) {
	k := d.keyFile(path)
	if k.err != nil {
		return nil, k.err
	}
	signer := &fileSigner{key: k, auth: a, dialer: d}
	var steps []step
	for _, c := range append([]*gossh.Certificate{k.cert}, d.certificates(a, k)...) {
		if c == nil {
			continue
		}
		if s, err := gossh.NewCertSigner(c, signer); err == nil {
			steps = append(steps, step{method: "publickey", name: path + " with certificate", id: gossh.FingerprintSHA256(c) + " cert", signer: s})
		}
	}
	return append(steps, step{method: "publickey", name: path, id: gossh.FingerprintSHA256(k.public), signer: signer}), nil
}

// certificates are those that ssh_config names for this key.
func (d *Dialer) certificates(a *auth, k *keyFile) []*gossh.Certificate {
	var list []*gossh.Certificate
	for _, path := range a.target.certs {
		c, err := readCertificate(path)
		if err != nil {
			a.notes = append(a.notes, fmt.Sprintf("%s was not tried: %s", path, err))
		} else if string(c.Key.Marshal()) == string(k.public.Marshal()) {
			list = append(list, c)
		}
	}
	return list
}

// agentSteps are the agent's keys. An agent that does not answer is no reason to
// stop.
func (d *Dialer) agentSteps(ctx context.Context, a *auth) []step {
	if a.target.agent == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.target.timeout, transport.ErrTimeout)
	defer cancel()
	nc, err := dialAgent(ctx, a.target.agent)
	if err != nil {
		a.notes = append(a.notes, "the agent does not answer: "+transport.LastWords(err))
		return nil
	}
	off := context.AfterFunc(a.ctx, func() { nc.Close() })
	a.hangUp = func() { off(); nc.Close() }
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	signers, err := agent.NewClient(nc).Signers()
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		a.notes = append(a.notes, "the agent does not answer: "+transport.LastWords(err))
		return nil
	}
	var steps []step
	for _, s := range signers {
		id := gossh.FingerprintSHA256(s.PublicKey())
		steps = append(steps, step{method: "publickey", name: "agent key " + id, id: id, signer: patient{s, a}})
	}
	return steps
}

// patient stops the handshake's clock while the agent signs: it may ask a
// person.
type patient struct {
	gossh.Signer
	auth *auth
}

// Sign has the agent sign.
func (p patient) Sign(rand io.Reader, data []byte) (*gossh.Signature, error) {
	return p.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm has the agent sign with the algorithm.
func (p patient) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	resume := p.auth.guard.pause()
	defer resume()
	s, err := p.Signer.(gossh.AlgorithmSigner).SignWithAlgorithm(rand, data, algorithm)
	if err != nil {
		p.auth.notes = append(p.auth.notes, "the agent refused to sign")
	}
	return s, err
}
