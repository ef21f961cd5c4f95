package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"unicode"

	"github.com/mattn/go-isatty"
)

// terminal is what the rep sees and types.
type terminal struct {
	typed  *input   // the chat
	person *input   // answers to questions: never from a pipe or file; nil without a terminal
	echo   bool     // what is typed is not seen, because it comes from a pipe or file
	marks  *os.File // the terminal, which marks what is pasted; nil if it cannot

	mu     sync.Mutex
	out    io.Writer
	middle bool // of a line
}

// openTerminal reads the chat from the standard input, and answers from the terminal.
func openTerminal(stdin *os.File, out io.Writer, getenv func(string) string) *terminal {
	t := &terminal{out: out}
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONIN$"
	}
	tty, err := os.OpenFile(name, os.O_RDWR, 0)
	switch {
	case isatty.IsTerminal(stdin.Fd()):
		t.typed = readTerminal(stdin)
		t.person = t.typed
	case err == nil:
		t.typed, t.person, t.echo = readPipe(stdin), readTerminal(tty), true
	default:
		t.typed, t.echo = readPipe(stdin), true
	}
	if err == nil && runtime.GOOS != "windows" && getenv("TERM") != "dumb" { // those show the codes, and mark nothing
		t.marks = tty
		_, _ = io.WriteString(tty, pasteOn) // without marks, only lines that come together are joined
	}
	return t
}

// close leaves the terminal as it was.
func (t *terminal) close() {
	if t.marks != nil {
		_, _ = io.WriteString(t.marks, pasteOff) // of a terminal that is gone, nothing can be left
	}
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
