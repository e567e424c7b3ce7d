package winrm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/alexbrainman/sspi"
)

// haveSSPI says whether the user's own logon can be used.
const haveSSPI = true

// sspiContext is a security context of Windows' own Negotiate, for whoever is
// logged on: Kerberos in a domain, else NTLM.
type sspiContext struct {
	spn     string
	target  *uint16
	seals   bool
	binding []byte // SEC_CHANNEL_BINDINGS; nil: none

	mu      sync.Mutex // held as long as Windows works
	cred    *sspi.Credentials
	context *sspi.Context
	space   uint32 // the longest token
	stands  bool
	closed  bool
	head    uint32 // of a sealed message
	block   uint32
}

func newSSPI(spn string, binding []byte, seals bool) (mechanism, error) {
	target, err := syscall.UTF16PtrFromString(spn)
	if err != nil {
		return nil, err
	}
	info, err := sspi.QueryPackageInfo(sspi.NEGOSSP_NAME)
	if err != nil {
		return nil, sspiFailure(err, spn)
	}
	cred, err := sspi.AcquireCredentials("", sspi.NEGOSSP_NAME, sspi.SECPKG_CRED_OUTBOUND, nil)
	if err != nil {
		return nil, sspiFailure(err, spn)
	}
	flags := uint32(sspi.ISC_REQ_MUTUAL_AUTH | sspi.ISC_REQ_REPLAY_DETECT | sspi.ISC_REQ_SEQUENCE_DETECT | sspi.ISC_REQ_INTEGRITY)
	if seals {
		flags |= sspi.ISC_REQ_CONFIDENTIALITY
	}
	return &sspiContext{spn: spn, target: target, seals: seals, binding: secChannelBindings(binding), cred: cred,
		context: sspi.NewClientContext(cred, flags), space: info.MaxToken}, nil
}

func sspiFailure(err error, spn string) error {
	var code syscall.Errno
	if errors.As(err, &code) {
		return sspiError(uint32(code), spn, strings.TrimSpace(code.Error()))
	}
	return err
}

// Scheme is what stands before the tokens in HTTP's headers.
func (c *sspiContext) Scheme() string { return schemeNegotiate }

// Step has Windows make the next token. Windows may ask a domain controller; when
// ctx ends meanwhile, what it says is thrown away.
func (c *sspiContext) Step(ctx context.Context, token []byte) ([]byte, bool, error) {
	type result struct {
		out  []byte
		done bool
		err  error
	}
	over := make(chan result, 1)
	go func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		var r result
		r.out, r.done, r.err = c.step(token)
		over <- r
	}()
	select {
	case r := <-over:
		return r.out, r.done, r.err
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

func (c *sspiContext) step(token []byte) ([]byte, bool, error) {
	if c.stands || c.closed {
		return nil, false, errSSPIOrder
	}
	var in []sspi.SecBuffer
	add := func(kind uint32, data []byte) {
		if len(data) > 0 {
			in = append(in, sspi.SecBuffer{})
			in[len(in)-1].Set(kind, data)
		}
	}
	add(sspi.SECBUFFER_TOKEN, token)
	add(sspi.SECBUFFER_CHANNEL_BINDINGS, c.binding)
	var input *sspi.SecBufferDesc
	if len(in) > 0 {
		input = sspi.NewSecBufferDesc(in)
	}
	out := make([]sspi.SecBuffer, 1)
	out[0].Set(sspi.SECBUFFER_TOKEN, make([]byte, c.space))
	output := sspi.NewSecBufferDesc(out)
	code := c.context.Update(c.target, output, input)
	done := false
	switch code {
	case sspi.SEC_E_OK:
		done = true
	case sspi.SEC_I_CONTINUE_NEEDED:
	case sspi.SEC_I_COMPLETE_NEEDED, sspi.SEC_I_COMPLETE_AND_CONTINUE:
		done = code == sspi.SEC_I_COMPLETE_NEEDED
		if code = sspi.CompleteAuthToken(c.context.Handle, output); code != sspi.SEC_E_OK {
			return nil, false, sspiFailure(code, c.spn)
		}
	default:
		return nil, false, sspiFailure(code, c.spn)
	}
	if done {
		if err := c.established(); err != nil {
			return nil, false, err
		}
	}
	return bytes.Clone(out[0].Bytes()), done, nil
}

// established checks that the context gives what was asked for. Mutual
// authentication is not among it: NTLM, where it is all that there is, has none.
func (c *sspiContext) established() error {
	want := c.context.RequestedFlags &^ sspi.ISC_REQ_MUTUAL_AUTH
	if missing := want &^ c.context.EstablishedFlags; missing != 0 {
		return fmt.Errorf("Windows' security context lacks what was asked for (flags %#x)", missing)
	}
	var err error
	if _, _, c.block, c.head, err = c.context.Sizes(); err != nil {
		return sspiFailure(err, c.spn)
	}
	c.stands = true
	return nil
}

// Seal has Windows encrypt a message.
func (c *sspiContext) Seal(plain []byte) (header, data []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stands || !c.seals {
		return nil, nil, errSSPIOrder
	}
	var b [3]sspi.SecBuffer
	b[0].Set(sspi.SECBUFFER_TOKEN, make([]byte, c.head))
	b[1].Set(sspi.SECBUFFER_DATA, bytes.Clone(plain))
	b[2].Set(sspi.SECBUFFER_PADDING, make([]byte, c.block))
	if code := sspi.EncryptMessage(c.context.Handle, 0, sspi.NewSecBufferDesc(b[:]), 0); code != sspi.SEC_E_OK {
		return nil, nil, sspiFailure(code, c.spn)
	}
	if len(b[2].Bytes()) > 0 {
		return nil, nil, fmt.Errorf("%w: a cipher that pads messages (RC4) sealed one for %s; %s", errCipher, c.spn, hintCipher)
	}
	return b[0].Bytes(), b[1].Bytes(), nil
}

// Unseal has Windows decrypt a message and check it.
func (c *sspiContext) Unseal(header, data []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stands || !c.seals {
		return nil, errSSPIOrder
	}
	var b [3]sspi.SecBuffer
	b[0].Set(sspi.SECBUFFER_TOKEN, bytes.Clone(header))
	b[1].Set(sspi.SECBUFFER_DATA, bytes.Clone(data))
	b[2].Set(sspi.SECBUFFER_PADDING, nil)
	if code := sspi.DecryptMessage(c.context.Handle, sspi.NewSecBufferDesc(b[:]), 0, new(uint32)); code != sspi.SEC_E_OK {
		return nil, sspiFailure(code, c.spn)
	}
	return b[1].Bytes(), nil
}

// Close gives the context back to Windows, once it is not at work for it any more.
func (c *sspiContext) Close() {
	if c.mu.TryLock() {
		c.release()
		return
	}
	go func() {
		c.mu.Lock()
		c.release()
	}()
}

// release needs the lock and gives it back.
func (c *sspiContext) release() {
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed, c.stands = true, false
	if c.context.Handle != nil {
		c.context.Release()
	}
	c.cred.Release()
}

// secChannelBindings is SEC_CHANNEL_BINDINGS: types, lengths and offsets of two
// addresses, which are not there, then of the application data.
func secChannelBindings(data []byte) []byte {
	if data == nil {
		return nil
	}
	const size = 32
	b := make([]byte, size, size+len(data))
	binary.LittleEndian.PutUint32(b[24:], uint32(len(data)))
	binary.LittleEndian.PutUint32(b[28:], size)
	return append(b, data...)
}
