package tasks

import (
	"errors"
	"os"
	"syscall"
)

// sharingViolation is ERROR_SHARING_VIOLATION of winerror.h.
const sharingViolation = syscall.Errno(32)

// lockedFile makes a file that nobody else can open until it is closed.
func lockedFile(name string) (*os.File, error) {
	h, err := open(name, syscall.CREATE_ALWAYS)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

// isLocked says whether somebody has the file open.
func isLocked(name string) (bool, error) {
	h, err := open(name, syscall.OPEN_EXISTING)
	if errors.Is(err, sharingViolation) {
		return true, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return false, syscall.CloseHandle(h)
}

// open opens a file and shares it with nobody.
func open(name string, how uint32) (syscall.Handle, error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return syscall.InvalidHandle, err
	}
	return syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, how, syscall.FILE_ATTRIBUTE_NORMAL, 0)
}
