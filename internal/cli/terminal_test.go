package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// device is one direction of a terminal, or both.
type device struct {
	typed    io.Reader
	shown    bytes.Buffer
	full     bool // nothing can be written
	opened   int
	released int
}

func (d *device) Read(b []byte) (int, error) { return d.typed.Read(b) }

func (d *device) Write(b []byte) (int, error) {
	if d.full {
		return 0, errors.New("no")
	}
	return d.shown.Write(b)
}

func (d *device) Close() error { d.released++; return nil }

// TestAsk asks on devices as Unix and Windows have them: one for both directions, or
// one for each.
func TestAsk(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]bool{
		"y\n": true, "YES\r\n": true, " yes \n": true, "y": true,
		"\r\n": false, "": false, "\x1a\r\n": false, "yesterday\r\n": false, "n\ny\n": false,
	} {
		for _, names := range [][2]string{{"/dev/tty", "/dev/tty"}, {"CONIN$", "CONOUT$"}} {
			devices := map[string]*device{names[0]: {typed: strings.NewReader(typed)}}
			if names[1] != names[0] {
				devices[names[1]] = &device{typed: strings.NewReader("yes\n")} // what the output holds is no answer
			}
			term := terminal{names[0], names[1], func(name string) (io.ReadWriteCloser, error) {
				devices[name].opened++
				return devices[name], nil
			}}
			yes, err := term.ask(t.Context(), "Go ahead? ")
			if yes != want || err != nil || devices[names[1]].shown.String() != "Go ahead? " {
				t.Errorf("%q on %v: %v, %v; shown %q", typed, names, yes, err, devices[names[1]].shown.String())
			}
			for name, d := range devices {
				if d.opened != 1 || d.released != 1 {
					t.Errorf("%s was opened %d times and closed %d times", name, d.opened, d.released)
				}
			}
		}
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	in := &device{typed: strings.NewReader("yes\n")}
	full := &device{full: true}
	for about, out := range map[string]*device{"no output": nil, "an output that cannot be written": full} {
		in.released = 0
		term := terminal{"in", "out", func(name string) (io.ReadWriteCloser, error) {
			switch {
			case name == "in":
				return in, nil
			case out == nil:
				return nil, errors.New("no such device")
			}
			return out, nil
		}}
		if yes, err := term.ask(t.Context(), "?"); yes || !errors.Is(err, errNoTerminal) || in.released != 1 {
			t.Errorf("%s: %v, %v, closed %d times", about, yes, err, in.released)
		}
	}
	none := terminal{"in", "in", func(string) (io.ReadWriteCloser, error) { return nil, errors.New("no such device") }}
	if yes, err := none.ask(t.Context(), "?"); yes || !errors.Is(err, errNoTerminal) {
		t.Errorf("no device: %v, %v", yes, err)
	}
}

// TestAskInterrupted interrupts a question that has no answer.
func TestAskInterrupted(t *testing.T) {
	t.Parallel()
	typed, keep := io.Pipe()
	defer keep.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interruption{})
	d := &device{typed: typed}
	term := terminal{"in", "in", func(string) (io.ReadWriteCloser, error) { return d, nil }}
	if yes, err := term.ask(ctx, "?"); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", yes, err)
	}
}
