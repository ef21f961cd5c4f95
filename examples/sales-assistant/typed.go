package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"sync"
	"time"
)

// typed is what came in: a line, or lines that came together.
type typed struct {
	text string
	// pasted is true if it was pasted, or was several lines at once, which no person
	// types. It is a message, and neither a command nor an answer: people do not read a mail
	// for commands before pasting it.
	pasted bool
	begun  time.Time // when its first line came
}

// input is what was typed. It is read while no code waits for it, so that it can be told
// what was typed before a question.
type input struct {
	lost  chan struct{} // of a terminal: see forget
	quiet chan struct{} // no line waits for others that belong to it
	gone  chan struct{} // nothing more is joined

	mu    sync.Mutex
	queue []typed
	ended bool
	more  chan struct{} // the queue is longer, or the input has ended
}

// Marks around what is pasted, which a terminal sends once it is asked to.
const (
	pasteOn    = "\x1b[?2004h"
	pasteOff   = "\x1b[?2004l"
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// Lines that follow each other within atOnce were not typed one by one. A paste whose end
// mark does not come within afterPaste ends with the next line that does: the terminal
// drops what is too long for a line, and with it the mark.
const (
	atOnce     = 100 * time.Millisecond
	afterPaste = time.Second
)

// readTerminal reads what a person types.
func readTerminal(in io.Reader) *input {
	i, lines := &input{lost: make(chan struct{}), quiet: make(chan struct{}), gone: make(chan struct{}), more: make(chan struct{}, 1)}, make(chan string)
	go func() {
		defer close(lines)
		readLines(in, func(line string) { lines <- line })
	}()
	go i.collect(lines)
	return i
}

// readPipe reads a pipe or file: one message a line, and commands are allowed.
func readPipe(in io.Reader) *input {
	i := &input{more: make(chan struct{}, 1)}
	go func() {
		readLines(in, func(line string) { i.add(typed{text: strings.TrimSpace(line), begun: time.Now()}) })
		i.end()
	}()
	return i
}

func readLines(in io.Reader, f func(string)) {
	for r := bufio.NewReader(in); ; {
		line, err := r.ReadString('\n')
		if err == nil || line != "" {
			f(strings.TrimRight(line, "\r\n"))
		}
		if err != nil {
			return
		}
	}
}

// collect joins lines that belong together.
func (i *input) collect(lines <-chan string) {
	defer i.end()
	defer close(i.gone)
	var (
		part     []string // of what comes next
		next     typed
		in       bool // a paste
		last     time.Time
		complete <-chan time.Time
	)
	finish := func() {
		if part != nil {
			next.text = strings.TrimSpace(strings.Join(part, "\n"))
			i.add(next)
		}
		part, in, complete = nil, false, nil
	}
	for {
		quiet := i.quiet
		if complete != nil {
			quiet = nil
		}
		select {
		case quiet <- struct{}{}:
		case line, ok := <-lines:
			if !ok {
				finish()
				return
			}
			now := time.Now()
			if part == nil {
				next = typed{begun: now}
			}
			late := in && now.Sub(last) > afterPaste
			begin, end := strings.LastIndex(line, pasteBegin), strings.LastIndex(line, pasteEnd)
			next.pasted = next.pasted || part != nil || begin >= 0 || end >= 0
			in = begin > end || in && end < 0 && !late
			part, last = append(part, strings.NewReplacer(pasteBegin, "", pasteEnd, "").Replace(line)), now
			complete = nil
			if !in {
				complete = time.After(atOnce)
			}
		case <-complete:
			finish()
		case <-i.lost:
			part, in, complete = nil, false, nil
		}
	}
}

// forget drops a paste that has not ended. On Ctrl-C the terminal drops the rest of it.
func (i *input) forget() {
	select {
	case i.lost <- struct{}{}:
	case <-i.gone:
	}
}

func (i *input) add(t typed) {
	i.mu.Lock()
	i.queue = append(i.queue, t)
	i.mu.Unlock()
	i.wake()
}

func (i *input) end() {
	i.mu.Lock()
	i.ended = true
	i.mu.Unlock()
	i.wake()
}

func (i *input) wake() {
	select {
	case i.more <- struct{}{}:
	default:
	}
}

// early takes what has come already, whole: a line that came a moment ago is waited for.
func (i *input) early(ctx context.Context) []typed {
	select {
	case <-i.quiet:
	case <-i.gone:
	case <-ctx.Done():
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	queue := i.queue
	i.queue = nil
	return queue
}

// next returns what comes next. The error is io.EOF, or the cause of the end of ctx.
func (i *input) next(ctx context.Context) (typed, error) {
	for {
		i.mu.Lock()
		if len(i.queue) > 0 {
			t := i.queue[0]
			i.queue = i.queue[1:]
			i.mu.Unlock()
			return t, nil
		}
		ended := i.ended
		i.mu.Unlock()
		if ended {
			return typed{}, io.EOF
		}
		select {
		case <-i.more:
		case <-ctx.Done():
			return typed{}, context.Cause(ctx)
		}
	}
}
