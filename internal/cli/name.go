package cli

import (
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// ownName is the name of the command in its texts. A program that gives it tools of
// its own may have another.
const ownName = "closekit"

var (
	// ownWord is the name in help, which contains no data.
	ownWord = regexp.MustCompile(`\b` + ownName + `\b`)
	// ownLine is a command line in a hint, of which data may be a part; "closekit demo
	// …" is the name of leads.
	ownLine = regexp.MustCompile(`\b` + ownName + `( (?:accounts|agent|api|audit|call|completion|demo|emulator|environment|exit-codes|help|schema|tools|version)\b)( …)?`)
)

// named writes the name of the program into a hint. Of the exact line to repeat,
// only the first word is the name; the rest may be data.
func (p *program) named(hint string) string {
	if p.name == ownName {
		return hint
	}
	if strings.HasPrefix(hint, ifWanted) {
		return strings.Replace(hint, ": "+ownName+" ", ": "+p.name+" ", 1)
	}
	return ownLine.ReplaceAllStringFunc(hint, func(line string) string {
		if strings.HasSuffix(line, " …") {
			return line
		}
		return p.name + strings.TrimPrefix(line, ownName)
	})
}

// nameHelp writes the name of the program into the help of a command and those below.
func (p *program) nameHelp(cmd *cobra.Command) {
	if p.name == ownName {
		return
	}
	name := strings.ReplaceAll(p.name, "$", "$$")
	for _, text := range []*string{&cmd.Short, &cmd.Long, &cmd.Example} {
		*text = ownWord.ReplaceAllString(*text, name)
	}
	for _, c := range cmd.Commands() {
		p.nameHelp(c)
	}
}

// ownQuoted is a command in the texts of the demo, which also name leads "closekit
// demo 1-1".
var ownQuoted = regexp.MustCompile(`"` + ownName + `( (?:demo|tools|emulator|accounts|agent call)(?: --live)?")`)

// namedWriter writes the name of the program into whole lines of the demo.
type namedWriter struct{ p *program }

func (w namedWriter) Write(b []byte) (int, error) {
	text := string(b)
	if w.p.name != ownName {
		text = ownQuoted.ReplaceAllStringFunc(text, func(s string) string { return `"` + w.p.name + strings.TrimPrefix(s, `"`+ownName) })
	}
	if _, err := io.WriteString(w.p.stdout, text); err != nil {
		return 0, err //nolint:wrapcheck // the demo wraps it
	}
	return len(b), nil
}
