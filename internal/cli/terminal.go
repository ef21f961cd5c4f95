package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

var errNoTerminal = errors.New("there is no terminal")

// terminal opens the two directions of the terminal that controls a process.
type terminal struct {
	in, out string // names of the devices; the same if one has both directions
	open    func(name string) (io.ReadWriteCloser, error)
}

// ownTerminal is the terminal of this process.
func ownTerminal() terminal {
	return terminal{terminalIn, terminalOut, func(name string) (io.ReadWriteCloser, error) {
		return os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // one of two constants
	}}
}

// ask asks a question and reports whether the answer is yes. Without a terminal, the
// error is errNoTerminal.
func (t terminal) ask(ctx context.Context, question string) (yes bool, err error) {
	in, err := t.open(t.in)
	if err != nil {
		return false, errNoTerminal
	}
	defer in.Close() //nolint:errcheck // it was only read
	out := in
	if t.out != t.in {
		if out, err = t.open(t.out); err != nil {
			return false, errNoTerminal
		}
		defer out.Close() //nolint:errcheck // a failed question has no answer
	}
	if _, err := io.WriteString(out, question); err != nil {
		return false, errNoTerminal
	}
	return yesNo(ctx, in)
}

// yesNo reads the answer to a question.
func yesNo(ctx context.Context, in io.Reader) (yes bool, err error) {
	answer := make(chan string, 1)
	go func() { // a read cannot be interrupted, and Ctrl-C must not wait for it
		line, _ := bufio.NewReader(io.LimitReader(in, 1<<10)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case word := <-answer:
		return word == "y" || word == "yes", nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
