// Package transporttest holds the contract that every transport passes.
package transporttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/transport"
)

// Scripts are the same small programs in a shell's language.
type Scripts struct {
	Shell rules.Shell
	// Echo prints its input as it is.
	Echo string
	// Sum prints the SHA-256 of its input in hex.
	Sum string
	// Fail says "it broke" on stderr and ends with status 7.
	Fail string
	// Status prints "out" and ends with the status that its input names.
	Status string
	// Idle prints "started" and then does nothing for 20 s.
	Idle string
	// Deaf ends at once without reading its input.
	Deaf string
	// First prints its first argument, the connection.
	First string
}

// ShScripts are the programs for sh.
func ShScripts() Scripts {
	return Scripts{
		Shell: rules.Sh, Echo: "cat", Sum: "sha256sum | cut -d ' ' -f 1 | tr -d '\\n'",
		Fail: "echo it broke >&2\nexit 7", Status: "printf out; read n; exit $n", Idle: "echo started; sleep 20",
		Deaf: "exit 0", First: `printf %s "$1"`,
	}
}

// Subject is a transport under test.
type Subject struct {
	Scripts
	// Dial opens a line to a host whose start-up files print before the script's
	// output, and after it where the host can do that.
	Dial func(t testing.TB) transport.Conn
	// Cut breaks the line under the connection, as a pulled cable or a dead peer
	// would; it is called while a script runs.
	Cut func(t testing.TB, c transport.Conn)
}

// Contract checks a transport.
func Contract(t *testing.T, s Subject) {
	ctx := context.Background()
	script := func(name, body, input string) rules.Script {
		return rules.Script{Name: name, Shell: s.Shell, Body: body, Input: []byte(input)}
	}
	run := func(t *testing.T, c transport.Conn, body, input string) string {
		t.Helper()
		out, err := c.Run(ctx, script("test", body, input))
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}

	t.Run("bytes", func(t *testing.T) {
		c := s.dial(t)
		for name, data := range map[string]string{
			"empty":           "",
			"no last newline": "a\nb",
			"blank lines":     "\n\n a \n\n",
			"all bytes":       allBytes(),
			"shell code":      hostile,
			"marker-like":     "farmwall-frame-00000000000000000000000000000000 end 0\nfarmwall-ready\n",
			"utf-8":           "Zürich \u2028 日本\r\n",
		} {
			t.Run(name, func(t *testing.T) {
				if got := run(t, c, s.Echo, data); got != data {
					t.Errorf("got %q, want %q", got, data)
				}
			})
		}
	})
	t.Run("big", func(t *testing.T) {
		c := s.dial(t)
		data := strings.Repeat(allBytes()+"0123456789 abcdef\n", 2<<20/274)
		if got := run(t, c, s.Echo, data); got != data {
			t.Errorf("%d bytes came back as %d other ones", len(data), len(got))
		}
		sum := sha256.Sum256([]byte(data))
		if got := run(t, c, s.Sum, data); got != hex.EncodeToString(sum[:]) {
			t.Errorf("the host has read something else: %s", got)
		}
	})
	t.Run("deaf", func(t *testing.T) {
		c := s.dial(t)
		if got := run(t, c, s.Deaf, strings.Repeat("x", 4<<20)); got != "" {
			t.Errorf("got %q", got)
		}
		if got := run(t, c, s.Echo, "still there"); got != "still there" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("status", func(t *testing.T) {
		c := s.dial(t)
		for _, code := range []int{1, 2, 77, 126, 127, 141, 255} {
			_, err := c.Run(ctx, script("test", s.Status, fmt.Sprintf("%d\n", code)))
			var exit *transport.ExitError
			if !errors.As(err, &exit) || exit.Code != code || exit.Script != "test" {
				t.Errorf("status %d: %v", code, err)
			}
		}
		_, err := c.Run(ctx, script("fail", s.Fail, ""))
		var exit *transport.ExitError
		if !errors.As(err, &exit) || exit.Code != 7 || !bytes.Contains(exit.Stderr, []byte("it broke")) {
			t.Errorf("%v", err)
		}
	})
	t.Run("many on one line", func(t *testing.T) {
		c := s.dial(t)
		done := make(chan error)
		for i := range 4 {
			go func() {
				want := fmt.Sprint("number ", i)
				out, err := c.Run(ctx, script("test", s.Echo, want))
				if err == nil && string(out) != want {
					err = fmt.Errorf("got %q, want %q", out, want)
				}
				done <- err
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	s.endings(t, script("idle", s.Idle, ""))
}

// endings are the ways in which a script does not come to its end.
func (s Subject) endings(t *testing.T, idle rules.Script) {
	t.Run("cancel", func(t *testing.T) {
		s.ends(t, idle, context.Canceled, func(_ transport.Conn, after time.Duration) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(after, cancel)
			return ctx, cancel
		})
	})
	t.Run("deadline", func(t *testing.T) {
		s.ends(t, idle, context.DeadlineExceeded, func(_ transport.Conn, after time.Duration) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), after)
		})
	})
	t.Run("cut", func(t *testing.T) {
		s.ends(t, idle, transport.ErrLineBroke, func(c transport.Conn, after time.Duration) (context.Context, context.CancelFunc) {
			time.AfterFunc(after, func() { s.Cut(t, c) })
			return context.Background(), func() {}
		})
	})
	t.Run("close while running", func(t *testing.T) {
		s.ends(t, idle, transport.ErrLineBroke, func(c transport.Conn, after time.Duration) (context.Context, context.CancelFunc) {
			time.AfterFunc(after, func() { c.Close() })
			return context.Background(), func() {}
		})
	})
	t.Run("closed", func(t *testing.T) {
		c := s.dial(t)
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := c.Run(context.Background(), idle); err == nil {
			t.Error("a closed line still runs scripts")
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		c := s.dial(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var e *transport.Error
		if _, err := c.Run(ctx, idle); !errors.Is(err, context.Canceled) || !errors.As(err, &e) || !e.NotRun {
			t.Errorf("got %v", err)
		}
	})
}

func (s Subject) dial(t testing.TB) transport.Conn {
	t.Helper()
	c := s.Dial(t)
	t.Cleanup(func() { c.Close() })
	return c
}

// ends checks that Run returns soon after it was ended, with the reason, and that
// nobody claims to know how far the script came. On a busy machine the script may
// not have begun by then; where the transport is sure of that, it is ended later.
func (s Subject) ends(t *testing.T, idle rules.Script, want error, end func(c transport.Conn, after time.Duration) (context.Context, context.CancelFunc)) {
	t.Helper()
	for after := 300 * time.Millisecond; ; after *= 4 {
		c := s.dial(t)
		start := time.Now()
		ctx, cancel := end(c, after)
		out, err := c.Run(ctx, idle)
		cancel()
		var e *transport.Error
		notRun := errors.As(err, &e) && e.NotRun
		if notRun && after < 5*time.Second {
			continue
		}
		if took := time.Since(start) - after; took > 5*time.Second {
			t.Errorf("Run took %s", took)
		}
		if !errors.Is(err, want) || out != nil {
			t.Errorf("got %q, %v; want %v", out, err, want)
		}
		if !errors.Is(err, transport.ErrLineBroke) {
			t.Errorf("%v is no broken line", err)
		}
		if notRun {
			t.Errorf("%v claims that nothing ran", err)
		}
		var exit *transport.ExitError
		if errors.As(err, &exit) {
			t.Errorf("%v claims that the script ended", err)
		}
		return
	}
}

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// hostile is data that does harm where a shell reads it.
const hostile = "echo INJECTED\nexit 3\n$(echo INJECTED)\n`echo INJECTED`\n'; echo INJECTED; '\n\"; echo INJECTED; \"\n)\necho INJECTED\n! ~ * ? [a-z] {a,b}\nEOF\n"
