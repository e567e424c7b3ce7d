package windows

import (
	"errors"
	"fmt"
)

// HRESULT is a COM status. As an error it is a failure.
type HRESULT uint32

// The failures that the firewall's objects are known to answer with.
const (
	EInvalidArg   HRESULT = 0x80070057
	EAccessDenied HRESULT = 0x80070005
	ENotFound     HRESULT = 0x80070002
	EInvalidData  HRESULT = 0x8007000D
	EUnexpected   HRESULT = 0x8000FFFF
	ENotImpl      HRESULT = 0x80004001
	ENoMember     HRESULT = 0x80020006 // DISP_E_UNKNOWNNAME
	// EBadAddress is how a status of the kernel (STATUS_INVALID_PARAMETER) comes out.
	EBadAddress HRESULT = 0xD000000D
	// ENoEndpoint: the firewall service or the Base Filtering Engine does not run.
	ENoEndpoint HRESULT = 0x800706D9
	// EServiceOff: the task scheduler does not run.
	EServiceOff HRESULT = 0x80070422
	// EFileExists: a task of that name exists (TASK_CREATE without TASK_UPDATE).
	EFileExists HRESULT = 0x800700B7
	EDiskFull   HRESULT = 0x80070070
)

func (h HRESULT) Error() string { return fmt.Sprintf("HRESULT 0x%08X", uint32(h)) }

// code is the HRESULT of an error; what has none is unexpected.
func code(err error) HRESULT {
	var h HRESULT
	if errors.As(err, &h) {
		return h
	}
	return EUnexpected
}
