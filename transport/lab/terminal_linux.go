package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Shell runs a command on the host with a terminal of its own. Stdin and Stdout
// carry what a person types and sees; the caller puts its own terminal into raw
// mode. Stderr, TTY and Signals of the command are not looked at.
func (h *Host) Shell(ctx context.Context, c Command) (code int, err error) {
	return h.farm.shell(ctx, h.Name, c)
}

// Shell is Host.Shell in the controller's place.
func (f *Farm) Shell(ctx context.Context, c Command) (code int, err error) {
	return f.shell(ctx, "", c)
}

func (f *Farm) shell(ctx context.Context, host string, c Command) (int, error) {
	ours, theirs, err := openTerminal()
	if err != nil {
		return 0, err
	}
	defer ours.Close()
	defer theirs.Close()
	if outer, ok := c.Stdout.(*os.File); ok {
		resized := make(chan os.Signal, 1)
		signal.Notify(resized, syscall.SIGWINCH)
		defer signal.Stop(resized)
		copySize(outer, ours)
		go func() {
			for range resized {
				copySize(outer, ours)
			}
		}()
		defer close(resized)
	}
	go io.Copy(ours, c.Stdin)
	shown := make(chan struct{})
	go func() {
		io.Copy(c.Stdout, ours) // until the last of theirs is closed
		close(shown)
	}()
	inner := c
	inner.Stdin, inner.Stdout, inner.Stderr = theirs, theirs, theirs
	inner.TTY, inner.Signals = true, nil
	code, err := f.run(ctx, host, inner)
	theirs.Close()
	ours.SetReadDeadline(time.Now().Add(drainTime))
	<-shown
	return code, err
}

// openTerminal makes a pseudo terminal: our side, and the side of the command.
func openTerminal() (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	raw, err := ours.SyscallConn()
	if err != nil {
		ours.Close()
		return nil, nil, err
	}
	var number int
	failed := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		ours.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return ours, theirs, nil
}

// copySize makes one terminal as large as another; what is no terminal has no
// size.
func copySize(from, to *os.File) {
	size, err := unix.IoctlGetWinsize(int(from.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return
	}
	if raw, err := to.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	}
}
