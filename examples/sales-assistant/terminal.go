package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"unicode"

	"github.com/mattn/go-isatty"
)

// lines are lines that were typed. They are read while no code waits for them, so that
// it can be told what was typed before a question.
type lines chan string

func readLines(in io.Reader) lines {
	l := make(lines, 64)
	go func() {
		defer close(l)
		for r := bufio.NewReader(in); ; {
			line, err := r.ReadString('\n')
			if err == nil || line != "" {
				l <- strings.TrimSpace(line)
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

// next returns the next line. The error is io.EOF, or the cause of the end of ctx.
func (l lines) next(ctx context.Context) (string, error) {
	select {
	case line, ok := <-l:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// terminal is what the rep sees and types.
type terminal struct {
	typed  lines // the chat
	person lines // answers to questions: never from a pipe or file; nil without a terminal
	echo   bool  // what is typed is not seen, because it comes from a pipe or file

	mu     sync.Mutex
	out    io.Writer
	middle bool // of a line
}

// openTerminal reads the chat from the standard input, and answers from the terminal.
func openTerminal(stdin *os.File, out io.Writer) *terminal {
	t := &terminal{out: out, typed: readLines(stdin)}
	if isatty.IsTerminal(stdin.Fd()) {
		t.person = t.typed
		return t
	}
	t.echo = true
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONIN$"
	}
	if tty, err := os.OpenFile(name, os.O_RDWR, 0); err == nil {
		t.person = readLines(tty)
	}
	return t
}

// say prints lines of the program.
func (t *terminal) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.middle {
		fmt.Fprintln(t.out)
	}
	t.middle = false
	fmt.Fprintln(t.out, visible(fmt.Sprintf(format, args...)))
}

// ask prints a question, whose answer is on the same line.
func (t *terminal) ask(question string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.middle {
		fmt.Fprintln(t.out)
	}
	t.middle = false
	fmt.Fprint(t.out, visible(question))
}

// stream prints a piece of what the model says. Its lines have a mark of their own, so
// that nothing that the model says looks like a line of the program.
func (t *terminal) stream(piece string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range visible(piece) {
		if !t.middle {
			fmt.Fprint(t.out, "» ")
		}
		fmt.Fprint(t.out, string(r))
		t.middle = r != '\n'
	}
}

// visible removes what controls a terminal: texts come from models and customers.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, text)
}
