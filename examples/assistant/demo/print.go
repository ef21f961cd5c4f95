package demo

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

// The printed code is cut out of the source of the functions that run.
var (
	//go:embed calls.go
	callsSource string
	//go:embed accounts.go
	accountsSource string
	//go:embed agent.go
	agentSource string
)

// printer prints the story.
type printer struct {
	out    io.Writer
	step   int
	title  string
	shown  map[string]bool // functions whose code the running part has shown
	failed error           // the first error of writing
}

// say prints a line.
func (p *printer) say(format string, args ...any) {
	if _, err := fmt.Fprintf(p.out, format+"\n", args...); err != nil && p.failed == nil {
		p.failed = fmt.Errorf("write to standard output: %w", err)
	}
}

// begin starts a step.
func (p *printer) begin(title string, args ...any) {
	p.step++
	p.title = fmt.Sprintf(title, args...)
	p.say("\n%d. %s", p.step, p.title)
}

// code prints a line of code.
func (p *printer) code(line string) { p.say("   > %s", line) }

// source prints the body of a function, once per part.
func (p *printer) source(file, function string) {
	if p.shown[function] {
		return
	}
	p.shown[function] = true
	for _, line := range body(file, function) {
		p.code(line)
	}
}

// result shows what a call returned.
func (p *printer) result(format string, args ...any) { p.say("   "+format, args...) }

// ok says what was verified.
func (p *printer) ok(format string, args ...any) { p.say("   checked: "+format, args...) }

// body cuts the body of a function or method out of a file formatted by gofmt,
// where it ends at the first brace without indentation. It returns nothing for
// a name that the file does not declare, which a test refuses.
func body(file, function string) []string {
	for decl := range strings.SplitSeq(file, "\nfunc ") {
		head, rest, _ := strings.Cut(decl, "\n")
		if _, method, ok := strings.Cut(head, ") "); ok && strings.HasPrefix(head, "(") {
			head = method
		}
		if !strings.HasPrefix(head, function+"(") {
			continue
		}
		text, _, _ := strings.Cut(rest, "\n}\n")
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			lines[i] = strings.ReplaceAll(strings.TrimPrefix(line, "\t"), "\t", "    ")
		}
		return lines
	}
	return nil
}
